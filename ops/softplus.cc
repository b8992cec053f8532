// Softplus: a smooth ReLU.
//
//   softplus(x) = log(1 + e^(beta * x)) / beta
//
// Dugas, Bengio, Belisle, Nadeau and Garcia: Incorporating Second-Order
// Functional Knowledge for Better Option Pricing, 2001.
#include <cmath>

#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/elementwise_rules.h"
#include "evengrad/ops/expression.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"

namespace evengrad {
namespace {

// The range in which beta and 1 / beta are well inside every floating type.
constexpr double kSmallestBeta = 1e-6;
constexpr double kLargestBeta = 1e6;

Expression Elementwise(const ElementwiseContext& context) {
  const Expression x = context.input(0);
  // max(x, 0) + log(1 + e^-|beta x|) / beta does not overflow.
  const double beta = context.attribute<double>("beta");
  return Maximum(x, 0.0) + Log1p(Exp(-beta * Abs(x))) / beta;
}

double Reference(std::span<const double> x, const ReferenceCall& call) {
  const double beta = call.attribute<double>("beta");
  const double tail = std::log1p(std::exp(-beta * std::fabs(x[0]))) / beta;
  return x[0] < 0 ? tail : x[0] + tail;
}

// softplus'(x) = sigmoid(beta * x) = 1 - e^(-beta * output).
std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  const double beta = node.attribute<double>("beta");
  return {-Expm1(-beta * node.output()) * output_gradients[0]};
}

}  // namespace

const OpDef& SoftplusOp() {
  static const OpDef* const op = new OpDef{
      .name = "softplus",
      .summary = "log(1 + exp(beta * x)) / beta (Dugas et al., 2001)",
      .inputs = {"input"},
      .attributes = {{.name = "beta",
                      .fallback = 1.0,
                      .summary = "sharpness: ReLU at infinity",
                      .minimum = kSmallestBeta,
                      .maximum = kLargestBeta}},
      .infer_type = InferFloating,
      .gradient = Gradient,
      .elementwise = Elementwise,
      .reference = ReferenceElementwise(Reference),
      .cost = ElementwiseCost,
      .initializer_hint = InitializerHint::kHe,
  };
  return *op;
}

Value Softplus(const Value& input, double beta, SourceLocation location) {
  return AddNode(SoftplusOp(), {input}, {{"beta", beta}},
                 {.location = location})
      .output();
}

}  // namespace evengrad
