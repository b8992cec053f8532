#include <cmath>

#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/elementwise_rules.h"
#include "evengrad/ops/expression.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"

namespace evengrad {
namespace {

Expression Elementwise(const ElementwiseContext& context) {
  return Expm1(context.input(0));
}

double Reference(std::span<const double> x, const ReferenceCall&) {
  return std::expm1(x[0]);
}

std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  return {output_gradients[0] * (node.output() + 1)};
}

}  // namespace

const OpDef& Expm1Op() {
  static const OpDef* const op = new OpDef{
      .name = "expm1",
      .summary = "e^x - 1, exact near 0",
      .inputs = {"input"},
      .infer_type = InferFloating,
      .gradient = Gradient,
      .elementwise = Elementwise,
      .reference = ReferenceElementwise(Reference),
      .cost = ElementwiseCost,
  };
  return *op;
}

Value Expm1(const Value& input, SourceLocation location) {
  return AddUnary(Expm1Op(), input, location);
}

}  // namespace evengrad
