#include "evengrad/graph/status.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"
#include "evengrad/ops/shape_rules.h"

namespace evengrad {
namespace {

absl::StatusOr<std::vector<TensorType>> InferType(const InferContext& context) {
  const Shape& like = context.input(1).shape;
  if (!HasUnknown(like)) {
    absl::StatusOr<Shape> shape = InferReshape(context.input(0).shape, like);
    if (!shape.ok()) {
      return InvalidArgument("cannot reshape ", context.Describe(0),
                             " to the shape of ", context.Describe(1), ": ",
                             Message(shape.status()));
    }
  }
  return std::vector<TensorType>{{context.input(0).dtype, like}};
}

std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  return {ReshapeLike(output_gradients[0], node.input(0)), Value()};
}

std::vector<Value> Simplify(const Node& node) {
  const Value input = node.input(0);
  if (CertainlySameShape(input.shape(), node.output_type().shape)) {
    return {input};
  }
  const OpDef* below = &input.node().op();
  if (below != &ReshapeOp() && below != &ReshapeLikeOp()) return {};
  return {ReshapeLike(input.node().input(0), node.input(1))};
}

std::vector<Value> Decompose(const Node& node) {
  const Shape& shape = node.output_type().shape;
  if (HasUnknown(shape)) return {};
  return {Reshape(node.input(0), shape)};
}

absl::Status Reference(const ReferenceCall& call) {
  call.output().values = call.input(0).values;
  return absl::OkStatus();
}

}  // namespace

const OpDef& ReshapeLikeOp() {
  static const OpDef* const op = new OpDef{
      .name = "reshape_like",
      .summary = "the elements of input, row by row, in the shape of like",
      .inputs = {"input", "like"},
      .infer_type = InferType,
      .gradient = Gradient,
      .reference = Reference,
      .simplify = Simplify,
      .decompose = Decompose,
      .hint_flow = HintFlow::kPass,
      .type_only_inputs = {1}};
  return *op;
}

Value ReshapeLike(const Value& input, const Value& like,
                  SourceLocation location) {
  return AddNode(ReshapeLikeOp(), {input, like}, {}, {.location = location})
      .output();
}

}  // namespace evengrad
