#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/elementwise_rules.h"
#include "evengrad/ops/expression.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"

namespace evengrad {
namespace {

Expression Elementwise(const ElementwiseContext& context) {
  return Not(context.input(0));
}

double Reference(std::span<const double> x, const ReferenceCall&) {
  return x[0] == 0 ? 1 : 0;
}

// not not x is x.
std::vector<Value> Simplify(const Node& node) {
  const Node inner = node.input(0).node();
  if (&inner.op() != &LogicalNotOp()) return {};
  return ReplaceBy(inner.input(0), node);
}

}  // namespace

const OpDef& LogicalNotOp() {
  static const OpDef* const op = new OpDef{
      .name = "logical_not",
      .summary = "not x",
      .inputs = {"input"},
      .infer_type = InferBoolean,
      .gradient = NoGradient,
      .elementwise = Elementwise,
      .reference = ReferenceElementwise(Reference),
      .simplify = Simplify,
      .cost = ElementwiseCost,
  };
  return *op;
}

Value LogicalNot(const Value& input, SourceLocation location) {
  return AddUnary(LogicalNotOp(), input, location);
}

}  // namespace evengrad
