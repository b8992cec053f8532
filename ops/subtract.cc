#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/elementwise_rules.h"
#include "evengrad/ops/expression.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"

namespace evengrad {
namespace {

Expression Elementwise(const ElementwiseContext& context) {
  return context.input(0) - context.input(1);
}

double Reference(std::span<const double> x, const ReferenceCall&) {
  return x[0] - x[1];
}

std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  return {Unbroadcast(output_gradients[0], node.input(0)),
          Unbroadcast(-output_gradients[0], node.input(1))};
}

// x - 0 is x and a - -b is a + b, exactly.
std::vector<Value> Simplify(const Node& node) {
  const Value a = node.input(0);
  const Value b = node.input(1);
  if (IsNumber(b, 0)) return ReplaceBy(a, node);
  if (&b.node().op() == &NegateOp()) return {a + b.node().input(0)};
  return {};
}

}  // namespace

const OpDef& SubtractOp() {
  static const OpDef* const op = new OpDef{
      .name = "subtract",
      .summary = "a - b",
      .inputs = {"a", "b"},
      .infer_type = InferSigned,
      .gradient = Gradient,
      .elementwise = Elementwise,
      .reference = ReferenceElementwise(Reference),
      .simplify = Simplify,
      .cost = ElementwiseCost,
      .hint_flow = HintFlow::kPass,
  };
  return *op;
}

Value Subtract(const Operand& a, const Operand& b) {
  return AddBinary(SubtractOp(), a, b);
}

}  // namespace evengrad
