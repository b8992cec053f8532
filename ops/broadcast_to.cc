#include "evengrad/graph/status.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/expression.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"
#include "evengrad/ops/shape_rules.h"

namespace evengrad {
namespace {

absl::StatusOr<std::vector<TensorType>> InferType(const InferContext& context) {
  const Shape& shape = context.attribute<Shape>("shape");
  if (HasUnknown(shape)) {
    return InvalidArgument("the shape to broadcast to, ", shape.ToString(),
                           ", must have no unknown dimension; broadcast_like "
                           "takes the shape of a value");
  }
  const absl::Status status = CheckBroadcastsTo(context.input(0).shape, shape);
  if (!status.ok()) {
    return InvalidArgument(context.Describe(0), " does not broadcast to ",
                           shape.ToString(), ": ", Message(status));
  }
  return std::vector<TensorType>{{context.input(0).dtype, shape}};
}

std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  return {SumToLike(output_gradients[0], node.input(0))};
}

Expression Elementwise(const ElementwiseContext& context) {
  return context.input(0);
}

std::vector<Value> Simplify(const Node& node) {
  const Value input = node.input(0);
  const Shape& shape = node.output_type().shape;
  if (CertainlySameShape(input.shape(), shape)) return {input};
  if (&input.node().op() != &BroadcastToOp()) return {};
  return {BroadcastTo(input.node().input(0), shape)};
}

}  // namespace

const OpDef& BroadcastToOp() {
  static const OpDef* const op = new OpDef{
      .name = "broadcast_to",
      .summary =
          "input repeated along dimensions of 1 and new leading ones "
          "(NumPy's rules)",
      .inputs = {"input"},
      .attributes = {{.name = "shape",
                      .fallback = Shape(),
                      .required = true,
                      .summary = "integers and names"}},
      .infer_type = InferType,
      .gradient = Gradient,
      .elementwise = Elementwise,
      .reference = ReferenceElementwise(
          [](std::span<const double> x, const ReferenceCall&) { return x[0]; }),
      .simplify = Simplify,
      .hint_flow = HintFlow::kPass};
  return *op;
}

Value BroadcastTo(const Value& input, const Shape& shape,
                  SourceLocation location) {
  return AddNode(BroadcastToOp(), {input}, {{"shape", shape}},
                 {.location = location})
      .output();
}

}  // namespace evengrad
