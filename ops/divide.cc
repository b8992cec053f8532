#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/elementwise_rules.h"
#include "evengrad/ops/expression.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"

namespace evengrad {
namespace {

Expression Elementwise(const ElementwiseContext& context) {
  return context.input(0) / context.input(1);
}

double Reference(std::span<const double> x, const ReferenceCall&) {
  return x[0] / x[1];
}

// d/da = 1 / b; d/db = -a / b^2 = -output / b.
std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  const Value a = node.input(0);
  const Value b = node.input(1);
  const Value gradient = output_gradients[0] / b;
  return {Unbroadcast(gradient, a), Unbroadcast(-gradient * node.output(), b)};
}

// x / 1 is x.
std::vector<Value> Simplify(const Node& node) {
  if (!IsNumber(node.input(1), 1)) return {};
  return ReplaceBy(node.input(0), node);
}

}  // namespace

const OpDef& DivideOp() {
  static const OpDef* const op = new OpDef{
      .name = "divide",
      .summary = "a / b",
      .inputs = {"a", "b"},
      .infer_type = InferFloating,
      .gradient = Gradient,
      .elementwise = Elementwise,
      .reference = ReferenceElementwise(Reference),
      .simplify = Simplify,
      .cost = ElementwiseCost,
  };
  return *op;
}

Value Divide(const Operand& a, const Operand& b) {
  return AddBinary(DivideOp(), a, b);
}

}  // namespace evengrad
