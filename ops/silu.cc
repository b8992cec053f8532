// SiLU, also known as swish: a smooth ReLU that dips below 0.
//
//   silu(x) = x * sigmoid(x)
//
// Elfwing, Uchibe and Doya: Sigmoid-Weighted Linear Units, 2018; Ramachandran,
// Zoph and Le: Searching for Activation Functions, 2017.
#include <cmath>

#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/elementwise_rules.h"
#include "evengrad/ops/expression.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"

namespace evengrad {
namespace {

Expression Elementwise(const ElementwiseContext& context) {
  const Expression x = context.input(0);
  return x / (1.0 + Exp(-x));
}

double Reference(std::span<const double> x, const ReferenceCall&) {
  return x[0] / (1 + std::exp(-x[0]));
}

// silu'(x) = s + x * s * (1 - s) with s = sigmoid(x).
std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  const Value x = node.input(0);
  const Value s = Sigmoid(x);
  return {output_gradients[0] * s * (1 + x * (1 - s))};
}

}  // namespace

const OpDef& SiluOp() {
  static const OpDef* const op = new OpDef{
      .name = "silu",
      .summary =
          "x * sigmoid(x): swish (Elfwing et al., 2018; Ramachandran et al., "
          "2017)",
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

Value Silu(const Value& input, SourceLocation location) {
  return AddUnary(SiluOp(), input, location);
}

}  // namespace evengrad
