// SELU: the activation whose networks normalize themselves.
//
//   selu(x) = scale * x                     where x > 0
//             scale * alpha * (e^x - 1)     elsewhere
//
// alpha and scale are chosen so that mean 0 and variance 1 are a fixed point:
// in a stack of dense layers whose weights have variance 1 / fan_in,
// activations are drawn back to it layer by layer, so that neither they nor
// their gradients vanish or explode.
//
// Klambauer, Unterthiner, Mayr and Hochreiter: Self-Normalizing Neural
// Networks, 2017.
#include <cmath>

#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/elementwise_rules.h"
#include "evengrad/ops/expression.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"

namespace evengrad {
namespace {

constexpr double kAlpha = 1.6732632423543772848;
constexpr double kScale = 1.0507009873554804934;

// What a kernel computes: primitives that fuse with the ops around this one.
Expression Elementwise(const ElementwiseContext& context) {
  const Expression x = context.input(0);
  return Select(x > 0.0, kScale * x, kScale * kAlpha * Expm1(x));
}

// What it should have computed: the formula in double, for tests.
double Reference(std::span<const double> x, const ReferenceCall&) {
  return x[0] > 0 ? kScale * x[0] : kScale * kAlpha * std::expm1(x[0]);
}

// selu'(x) = scale                                              where x > 0
//            scale * alpha * e^x = selu(x) + scale * alpha      elsewhere
//
// Made of the output, so that the input need not be kept until backward. At 0
// it is scale * alpha, as in PyTorch.
std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  const Value output = node.output();
  const Value slope =
      Select(Greater(output, 0), kScale, output + kScale * kAlpha);
  return {output_gradients[0] * slope};
}

}  // namespace

const OpDef& SeluOp() {
  static const OpDef* const op = new OpDef{
      .name = "selu",
      .summary =
          "scale * (x if x > 0 else alpha * (exp(x) - 1)): "
          "self-normalizing (Klambauer et al., 2017)",
      .inputs = {"input"},
      .infer_type = InferFloating,
      .gradient = Gradient,
      .elementwise = Elementwise,
      .reference = ReferenceElementwise(Reference),
      .cost = ElementwiseCost,
      .initializer_hint = InitializerHint::kLeCun,
  };
  return *op;
}

Value Selu(const Value& input, SourceLocation location) {
  return AddUnary(SeluOp(), input, location);
}

}  // namespace evengrad
