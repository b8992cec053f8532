#include <cmath>

#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/elementwise_rules.h"
#include "evengrad/ops/expression.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"

namespace evengrad {
namespace {

Expression Elementwise(const ElementwiseContext& context) {
  return 1.0 / (1.0 + Exp(-context.input(0)));
}

double Reference(std::span<const double> x, const ReferenceCall&) {
  return 1 / (1 + std::exp(-x[0]));
}

std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  const Value output = node.output();
  return {output_gradients[0] * output * (1 - output)};
}

}  // namespace

const OpDef& SigmoidOp() {
  static const OpDef* const op = new OpDef{
      .name = "sigmoid",
      .summary = "1 / (1 + exp(-x)): the logistic function",
      .inputs = {"input"},
      .infer_type = InferFloating,
      .gradient = Gradient,
      .elementwise = Elementwise,
      .reference = ReferenceElementwise(Reference),
      .cost = ElementwiseCost,
      .initializer_hint = InitializerHint::kGlorot,
  };
  return *op;
}

Value Sigmoid(const Value& input, SourceLocation location) {
  return AddUnary(SigmoidOp(), input, location);
}

}  // namespace evengrad
