#include <cmath>

#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/elementwise_rules.h"
#include "evengrad/ops/expression.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"

namespace evengrad {
namespace {

Expression Elementwise(const ElementwiseContext& context) {
  return Exp(context.input(0));
}

double Reference(std::span<const double> x, const ReferenceCall&) {
  return std::exp(x[0]);
}

std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  return {output_gradients[0] * node.output()};
}

}  // namespace

const OpDef& ExpOp() {
  static const OpDef* const op = new OpDef{
      .name = "exp",
      .summary = "e^x",
      .inputs = {"input"},
      .infer_type = InferFloating,
      .gradient = Gradient,
      .elementwise = Elementwise,
      .reference = ReferenceElementwise(Reference),
      .cost = ElementwiseCost,
  };
  return *op;
}

Value Exp(const Value& input, SourceLocation location) {
  return AddUnary(ExpOp(), input, location);
}

}  // namespace evengrad
