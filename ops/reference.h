// The executable specification of an op: plain loops in double, sharing no code
// with kernels. The reference executor runs whole graphs with it, and every
// kernel is held against it.
#ifndef EVENGRAD_OPS_REFERENCE_H_
#define EVENGRAD_OPS_REFERENCE_H_

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "evengrad/graph/attributes.h"
#include "evengrad/graph/export.h"
#include "evengrad/graph/op_def.h"
#include "evengrad/graph/tensor_type.h"

namespace evengrad {

// A tensor whose elements are doubles whatever its dtype; integers and bools
// are whole numbers (exact to 2^53).
struct EVENGRAD_EXPORT ReferenceTensor {
  DType dtype = DType::kF32;
  std::vector<int64_t> sizes = {};
  std::vector<double> values = {};

  int rank() const { return static_cast<int>(sizes.size()); }
  int64_t num_elements() const { return static_cast<int64_t>(values.size()); }
  TensorType type() const { return {dtype, Shape(sizes)}; }
  // Zeros of a static type (an empty tensor for an open one).
  static ReferenceTensor Zeros(const TensorType& type);
};

struct ReferenceCall {
  const OpDef* op = nullptr;
  const Attributes* attributes = nullptr;
  std::span<const ReferenceTensor* const> inputs = {};
  std::span<ReferenceTensor> outputs = {};  // of their static types, zeroed
  uint64_t seed = 0;
  uint64_t step = 0;

  const ReferenceTensor& input(int i) const { return *inputs[i]; }
  ReferenceTensor& output(int i = 0) const { return outputs[i]; }
  template <typename T>
  const T& attribute(std::string_view name) const {
    return InferContext(*op, {}, *attributes).attribute<T>(name);
  }
};

// The flat index in a tensor of `sizes` of the element that broadcasts to
// position `index` (row-major coordinates) of a result of rank
// index.size() >= sizes.size().
EVENGRAD_EXPORT int64_t BroadcastIndex(std::span<const int64_t> sizes,
                                       std::span<const int64_t> index);
// Row-major coordinates of flat position `flat`, and the inverse.
EVENGRAD_EXPORT std::vector<int64_t> Unflatten(std::span<const int64_t> sizes,
                                               int64_t flat);
EVENGRAD_EXPORT int64_t Flatten(std::span<const int64_t> sizes,
                                std::span<const int64_t> index);

// A reference that applies a scalar function to the elements of the inputs,
// broadcast to the output: the reference of every elementwise op.
//   .reference = ReferenceElementwise(
//       [](std::span<const double> x, const ReferenceCall&) { return …; })
EVENGRAD_EXPORT ReferenceFunction ReferenceElementwise(
    std::function<double(std::span<const double> inputs,
                         const ReferenceCall& call)>
        function);

}  // namespace evengrad

#endif  // EVENGRAD_OPS_REFERENCE_H_
