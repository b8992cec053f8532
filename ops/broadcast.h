// Where a fused loop finds the elements of a tensor that broadcasts to it.
#ifndef EVENGRAD_OPS_BROADCAST_H_
#define EVENGRAD_OPS_BROADCAST_H_

#include <cstdint>
#include <vector>

#include "evengrad/graph/tensor_type.h"

namespace evengrad {

// How the elements of a broadcast tensor follow from the position in the loop,
// whose elements are counted row by row.
struct Broadcast {
  enum class Kind : uint8_t {
    kFull,     // element f
    kScalar,   // element 0
    kRow,      // element f % period: leading axes are broadcast
    kColumn,   // element f / repeat: trailing axes are broadcast
    kGeneral,  // anything else: by coordinates
  };
  Kind kind = Kind::kFull;
  int64_t period = 1;
  int64_t repeat = 1;
  // Of kGeneral: sizes of the loop and strides of the tensor, outermost first.
  std::vector<int64_t> sizes = {};
  std::vector<int64_t> strides = {};

  // The element at position f.
  int64_t At(int64_t f) const;
};

// `tensor` broadcasts to `loop`; both static.
Broadcast FindBroadcast(const Shape& tensor, const Shape& loop);

}  // namespace evengrad

#endif  // EVENGRAD_OPS_BROADCAST_H_
