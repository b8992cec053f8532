// GELU: the input, weighted by how probable a smaller one is.
//
//   gelu(x) = x * P(X <= x) with X ~ N(0, 1)
//           = x / 2 * (1 + erf(x / sqrt(2)))                            form
//           erf ~ x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))) form
//           tanh
//
// PyTorch, Keras and ONNX take erf where nothing is said, JAX takes tanh.
//
// Hendrycks and Gimpel: Gaussian Error Linear Units, 2016.
#include <cmath>

#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/elementwise_rules.h"
#include "evengrad/ops/expression.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"

namespace evengrad {
namespace {

constexpr double kSqrtHalf = 0.70710678118654752440;
constexpr double kSqrtTwoOverPi = 0.79788456080286535588;
constexpr double kInvSqrtTwoPi = 0.39894228040143267794;
constexpr double kCubic = 0.044715;

bool IsTanhForm(const std::string& form) { return form == "tanh"; }

Expression Elementwise(const ElementwiseContext& context) {
  const Expression x = context.input(0);
  if (IsTanhForm(context.attribute<std::string>("form"))) {
    const Expression inner = kSqrtTwoOverPi * (x + kCubic * x * x * x);
    return 0.5 * x * (1.0 + Tanh(inner));
  }
  return 0.5 * x * (1.0 + Erf(kSqrtHalf * x));
}

double Reference(std::span<const double> inputs, const ReferenceCall& call) {
  const double x = inputs[0];
  if (IsTanhForm(call.attribute<std::string>("form"))) {
    return x / 2 * (1 + std::tanh(kSqrtTwoOverPi * (x + kCubic * x * x * x)));
  }
  return x / 2 * (1 + std::erf(x * kSqrtHalf));
}

// With t = tanh(u): (1 + t) / 2 + x / 2 * (1 - t^2) * u'.
Value TanhSlope(const Value& x) {
  const Value squared = Square(x);
  const Value t = Tanh(kSqrtTwoOverPi * x * (1 + kCubic * squared));
  const Value inner_slope = kSqrtTwoOverPi * (1 + 3 * kCubic * squared);
  return 0.5 * (1 + t) + 0.5 * x * (1 - Square(t)) * inner_slope;
}

// P(X <= x) + x * density(x).
Value ErfSlope(const Value& x) {
  const Value density = kInvSqrtTwoPi * Exp(-0.5 * Square(x));
  return 0.5 * (1 + Erf(kSqrtHalf * x)) + x * density;
}

std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  const Value x = node.input(0);
  const bool tanh_form = IsTanhForm(node.attribute<std::string>("form"));
  return {output_gradients[0] * (tanh_form ? TanhSlope(x) : ErfSlope(x))};
}

}  // namespace

const OpDef& GeluOp() {
  static const OpDef* const op = new OpDef{
      .name = "gelu",
      .summary =
          "x * P(X <= x), X ~ N(0, 1): Gaussian error linear unit "
          "(Hendrycks and Gimpel, 2016)",
      .inputs = {"input"},
      .attributes = {{.name = "form",
                      .fallback = std::string("erf"),
                      .summary = "erf: exact; tanh: an approximation",
                      .choices = {"erf", "tanh"}}},
      .infer_type = InferFloating,
      .gradient = Gradient,
      .elementwise = Elementwise,
      .reference = ReferenceElementwise(Reference),
      .cost = ElementwiseCost,
      .initializer_hint = InitializerHint::kHe,
  };
  return *op;
}

Value Gelu(const Value& input, GeluForm form, SourceLocation location) {
  const std::string name = form == GeluForm::kTanh ? "tanh" : "erf";
  return AddNode(GeluOp(), {input}, {{"form", name}}, {.location = location})
      .output();
}

}  // namespace evengrad
