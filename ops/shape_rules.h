// Shape arithmetic shared by the ops that change shapes.
#ifndef EVENGRAD_OPS_SHAPE_RULES_H_
#define EVENGRAD_OPS_SHAPE_RULES_H_

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "evengrad/graph/tensor_type.h"

namespace evengrad {

bool HasUnknown(const Shape& shape);

// Same rank, and every dimension is certainly the same (see CertainlyEqual).
bool CertainlySameShape(const Shape& a, const Shape& b);

// The shape of a reshape from `input` to `target`. At most one dimension of
// `target` may be unknown; it is computed where all named dimensions cancel,
// and stays unknown where they don't. Error: the element counts certainly
// differ, or a size cannot be computed because another one is 0. Where sizes
// are still open, the counts are checked when they are known.
absl::StatusOr<Shape> InferReshape(const Shape& input, const Shape& target);

// OK when `from` may broadcast to exactly `to`; else "3 against 5 in dimension
// 1" or a comparison of ranks.
absl::Status CheckBroadcastsTo(const Shape& from, const Shape& to);

// `axes` of a shape of `rank`, counted from the front, in ascending order; an
// axis that is out of range or named twice is an error.
absl::StatusOr<std::vector<int>> DistinctAxes(std::span<const int64_t> axes,
                                              int rank);

// `shape` with a dimension of 1 at each of the ascending `axes` of the result.
Shape InsertOnes(const Shape& shape, std::span<const int> axes);

// `shape` lined up with a larger one of `rank` which has `axes` in addition: 1
// stands at those axes. Without axes it is `shape` itself. Errors: bad axes,
// ranks that don't add up.
absl::StatusOr<Shape> AlignOver(const Shape& shape,
                                std::span<const int64_t> axes, int rank);

}  // namespace evengrad

#endif  // EVENGRAD_OPS_SHAPE_RULES_H_
