// Hard tanh: a piecewise linear tanh.
//
//   hard_tanh(x) = min(max(x, -1), 1)
//
// Collobert: Large Scale Machine Learning, 2004.
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/elementwise_rules.h"
#include "evengrad/ops/expression.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"

namespace evengrad {
namespace {

Expression Elementwise(const ElementwiseContext& context) {
  const Expression x = context.input(0);
  return Minimum(Maximum(x, -1.0), 1.0);
}

double Reference(std::span<const double> x, const ReferenceCall&) {
  return x[0] < -1 ? -1 : x[0] > 1 ? 1 : x[0];
}

// 1 where -1 < output < 1, 0 elsewhere: 0 at both kinks, as in PyTorch.
std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  const Value inside = Less(Abs(node.output()), 1);
  return {Select(inside, output_gradients[0], 0)};
}

}  // namespace

const OpDef& HardTanhOp() {
  static const OpDef* const op = new OpDef{
      .name = "hard_tanh",
      .summary = "min(max(x, -1), 1) (Collobert, 2004)",
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

Value HardTanh(const Value& input, SourceLocation location) {
  return AddUnary(HardTanhOp(), input, location);
}

}  // namespace evengrad
