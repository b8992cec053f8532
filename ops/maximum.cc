#include <cmath>

#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/elementwise_rules.h"
#include "evengrad/ops/expression.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"

namespace evengrad {
namespace {

Expression Elementwise(const ElementwiseContext& context) {
  return Maximum(context.input(0), context.input(1));
}

double Reference(std::span<const double> x, const ReferenceCall&) {
  if (std::isnan(x[0]) || std::isnan(x[1])) return x[0] + x[1];
  return x[0] < x[1] ? x[1] : x[0];
}

// The gradient goes to the larger input; of a tie each gets half, as in
// PyTorch.
std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  const Value a = node.input(0);
  const Value b = node.input(1);
  const Value gradient = output_gradients[0];
  const Value share = Select(Equal(a, b), 0.5 * gradient, gradient);
  return {Unbroadcast(Select(Less(a, b), 0, share), a),
          Unbroadcast(Select(Less(b, a), 0, share), b)};
}

}  // namespace

const OpDef& MaximumOp() {
  static const OpDef* const op = new OpDef{
      .name = "maximum",
      .summary = "the larger of a and b; NaN where either is NaN",
      .inputs = {"a", "b"},
      .infer_type = InferNumeric,
      .gradient = Gradient,
      .elementwise = Elementwise,
      .reference = ReferenceElementwise(Reference),
      .cost = ElementwiseCost,
  };
  return *op;
}

Value Maximum(const Operand& a, const Operand& b) {
  return AddBinary(MaximumOp(), a, b);
}

}  // namespace evengrad
