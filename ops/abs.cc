#include <cmath>

#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/elementwise_rules.h"
#include "evengrad/ops/expression.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"

namespace evengrad {
namespace {

Expression Elementwise(const ElementwiseContext& context) {
  return Abs(context.input(0));
}

double Reference(std::span<const double> x, const ReferenceCall&) {
  return std::fabs(x[0]);
}

// 0 at 0.
std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  return {output_gradients[0] * Sign(node.input(0))};
}

}  // namespace

const OpDef& AbsOp() {
  static const OpDef* const op = new OpDef{
      .name = "abs",
      .summary = "|x|",
      .inputs = {"input"},
      .infer_type = InferSigned,
      .gradient = Gradient,
      .elementwise = Elementwise,
      .reference = ReferenceElementwise(Reference),
      .cost = ElementwiseCost,
  };
  return *op;
}

Value Abs(const Value& input, SourceLocation location) {
  return AddUnary(AbsOp(), input, location);
}

}  // namespace evengrad
