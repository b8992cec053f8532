#include "evengrad/graph/status.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"
#include "evengrad/ops/shape_rules.h"

namespace evengrad {
namespace {

using Axes = std::vector<int64_t>;

absl::StatusOr<std::vector<TensorType>> InferType(const InferContext& context) {
  const Shape& like = context.input(1).shape;
  absl::StatusOr<Shape> aligned = AlignOver(
      context.input(0).shape, context.attribute<Axes>("axes"), like.rank());
  const absl::Status status =
      aligned.ok() ? CheckBroadcastsTo(*aligned, like) : aligned.status();
  if (!status.ok()) {
    return InvalidArgument(context.Describe(0), " does not broadcast to ",
                           context.Describe(1), ": ", Message(status));
  }
  return std::vector<TensorType>{{context.input(0).dtype, like}};
}

std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  return {SumToLikeOver(output_gradients[0], node.input(0),
                        node.attribute<Axes>("axes")),
          Value()};
}

std::vector<Value> Simplify(const Node& node) {
  if (!CertainlySameShape(node.input(0).shape(), node.output_type().shape)) {
    return {};
  }
  return {node.input(0)};
}

std::vector<Value> Decompose(const Node& node) {
  const Value input = node.input(0);
  const Shape& shape = node.output_type().shape;
  absl::StatusOr<Shape> aligned =
      AlignOver(input.shape(), node.attribute<Axes>("axes"), shape.rank());
  if (!aligned.ok() || HasUnknown(*aligned) || HasUnknown(shape)) return {};
  const Value wide =
      *aligned == input.shape() ? input : Reshape(input, *aligned);
  return {BroadcastTo(wide, shape)};
}

absl::Status Reference(const ReferenceCall& call) {
  const ReferenceTensor& input = call.input(0);
  ReferenceTensor& output = call.output();
  EVENGRAD_ASSIGN_OR_RETURN(
      const Shape aligned,
      AlignOver(Shape(input.sizes), call.attribute<Axes>("axes"),
                output.rank()));
  EVENGRAD_ASSIGN_OR_RETURN(const std::vector<int64_t> sizes, aligned.Sizes());
  for (int64_t i = 0; i < output.num_elements(); ++i) {
    const std::vector<int64_t> index = Unflatten(output.sizes, i);
    output.values[i] = input.values[BroadcastIndex(sizes, index)];
  }
  return absl::OkStatus();
}

}  // namespace

const OpDef& BroadcastLikeOp() {
  static const OpDef* const op = new OpDef{
      .name = "broadcast_like",
      .summary =
          "input repeated to the shape of like (NumPy's rules, or along "
          "the axes it lacks)",
      .inputs = {"input", "like"},
      .attributes = {{.name = "axes",
                      .fallback = Axes(),
                      .summary = "axes of like that input lacks; empty: "
                                 "leading ones"}},
      .infer_type = InferType,
      .gradient = Gradient,
      .reference = Reference,
      .simplify = Simplify,
      .decompose = Decompose,
      .type_only_inputs = {1}};
  return *op;
}

Value BroadcastLike(const Value& input, const Value& like,
                    SourceLocation location) {
  return BroadcastLikeOver(input, like, {}, location);
}

Value BroadcastLikeOver(const Value& input, const Value& like, Axes axes,
                        SourceLocation location) {
  return AddNode(BroadcastLikeOp(), {input, like}, {{"axes", std::move(axes)}},
                 {.location = location})
      .output();
}

}  // namespace evengrad
