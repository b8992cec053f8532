// A tensor repeated along its axes, block after block, as NumPy's tile. It is
// composed of a broadcast an axis, which fuses with the ops around it.
#include "evengrad/graph/status.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"
#include "evengrad/ops/tile_rules.h"

namespace evengrad {
namespace {

using Counts = std::vector<int64_t>;

absl::StatusOr<std::vector<TensorType>> InferType(const InferContext& context) {
  absl::StatusOr<Shape> shape =
      InferTiled(context.input(0).shape, context.attribute<Counts>("repeats"));
  if (!shape.ok()) {
    return InvalidArgument("cannot tile ", context.Describe(0), ": ",
                           Message(shape.status()));
  }
  return std::vector<TensorType>{{context.input(0).dtype, *std::move(shape)}};
}

std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  return {SumTiles(output_gradients[0], node.input(0),
                   node.attribute<Counts>("repeats"))};
}

// The last axis first: what a broadcast repeats lies side by side.
std::vector<Value> Decompose(const Node& node) {
  const auto& repeats = node.attribute<Counts>("repeats");
  const Shape& input = node.input(0).shape();
  const Shape& output = node.output_type().shape;
  if (!input.is_static() || !output.is_static()) return {};
  Value tiled = node.input(0);
  for (int axis = input.rank() - 1; axis >= 0; --axis) {
    if (repeats[axis] == 1) continue;
    const auto [outer, tiles, inner] =
        ViewTiles(input, output, axis, repeats[axis]);
    tiled =
        BroadcastTo(Reshape(tiled, {outer, 1, inner}), {outer, tiles, inner});
  }
  return {Reshape(tiled, output)};
}

absl::Status Reference(const ReferenceCall& call) {
  const ReferenceTensor& input = call.input(0);
  ReferenceTensor& output = call.output();
  for (int64_t i = 0; i < output.num_elements(); ++i) {
    std::vector<int64_t> index = Unflatten(output.sizes, i);
    for (size_t k = 0; k < index.size(); ++k) index[k] %= input.sizes[k];
    output.values[i] = input.values[Flatten(input.sizes, index)];
  }
  return absl::OkStatus();
}

}  // namespace

const OpDef& TileOp() {
  static const OpDef* const op = new OpDef{
      .name = "tile",
      .summary = "input repeated repeats[i] times along axis i, block by block",
      .inputs = {"input"},
      .attributes = {{.name = "repeats",
                      .fallback = Counts(),
                      .required = true,
                      .summary = "one an axis, not negative"}},
      .infer_type = InferType,
      .gradient = Gradient,
      .reference = Reference,
      .decompose = Decompose,
  };
  return *op;
}

Value Tile(const Value& input, Counts repeats, SourceLocation location) {
  return AddNode(TileOp(), {input}, {{"repeats", std::move(repeats)}},
                 {.location = location})
      .output();
}

}  // namespace evengrad
