// Softsign: a sigmoid with polynomial tails, slow to saturate.
//
//   softsign(x) = x / (1 + |x|)
//
// Bergstra, Desjardins, Lamblin and Bengio: Quadratic Polynomials Learn Better
// Image Features, 2009.
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
  return x / (1.0 + Abs(x));
}

double Reference(std::span<const double> x, const ReferenceCall&) {
  return x[0] / (1 + std::fabs(x[0]));
}

// 1 / (1 + |x|)^2. (1 - |output|)^2 is the same, but loses its digits in the
// tails.
std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  return {output_gradients[0] / Square(1 + Abs(node.input(0)))};
}

}  // namespace

const OpDef& SoftsignOp() {
  static const OpDef* const op = new OpDef{
      .name = "softsign",
      .summary = "x / (1 + |x|) (Bergstra et al., 2009)",
      .inputs = {"input"},
      .infer_type = InferFloating,
      .gradient = Gradient,
      .elementwise = Elementwise,
      .reference = ReferenceElementwise(Reference),
      .cost = ElementwiseCost,
      .initializer_hint = InitializerHint::kGlorot,
  };
  return *op;
}

Value Softsign(const Value& input, SourceLocation location) {
  return AddUnary(SoftsignOp(), input, location);
}

}  // namespace evengrad
