// ReLU6: a rectified linear unit that saturates.
//
//   relu6(x) = min(max(x, 0), 6)
//
// Krizhevsky: Convolutional Deep Belief Networks on CIFAR-10, 2010.
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/elementwise_rules.h"
#include "evengrad/ops/expression.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"

namespace evengrad {
namespace {

Expression Elementwise(const ElementwiseContext& context) {
  const Expression x = context.input(0);
  return Minimum(Maximum(x, 0.0), 6.0);
}

double Reference(std::span<const double> x, const ReferenceCall&) {
  return x[0] < 0 ? 0 : x[0] > 6 ? 6 : x[0];
}

// 1 where 0 < output < 6, 0 elsewhere: 0 at both kinks, as in PyTorch.
std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  const Value output = node.output();
  const Value inside = LogicalAnd(Greater(output, 0), Less(output, 6));
  return {Select(inside, output_gradients[0], 0)};
}

}  // namespace

const OpDef& Relu6Op() {
  static const OpDef* const op = new OpDef{
      .name = "relu6",
      .summary = "min(max(x, 0), 6) (Krizhevsky, 2010)",
      .inputs = {"input"},
      .infer_type = InferFloating,
      .gradient = Gradient,
      .elementwise = Elementwise,
      .reference = ReferenceElementwise(Reference),
      .cost = ElementwiseCost,
      .initializer_hint = InitializerHint::kHe,
  };
  return *op;
}

Value Relu6(const Value& input, SourceLocation location) {
  return AddUnary(Relu6Op(), input, location);
}

}  // namespace evengrad
