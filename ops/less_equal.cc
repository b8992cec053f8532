#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/elementwise_rules.h"
#include "evengrad/ops/expression.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"

namespace evengrad {
namespace {

Expression Elementwise(const ElementwiseContext& context) {
  return context.input(0) <= context.input(1);
}

double Reference(std::span<const double> x, const ReferenceCall&) {
  return x[0] <= x[1] ? 1 : 0;
}

}  // namespace

const OpDef& LessEqualOp() {
  static const OpDef* const op = new OpDef{
      .name = "less_equal",
      .summary = "a <= b",
      .inputs = {"a", "b"},
      .infer_type = InferComparison,
      .gradient = NoGradient,
      .elementwise = Elementwise,
      .reference = ReferenceElementwise(Reference),
      .cost = ElementwiseCost,
  };
  return *op;
}

Value LessEqual(const Operand& a, const Operand& b) {
  return AddBinary(LessEqualOp(), a, b);
}

}  // namespace evengrad
