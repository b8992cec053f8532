#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/elementwise_rules.h"
#include "evengrad/ops/expression.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"

namespace evengrad {
namespace {

Expression Elementwise(const ElementwiseContext& context) {
  return Maximum(context.input(0), 0.0);
}

double Reference(std::span<const double> x, const ReferenceCall&) {
  return x[0] <= 0 ? 0 : x[0];
}

// 1 where the output is positive, 0 elsewhere; 0 at 0, as in PyTorch.
std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  return {Select(Greater(node.output(), 0), output_gradients[0], 0)};
}

}  // namespace

const OpDef& ReluOp() {
  static const OpDef* const op = new OpDef{
      .name = "relu",
      .summary =
          "x if x > 0 else 0: rectified linear unit (Nair and Hinton, 2010)",
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

Value Relu(const Value& input, SourceLocation location) {
  return AddUnary(ReluOp(), input, location);
}

}  // namespace evengrad
