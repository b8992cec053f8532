// Leaky ReLU: a rectified linear unit that does not die.
//
//   leaky_relu(x) = x           where x > 0
//                   slope * x   elsewhere
//
// Maas, Hannun and Ng: Rectifier Nonlinearities Improve Neural Network Acoustic
// Models, 2013.
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/elementwise_rules.h"
#include "evengrad/ops/expression.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"

namespace evengrad {
namespace {

constexpr double kLargestSlope = 1e6;

Expression Elementwise(const ElementwiseContext& context) {
  const Expression x = context.input(0);
  return Select(x > 0.0, x, context.attribute<double>("slope") * x);
}

double Reference(std::span<const double> x, const ReferenceCall& call) {
  return x[0] > 0 ? x[0] : call.attribute<double>("slope") * x[0];
}

// 1 where x > 0, slope elsewhere: slope at 0. The output tells the sign of the
// input unless the slope is negative.
std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  const double slope = node.attribute<double>("slope");
  const Value sign = slope < 0 ? node.input(0) : node.output();
  const Value gradient = output_gradients[0];
  return {Select(Greater(sign, 0), gradient, slope * gradient)};
}

}  // namespace

const OpDef& LeakyReluOp() {
  static const OpDef* const op = new OpDef{
      .name = "leaky_relu",
      .summary =
          "x if x > 0 else slope * x: leaky rectified linear unit (Maas "
          "et al., 2013)",
      .inputs = {"input"},
      .attributes = {{.name = "slope",
                      .fallback = 0.01,
                      .summary = "derivative where x <= 0",
                      .minimum = -kLargestSlope,
                      .maximum = kLargestSlope}},
      .infer_type = InferFloating,
      .gradient = Gradient,
      .elementwise = Elementwise,
      .reference = ReferenceElementwise(Reference),
      .cost = ElementwiseCost,
      .initializer_hint = InitializerHint::kHe,
  };
  return *op;
}

Value LeakyRelu(const Value& input, double slope, SourceLocation location) {
  return AddNode(LeakyReluOp(), {input}, {{"slope", slope}},
                 {.location = location})
      .output();
}

}  // namespace evengrad
