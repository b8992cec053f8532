#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/elementwise_rules.h"
#include "evengrad/ops/expression.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"

namespace evengrad {
namespace {

Expression Elementwise(const ElementwiseContext& context) {
  return context.input(0) * context.input(1);
}

double Reference(std::span<const double> x, const ReferenceCall&) {
  return x[0] * x[1];
}

std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  const Value a = node.input(0);
  const Value b = node.input(1);
  return {Unbroadcast(output_gradients[0] * b, a),
          Unbroadcast(output_gradients[0] * a, b)};
}

// 1 * x is x and -1 * x is -x. 0 * x is not 0: x may be infinite or NaN.
std::vector<Value> Simplify(const Node& node) {
  for (int i = 0; i < 2; ++i) {
    const Value x = node.input(1 - i);
    if (IsNumber(node.input(i), 1)) return ReplaceBy(x, node);
    if (IsNumber(node.input(i), -1)) return ReplaceBy(-x, node);
  }
  return {};
}

}  // namespace

const OpDef& MultiplyOp() {
  static const OpDef* const op = new OpDef{
      .name = "multiply",
      .summary = "a * b",
      .inputs = {"a", "b"},
      .infer_type = InferSigned,
      .gradient = Gradient,
      .elementwise = Elementwise,
      .reference = ReferenceElementwise(Reference),
      .simplify = Simplify,
      .cost = ElementwiseCost,
  };
  return *op;
}

Value Multiply(const Operand& a, const Operand& b) {
  return AddBinary(MultiplyOp(), a, b);
}

}  // namespace evengrad
