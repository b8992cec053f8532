// What tile and its transpose, sum_tiles, share.
#ifndef EVENGRAD_OPS_TILE_RULES_H_
#define EVENGRAD_OPS_TILE_RULES_H_

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "evengrad/graph/tensor_type.h"

namespace evengrad {

// `shape` with every axis `repeats` times as long; an axis whose size is no
// number and which is repeated becomes unknown. Errors: not one count an axis,
// a negative one, a size that overflows.
absl::StatusOr<Shape> InferTiled(const Shape& shape,
                                 std::span<const int64_t> repeats);

// A row-major tensor seen as [outer, tiles, inner] around the copies along one
// axis: `inner` holds the axis itself and all after it.
struct TileView {
  int64_t outer = 1;
  int64_t tiles = 1;
  int64_t inner = 1;
};
// Axes before `axis` as in `input`, those after it as in `output`: the axes are
// tiled from the last to the first. Both static.
TileView ViewTiles(const Shape& input, const Shape& output, int axis,
                   int64_t tiles);

}  // namespace evengrad

#endif  // EVENGRAD_OPS_TILE_RULES_H_
