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
  return x[0] != 0 && x[1] != 0 ? 1 : 0;
}

}  // namespace

const OpDef& LogicalAndOp() {
  static const OpDef* const op = new OpDef{
      .name = "logical_and",
      .summary = "a and b",
      .inputs = {"a", "b"},
      .infer_type = InferBoolean,
      .gradient = NoGradient,
      .elementwise = Elementwise,
      .reference = ReferenceElementwise(Reference),
      .cost = ElementwiseCost,
  };
  return *op;
}

Value LogicalAnd(const Value& a, const Value& b, SourceLocation location) {
  return AddNode(LogicalAndOp(), {a, b}, {}, {.location = location}).output();
}

}  // namespace evengrad
