#include "evengrad/graph/status.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"
#include "evengrad/ops/shape_rules.h"

namespace evengrad {
namespace {

absl::StatusOr<std::vector<TensorType>> InferType(const InferContext& context) {
  const Shape& target = context.attribute<Shape>("shape");
  absl::StatusOr<Shape> shape = InferReshape(context.input(0).shape, target);
  if (!shape.ok()) {
    return InvalidArgument("cannot reshape ", context.Describe(0), " to ",
                           target.ToString(), ": ", Message(shape.status()));
  }
  return std::vector<TensorType>{{context.input(0).dtype, *std::move(shape)}};
}

std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  return {ReshapeLike(output_gradients[0], node.input(0))};
}

std::vector<Value> Simplify(const Node& node) {
  const Value input = node.input(0);
  const Shape& shape = node.output_type().shape;
  if (CertainlySameShape(input.shape(), shape)) return {input};
  if (&input.node().op() != &ReshapeOp() || HasUnknown(shape)) return {};
  return {Reshape(input.node().input(0), shape)};
}

absl::Status Reference(const ReferenceCall& call) {
  call.output().values = call.input(0).values;
  return absl::OkStatus();
}

}  // namespace

const OpDef& ReshapeOp() {
  static const OpDef* const op =
      new OpDef{.name = "reshape",
                .summary = "the same elements, row by row, in another shape",
                .inputs = {"input"},
                .attributes = {{.name = "shape",
                                .fallback = Shape(),
                                .required = true,
                                .summary = "at most one dimension may be ?"}},
                .infer_type = InferType,
                .gradient = Gradient,
                .reference = Reference,
                .simplify = Simplify,
                .hint_flow = HintFlow::kPass,
                .alias = true};
  return *op;
}

Value Reshape(const Value& input, const Shape& shape, SourceLocation location) {
  // A dimension that can be told from the symbols is kept: with a batch of 0 it
  // could not be told from the sizes.
  Shape target = shape;
  if (input.valid() && shape.Validate().ok()) {
    absl::StatusOr<Shape> inferred = InferReshape(input.shape(), shape);
    if (inferred.ok()) target = *std::move(inferred);
  }
  return AddNode(ReshapeOp(), {input}, {{"shape", target}},
                 {.location = location})
      .output();
}

}  // namespace evengrad
