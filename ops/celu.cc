// CELU: an ELU whose derivative is continuous for every alpha.
//
//   celu(x) = x                           where x > 0
//             alpha * (e^(x / alpha) - 1)   elsewhere
//
// Barron: Continuously Differentiable Exponential Linear Units, 2017.
#include <cmath>

#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/elementwise_rules.h"
#include "evengrad/ops/expression.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"

namespace evengrad {
namespace {

// The range in which alpha and 1 / alpha are well inside every floating type.
constexpr double kSmallestAlpha = 1e-6;
constexpr double kLargestAlpha = 1e6;

Expression Elementwise(const ElementwiseContext& context) {
  const Expression x = context.input(0);
  const double alpha = context.attribute<double>("alpha");
  return Select(x > 0.0, x, alpha * Expm1(x / alpha));
}

double Reference(std::span<const double> x, const ReferenceCall& call) {
  const double alpha = call.attribute<double>("alpha");
  return x[0] > 0 ? x[0] : alpha * std::expm1(x[0] / alpha);
}

// celu'(x) = 1                                     where x > 0
//            e^(x / alpha) = celu(x) / alpha + 1   elsewhere: 1 at 0
std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  const Value output = node.output();
  const double alpha = node.attribute<double>("alpha");
  const Value slope = Select(Greater(output, 0), 1, output / alpha + 1);
  return {output_gradients[0] * slope};
}

}  // namespace

const OpDef& CeluOp() {
  static const OpDef* const op = new OpDef{
      .name = "celu",
      .summary =
          "x if x > 0 else alpha * (exp(x / alpha) - 1): continuously "
          "differentiable ELU (Barron, 2017)",
      .inputs = {"input"},
      .attributes = {{.name = "alpha",
                      .fallback = 1.0,
                      .summary = "minus the limit at minus infinity",
                      .minimum = kSmallestAlpha,
                      .maximum = kLargestAlpha}},
      .infer_type = InferFloating,
      .gradient = Gradient,
      .elementwise = Elementwise,
      .reference = ReferenceElementwise(Reference),
      .cost = ElementwiseCost,
      .initializer_hint = InitializerHint::kHe,
  };
  return *op;
}

Value Celu(const Value& input, double alpha, SourceLocation location) {
  return AddNode(CeluOp(), {input}, {{"alpha", alpha}}, {.location = location})
      .output();
}

}  // namespace evengrad
