#include <cmath>

#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/elementwise_rules.h"
#include "evengrad/ops/expression.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"

namespace evengrad {
namespace {

Expression Elementwise(const ElementwiseContext& context) {
  return Tanh(context.input(0));
}

double Reference(std::span<const double> x, const ReferenceCall&) {
  return std::tanh(x[0]);
}

std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  return {output_gradients[0] * (1 - Square(node.output()))};
}

}  // namespace

const OpDef& TanhOp() {
  static const OpDef* const op = new OpDef{
      .name = "tanh",
      .summary = "(e^x - e^-x) / (e^x + e^-x): the hyperbolic tangent",
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

Value Tanh(const Value& input, SourceLocation location) {
  return AddUnary(TanhOp(), input, location);
}

}  // namespace evengrad
