// Hard sigmoid: a piecewise linear logistic function.
//
//   hard_sigmoid(x) = min(max(slope * x + 1/2, 0), 1)
//
// The slope is 1/6 in PyTorch, Keras 3 and JAX, 0.2 in ONNX and Keras 2.
//
// Courbariaux, Bengio and David: BinaryConnect, 2015; Howard et al.: Searching
// for MobileNetV3, 2019 (slope 1/6).
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
  const double slope = context.attribute<double>("slope");
  return Minimum(Maximum(slope * x + 0.5, 0.0), 1.0);
}

double Reference(std::span<const double> x, const ReferenceCall& call) {
  const double line = call.attribute<double>("slope") * x[0] + 0.5;
  return line < 0 ? 0 : line > 1 ? 1 : line;
}

// slope where |x| < 1/2 / slope, 0 elsewhere: 0 at both kinks, as in PyTorch.
// The output would not tell: a fused loop does not round slope * x, so that
// its output beside a kink may be no 0.
std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  const double slope = node.attribute<double>("slope");
  const Value inside = Less(Abs(node.input(0)), 0.5 / slope);
  return {Select(inside, slope * output_gradients[0], 0)};
}

}  // namespace

const OpDef& HardSigmoidOp() {
  static const OpDef* const op = new OpDef{
      .name = "hard_sigmoid",
      .summary = "min(max(slope * x + 1/2, 0), 1) (Courbariaux et al., 2015)",
      .inputs = {"input"},
      .attributes = {{.name = "slope",
                      .fallback = 1.0 / 6,
                      .summary = "derivative at 0",
                      .minimum = 0,
                      .maximum = kLargestSlope}},
      .infer_type = InferFloating,
      .gradient = Gradient,
      .elementwise = Elementwise,
      .reference = ReferenceElementwise(Reference),
      .cost = ElementwiseCost,
      .initializer_hint = InitializerHint::kGlorot,
  };
  return *op;
}

Value HardSigmoid(const Value& input, double slope, SourceLocation location) {
  return AddNode(HardSigmoidOp(), {input}, {{"slope", slope}},
                 {.location = location})
      .output();
}

}  // namespace evengrad
