#include "evengrad/ops/tile_rules.h"

#include "evengrad/graph/status.h"

namespace evengrad {

absl::StatusOr<Shape> InferTiled(const Shape& shape,
                                 std::span<const int64_t> repeats) {
  if (static_cast<int>(repeats.size()) != shape.rank()) {
    return InvalidArgument("repeats has ", repeats.size(),
                           " counts, expected one an axis, ", shape.rank());
  }
  Shape tiled = shape;
  for (int i = 0; i < shape.rank(); ++i) {
    if (repeats[i] < 0) {
      return InvalidArgument("the count ", repeats[i],
                             " in repeats is negative");
    }
    if (repeats[i] == 1) continue;
    if (!shape[i].is_integer()) {
      tiled[i] = repeats[i] == 0 ? Dimension(0) : Dimension::Unknown();
      continue;
    }
    int64_t size = 0;
    if (__builtin_mul_overflow(shape[i].size(), repeats[i], &size)) {
      return InvalidArgument("the size of the result overflows 64 bits");
    }
    tiled[i] = size;
  }
  return tiled;
}

TileView ViewTiles(const Shape& input, const Shape& output, int axis,
                   int64_t tiles) {
  TileView view = {.tiles = tiles, .inner = input[axis].size()};
  for (int i = 0; i < axis; ++i) view.outer *= input[i].size();
  for (int i = axis + 1; i < input.rank(); ++i) {
    view.inner *= output[i].size();
  }
  return view;
}

}  // namespace evengrad
