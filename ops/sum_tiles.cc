// The transpose of tile: the tiles of input are added up.
#include "evengrad/graph/status.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"
#include "evengrad/ops/tile_rules.h"

namespace evengrad {
namespace {

using Counts = std::vector<int64_t>;

absl::StatusOr<std::vector<TensorType>> InferType(const InferContext& context) {
  const TensorType& input = context.input(0);
  const Shape& like = context.input(1).shape;
  if (!IsFloating(input.dtype) && !IsInteger(input.dtype)) {
    return InvalidArgument("input must be a number (f32, f64, bf16, i32, i64 ",
                           "or u8), found ", input.ToString());
  }
  const absl::StatusOr<Shape> tiled =
      InferTiled(like, context.attribute<Counts>("repeats"));
  if (!tiled.ok()) {
    return InvalidArgument("cannot tile ", context.Describe(1), ": ",
                           Message(tiled.status()));
  }
  if (!MayBeEqual(input.shape, *tiled)) {
    return InvalidArgument(context.Describe(0), " is no tiling of ",
                           context.Describe(1), ", which would be ",
                           tiled->ToString());
  }
  return std::vector<TensorType>{{input.dtype, like}};
}

std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  return {Tile(output_gradients[0], node.attribute<Counts>("repeats")),
          Value()};
}

// The first axis first, so that tile's views can be used in reverse.
std::vector<Value> Decompose(const Node& node) {
  const auto& repeats = node.attribute<Counts>("repeats");
  const Shape& tiled = node.input(0).shape();
  const Shape& output = node.output_type().shape;
  if (!tiled.is_static() || !output.is_static()) return {};
  Value sum = node.input(0);
  for (int axis = 0; axis < output.rank(); ++axis) {
    if (repeats[axis] == 1) continue;
    const auto [outer, tiles, inner] =
        ViewTiles(output, tiled, axis, repeats[axis]);
    sum = ReduceSum(Reshape(sum, {outer, tiles, inner}), {.axes = {1}});
  }
  return {Reshape(sum, output)};
}

absl::Status Reference(const ReferenceCall& call) {
  const ReferenceTensor& input = call.input(0);
  ReferenceTensor& output = call.output();
  for (int64_t i = 0; i < input.num_elements(); ++i) {
    std::vector<int64_t> index = Unflatten(input.sizes, i);
    for (size_t k = 0; k < index.size(); ++k) index[k] %= output.sizes[k];
    output.values[Flatten(output.sizes, index)] += input.values[i];
  }
  return absl::OkStatus();
}

}  // namespace

const OpDef& SumTilesOp() {
  static const OpDef* const op = new OpDef{
      .name = "sum_tiles",
      .summary =
          "the sum of the tiles that input is made of, each as large as like: "
          "the transpose of tile",
      .inputs = {"input", "like"},
      .attributes = {{.name = "repeats",
                      .fallback = Counts(),
                      .required = true,
                      .summary = "one an axis, not negative"}},
      .infer_type = InferType,
      .gradient = Gradient,
      .reference = Reference,
      .decompose = Decompose,
      .type_only_inputs = {1}};
  return *op;
}

Value SumTiles(const Value& input, const Value& like, Counts repeats,
               SourceLocation location) {
  return AddNode(SumTilesOp(), {input, like}, {{"repeats", std::move(repeats)}},
                 {.location = location})
      .output();
}

}  // namespace evengrad
