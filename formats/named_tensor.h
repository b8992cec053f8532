#ifndef EVENGRAD_FORMATS_NAMED_TENSOR_H_
#define EVENGRAD_FORMATS_NAMED_TENSOR_H_

#include <string>

#include "evengrad/graph/tensor.h"

namespace evengrad {

// A tensor under the name it has in a file.
struct NamedTensor {
  std::string name = {};
  Tensor tensor = {};
};

}  // namespace evengrad

#endif  // EVENGRAD_FORMATS_NAMED_TENSOR_H_
