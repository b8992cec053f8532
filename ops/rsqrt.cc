#include <cmath>

#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/elementwise_rules.h"
#include "evengrad/ops/expression.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"

namespace evengrad {
namespace {

Expression Elementwise(const ElementwiseContext& context) {
  return 1.0 / Sqrt(context.input(0));
}

double Reference(std::span<const double> x, const ReferenceCall&) {
  return 1 / std::sqrt(x[0]);
}

// -1/2 x^(-3/2), which is -1/2 output^3.
std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  const Value output = node.output();
  return {-0.5 * output_gradients[0] * output * output * output};
}

}  // namespace

const OpDef& RsqrtOp() {
  static const OpDef* const op = new OpDef{
      .name = "rsqrt",
      .summary = "1 / sqrt(x)",
      .inputs = {"input"},
      .infer_type = InferFloating,
      .gradient = Gradient,
      .elementwise = Elementwise,
      .reference = ReferenceElementwise(Reference),
      .cost = ElementwiseCost,
  };
  return *op;
}

Value Rsqrt(const Value& input, SourceLocation location) {
  return AddUnary(RsqrtOp(), input, location);
}

}  // namespace evengrad
