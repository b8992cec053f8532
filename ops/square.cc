#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/elementwise_rules.h"
#include "evengrad/ops/expression.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"

namespace evengrad {
namespace {

Expression Elementwise(const ElementwiseContext& context) {
  const Expression x = context.input(0);
  return x * x;
}

double Reference(std::span<const double> x, const ReferenceCall&) {
  return x[0] * x[0];
}

std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  return {2 * node.input(0) * output_gradients[0]};
}

}  // namespace

const OpDef& SquareOp() {
  static const OpDef* const op = new OpDef{
      .name = "square",
      .summary = "x * x",
      .inputs = {"input"},
      .infer_type = InferSigned,
      .gradient = Gradient,
      .elementwise = Elementwise,
      .reference = ReferenceElementwise(Reference),
      .cost = ElementwiseCost,
  };
  return *op;
}

Value Square(const Value& input, SourceLocation location) {
  return AddUnary(SquareOp(), input, location);
}

}  // namespace evengrad
