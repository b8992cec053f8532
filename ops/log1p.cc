#include <cmath>

#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/elementwise_rules.h"
#include "evengrad/ops/expression.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"

namespace evengrad {
namespace {

Expression Elementwise(const ElementwiseContext& context) {
  return Log1p(context.input(0));
}

double Reference(std::span<const double> x, const ReferenceCall&) {
  return std::log1p(x[0]);
}

std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  return {output_gradients[0] / (node.input(0) + 1)};
}

}  // namespace

const OpDef& Log1pOp() {
  static const OpDef* const op = new OpDef{
      .name = "log1p",
      .summary = "log(1 + x), exact near 0",
      .inputs = {"input"},
      .infer_type = InferFloating,
      .gradient = Gradient,
      .elementwise = Elementwise,
      .reference = ReferenceElementwise(Reference),
      .cost = ElementwiseCost,
  };
  return *op;
}

Value Log1p(const Value& input, SourceLocation location) {
  return AddUnary(Log1pOp(), input, location);
}

}  // namespace evengrad
