// What gather and its transpose, scatter_add, share: how tensors lie around the
// axis, and what an index means.
#ifndef EVENGRAD_OPS_GATHER_RULES_H_
#define EVENGRAD_OPS_GATHER_RULES_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "evengrad/graph/op_def.h"
#include "evengrad/graph/tensor_type.h"

namespace evengrad {

// OK for i32, i64 and u8; else "indices must be integers …".
absl::Status CheckIndexType(const InferContext& context, int input);

// `source` with the dimensions of `indices` in the place of `axis`.
Shape GatheredShape(const Shape& source, const Shape& indices, int axis);

// source[outer, size, inner] and gathered[outer, count, inner], row-major.
struct GatherLayout {
  int64_t outer = 1;
  int64_t size = 1;
  int64_t count = 1;
  int64_t inner = 1;
};
// All static; `axis` as the attribute has it.
GatherLayout GatherLayoutOf(const Shape& source, const Shape& indices,
                            int64_t axis);

// Index `i` of a buffer of an integer dtype as a place from the front, or -1
// where it is out of range.
int64_t LoadPlace(DType dtype, const void* indices, int64_t i, int64_t size);

}  // namespace evengrad

#endif  // EVENGRAD_OPS_GATHER_RULES_H_
