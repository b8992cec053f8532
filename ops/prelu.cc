// Parametric ReLU: the slope is learned.
//
//   prelu(x) = x           where x > 0
//              slope * x   elsewhere
//
// `slope` broadcasts with the input by NumPy's rules.
//
// He, Zhang, Ren and Sun: Delving Deep into Rectifiers, 2015.
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/elementwise_rules.h"
#include "evengrad/ops/expression.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"

namespace evengrad {
namespace {

Expression Elementwise(const ElementwiseContext& context) {
  const Expression x = context.input(0);
  return Select(x > 0.0, x, context.input(1) * x);
}

double Reference(std::span<const double> x, const ReferenceCall&) {
  return x[0] > 0 ? x[0] : x[1] * x[0];
}

// d/dx = 1 where x > 0, else slope: the slope at 0. d/dslope = min(x, 0).
std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  const Value input = node.input(0);
  const Value slope = node.input(1);
  const Value gradient = output_gradients[0];
  const Value positive = Greater(input, 0);
  return {
      Unbroadcast(Select(positive, gradient, slope * gradient), input),
      Unbroadcast(Select(positive, 0, input * gradient), slope),
  };
}

}  // namespace

const OpDef& PreluOp() {
  static const OpDef* const op = new OpDef{
      .name = "prelu",
      .summary =
          "x if x > 0 else slope * x: leaky rectified linear unit with a "
          "learned slope (He et al., 2015)",
      .inputs = {"input", "slope"},
      .infer_type = InferFloating,
      .gradient = Gradient,
      .elementwise = Elementwise,
      .reference = ReferenceElementwise(Reference),
      .cost = ElementwiseCost,
      .initializer_hint = InitializerHint::kHe,
  };
  return *op;
}

Value Prelu(const Value& input, const Value& slope, SourceLocation location) {
  return AddNode(PreluOp(), {input, slope}, {}, {.location = location})
      .output();
}

}  // namespace evengrad
