// Mish: a smooth ReLU that dips below 0.
//
//   mish(x) = x * tanh(softplus(x)) = x * tanh(log(1 + e^x))
//
// Misra: Mish: A Self Regularized Non-Monotonic Activation Function, 2019.
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
  const Expression softplus = Maximum(x, 0.0) + Log1p(Exp(-Abs(x)));
  return x * Tanh(softplus);
}

double Reference(std::span<const double> x, const ReferenceCall&) {
  // The sum is log(1 + e^x) without overflow.
  return x[0] *
         std::tanh(std::fmax(x[0], 0) + std::log1p(std::exp(-std::fabs(x[0]))));
}

// mish'(x) = t + x * sigmoid(x) * (1 - t^2) with t = tanh(softplus(x)).
std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  const Value x = node.input(0);
  const Value t = Tanh(Softplus(x));
  return {output_gradients[0] * (t + x * Sigmoid(x) * (1 - Square(t)))};
}

}  // namespace

const OpDef& MishOp() {
  static const OpDef* const op = new OpDef{
      .name = "mish",
      .summary = "x * tanh(log(1 + exp(x))) (Misra, 2019)",
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

Value Mish(const Value& input, SourceLocation location) {
  return AddUnary(MishOp(), input, location);
}

}  // namespace evengrad
