// ELU, the exponential linear unit.
//
//   elu(x) = x                   where x > 0
//            alpha * (e^x - 1)   elsewhere
//
// Clevert, Unterthiner and Hochreiter: Fast and Accurate Deep Network Learning
// by Exponential Linear Units, 2016.
#include <cmath>

#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/elementwise_rules.h"
#include "evengrad/ops/expression.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"

namespace evengrad {
namespace {

// With a negative alpha the output would not tell the sign of the input.
constexpr double kLargestAlpha = 1e6;

Expression Elementwise(const ElementwiseContext& context) {
  const Expression x = context.input(0);
  const double alpha = context.attribute<double>("alpha");
  return Select(x > 0.0, x, alpha * Expm1(x));
}

double Reference(std::span<const double> x, const ReferenceCall& call) {
  const double alpha = call.attribute<double>("alpha");
  return x[0] > 0 ? x[0] : alpha * std::expm1(x[0]);
}

// elu'(x) = 1                                  where x > 0
//           alpha * e^x = elu(x) + alpha       elsewhere: alpha at 0
std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  const Value output = node.output();
  const double alpha = node.attribute<double>("alpha");
  const Value slope = Select(Greater(output, 0), 1, output + alpha);
  return {output_gradients[0] * slope};
}

}  // namespace

const OpDef& EluOp() {
  static const OpDef* const op = new OpDef{
      .name = "elu",
      .summary =
          "x if x > 0 else alpha * (exp(x) - 1): exponential linear "
          "unit (Clevert et al., 2016)",
      .inputs = {"input"},
      .attributes = {{.name = "alpha",
                      .fallback = 1.0,
                      .summary = "minus the limit at minus infinity",
                      .minimum = 0,
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

Value Elu(const Value& input, double alpha, SourceLocation location) {
  return AddNode(EluOp(), {input}, {{"alpha", alpha}}, {.location = location})
      .output();
}

}  // namespace evengrad
