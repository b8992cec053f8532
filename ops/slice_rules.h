// Which elements a slice takes: shared by slice and its transpose,
// scatter_slice.
//
// As in Python: start, start + step, … up to but without stop; a negative place
// counts from the back, one beyond the ends means the end.
#ifndef EVENGRAD_OPS_SLICE_RULES_H_
#define EVENGRAD_OPS_SLICE_RULES_H_

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "evengrad/graph/attributes.h"
#include "evengrad/graph/tensor_type.h"
#include "evengrad/ops/copy_kernel.h"
#include "evengrad/ops/ops.h"

namespace evengrad {

// axes, starts, stops, steps: lists of one length.
std::vector<AttributeDef> SliceAttributes();
// The same as attributes; a missing start or stop is the end on that side.
Attributes ToAttributes(const std::vector<SliceRange>& ranges);
std::vector<SliceRange> ToRanges(const Attributes& attributes);

// The shape of a slice of `input`. Errors: axes out of range or named twice, a
// step of 0, lists of different lengths.
absl::StatusOr<Shape> InferSlice(const Shape& input,
                                 const Attributes& attributes);

// The places that a slice takes of each axis of a tensor of `sizes`; the
// attributes must have been accepted.
std::vector<AxisPlaces> SlicePlaces(std::span<const int64_t> sizes,
                                    const Attributes& attributes);

// The same for references: the place of each element, found by asking of every
// one whether it is taken.
std::vector<std::vector<int64_t>> ReferenceSlicePlaces(
    std::span<const int64_t> sizes, const Attributes& attributes);

// OpDef::simplify of both: a slice of the whole of its input, in order, is the
// input; and so is what puts it back.
std::vector<Value> SimplifyWholeSlice(const Node& node);

}  // namespace evengrad

#endif  // EVENGRAD_OPS_SLICE_RULES_H_
