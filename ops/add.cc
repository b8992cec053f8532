#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/elementwise_rules.h"
#include "evengrad/ops/expression.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"

namespace evengrad {
namespace {

Expression Elementwise(const ElementwiseContext& context) {
  return context.input(0) + context.input(1);
}

double Reference(std::span<const double> x, const ReferenceCall&) {
  return x[0] + x[1];
}

std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  return {Unbroadcast(output_gradients[0], node.input(0)),
          Unbroadcast(output_gradients[0], node.input(1))};
}

// a + -b is a - b, exactly. x + 0 is not x: -0 + 0 is 0.
std::vector<Value> Simplify(const Node& node) {
  for (int i = 0; i < 2; ++i) {
    const Value x = node.input(1 - i);
    const Value other = node.input(i);
    const double zero = IsFloating(x.dtype()) ? -0.0 : 0.0;
    if (IsNumber(other, zero)) return ReplaceBy(x, node);
    if (&other.node().op() == &NegateOp()) {
      return {x - other.node().input(0)};
    }
  }
  return {};
}

}  // namespace

const OpDef& AddOp() {
  static const OpDef* const op = new OpDef{
      .name = "add",
      .summary = "a + b",
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

Value Add(const Operand& a, const Operand& b) {
  return AddBinary(AddOp(), a, b);
}

}  // namespace evengrad
