#include <cmath>

#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/elementwise_rules.h"
#include "evengrad/ops/expression.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"

namespace evengrad {
namespace {

constexpr double kTwoOverSqrtPi = 1.1283791670955125739;

Expression Elementwise(const ElementwiseContext& context) {
  return Erf(context.input(0));
}

double Reference(std::span<const double> x, const ReferenceCall&) {
  return std::erf(x[0]);
}

std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  return {kTwoOverSqrtPi * Exp(-Square(node.input(0))) * output_gradients[0]};
}

}  // namespace

const OpDef& ErfOp() {
  static const OpDef* const op = new OpDef{
      .name = "erf",
      .summary = "2 / sqrt(pi) * integral of exp(-t^2) from 0 to x",
      .inputs = {"input"},
      .infer_type = InferFloating,
      .gradient = Gradient,
      .elementwise = Elementwise,
      .reference = ReferenceElementwise(Reference),
      .cost = ElementwiseCost,
  };
  return *op;
}

Value Erf(const Value& input, SourceLocation location) {
  return AddUnary(ErfOp(), input, location);
}

}  // namespace evengrad
