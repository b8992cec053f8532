// Hard swish: a piecewise quadratic SiLU.
//
//   hard_swish(x) = x * min(max(x + 3, 0), 6) / 6
//
// Howard et al.: Searching for MobileNetV3, 2019.
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/elementwise_rules.h"
#include "evengrad/ops/expression.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"

namespace evengrad {
namespace {

Expression Elementwise(const ElementwiseContext& context) {
  const Expression x = context.input(0);
  // The gate first: 6 * x may overflow.
  return x * (Minimum(Maximum(x + 3.0, 0.0), 6.0) * (1.0 / 6));
}

double Reference(std::span<const double> x, const ReferenceCall&) {
  const double gate = x[0] < -3 ? 0 : x[0] > 3 ? 6 : x[0] + 3;
  return x[0] * gate / 6;
}

// 0 where x < -3, 1 where x > 3, x / 3 + 1/2 between: -1/2 at -3 and 3/2 at 3,
// as in PyTorch.
std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  const Value x = node.input(0);
  const Value inner = Select(Less(x, -3), 0, x / 3 + 0.5);
  return {output_gradients[0] * Select(Greater(x, 3), 1, inner)};
}

}  // namespace

const OpDef& HardSwishOp() {
  static const OpDef* const op = new OpDef{
      .name = "hard_swish",
      .summary = "x * min(max(x + 3, 0), 6) / 6 (Howard et al., 2019)",
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

Value HardSwish(const Value& input, SourceLocation location) {
  return AddUnary(HardSwishOp(), input, location);
}

}  // namespace evengrad
