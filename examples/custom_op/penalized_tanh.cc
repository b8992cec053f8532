// Penalized tanh: an activation that saturates on both sides, and is steep on
// one.
//
//   y = tanh(x)           where x > 0
//       slope * tanh(x)   elsewhere
//
// Xu, Huang and Li: Revise Saturated Activation Functions, 2016.
#include <cmath>

#include "my_ops.h"

namespace my_ops {
namespace {

// What a kernel computes: primitives that fuse with the ops around this one.
eg::Expression Elementwise(const eg::ElementwiseContext& context) {
  const eg::Expression x = context.input(0);
  const eg::Expression t = Tanh(x);
  return Select(x > 0.0, t, context.attribute<double>("slope") * t);
}

// What it should have computed: the formula in double, for checks.
double Reference(std::span<const double> x, const eg::ReferenceCall& call) {
  const double slope = x[0] > 0 ? 1 : call.attribute<double>("slope");
  return slope * std::tanh(x[0]);
}

// tanh'(x) = 1 - tanh(x)^2, times the slope on the left; at 0 that of the left.
std::vector<eg::Value> Gradient(const eg::Node& node,
                                std::span<const eg::Value> output_gradients) {
  const eg::Value x = node.input(0);
  const eg::Value steep = 1 - Square(Tanh(x));
  const eg::Value flat = node.attribute<double>("slope") * steep;
  return {output_gradients[0] * Select(Greater(x, 0), steep, flat)};
}

}  // namespace

const eg::OpDef& PenalizedTanhOp() {
  static const eg::OpDef* const op = new eg::OpDef{
      .name = "penalized_tanh",
      .summary = "tanh(x) if x > 0 else slope * tanh(x) (Xu et al., 2016)",
      .inputs = {"input"},
      .attributes = {{.name = "slope",
                      .fallback = 0.25,
                      .summary = "of the side below 0",
                      .minimum = 0,
                      .maximum = 1}},
      .infer_type = eg::InferFloating,
      .gradient = Gradient,
      .elementwise = Elementwise,
      .reference = eg::ReferenceElementwise(Reference),
      .cost = eg::ElementwiseCost,
      .initializer_hint = eg::InitializerHint::kGlorot,
  };
  return *op;
}

eg::Value PenalizedTanh(const eg::Value& input, double slope,
                        eg::SourceLocation location) {
  return eg::AddNode(PenalizedTanhOp(), {input}, {{"slope", slope}},
                     {.location = location})
      .output();
}

}  // namespace my_ops
