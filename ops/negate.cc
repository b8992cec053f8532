#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/elementwise_rules.h"
#include "evengrad/ops/expression.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"

namespace evengrad {
namespace {

Expression Elementwise(const ElementwiseContext& context) {
  return -context.input(0);
}

double Reference(std::span<const double> x, const ReferenceCall&) {
  return -x[0];
}

std::vector<Value> Gradient(const Node&,
                            std::span<const Value> output_gradients) {
  return {-output_gradients[0]};
}

// -(-x) is x.
std::vector<Value> Simplify(const Node& node) {
  const Node inner = node.input(0).node();
  if (&inner.op() != &NegateOp()) return {};
  return ReplaceBy(inner.input(0), node);
}

}  // namespace

const OpDef& NegateOp() {
  static const OpDef* const op = new OpDef{
      .name = "negate",
      .summary = "-x",
      .inputs = {"input"},
      .infer_type = InferSigned,
      .gradient = Gradient,
      .elementwise = Elementwise,
      .reference = ReferenceElementwise(Reference),
      .simplify = Simplify,
      .cost = ElementwiseCost,
  };
  return *op;
}

Value Negate(const Value& input, SourceLocation location) {
  return AddUnary(NegateOp(), input, location);
}

}  // namespace evengrad
