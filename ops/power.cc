#include <cmath>

#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/elementwise_rules.h"
#include "evengrad/ops/expression.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"

namespace evengrad {
namespace {

// d/d base = exponent * base^(exponent - 1), and 0 where the exponent is 0.
Value BaseGradient(const Node& node, const Value& gradient) {
  const Value base = node.input(0);
  const Value exponent = node.input(1);
  const std::optional<double> constant = ScalarConstant(exponent);
  if (constant == 0.0) return Value();
  const Value slope = exponent * Power(base, exponent - 1);
  if (constant.has_value()) return slope * gradient;
  return Select(Equal(exponent, 0), 0, slope) * gradient;
}

// d/d exponent = output * log(base), and 0 where 0 is raised to a power that is
// not negative, as in PyTorch.
Value ExponentGradient(const Node& node, const Value& gradient) {
  const Value base = node.input(0);
  const Value exponent = node.input(1);
  if (ScalarConstant(exponent).has_value()) return Value();
  const Value flat = LogicalAnd(Equal(base, 0), GreaterEqual(exponent, 0));
  return Log(Select(flat, 1, base)) * node.output() * gradient;
}

std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  return {
      Unbroadcast(BaseGradient(node, output_gradients[0]), node.input(0)),
      Unbroadcast(ExponentGradient(node, output_gradients[0]), node.input(1))};
}

Expression Elementwise(const ElementwiseContext& context) {
  return Power(context.input(0), context.input(1));
}

double Reference(std::span<const double> x, const ReferenceCall&) {
  return std::pow(x[0], x[1]);
}

// x^1 is x and x^2 is x * x.
std::vector<Value> Simplify(const Node& node) {
  const Value base = node.input(0);
  if (IsNumber(node.input(1), 1)) return ReplaceBy(base, node);
  if (IsNumber(node.input(1), 2)) return ReplaceBy(Square(base), node);
  return {};
}

}  // namespace

const OpDef& PowerOp() {
  static const OpDef* const op = new OpDef{
      .name = "power",
      .summary = "base^exponent",
      .inputs = {"base", "exponent"},
      .infer_type = InferFloating,
      .gradient = Gradient,
      .elementwise = Elementwise,
      .reference = ReferenceElementwise(Reference),
      .simplify = Simplify,
      .cost = ElementwiseCost,
  };
  return *op;
}

Value Power(const Operand& base, const Operand& exponent) {
  return AddBinary(PowerOp(), base, exponent);
}

}  // namespace evengrad
