#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/elementwise_rules.h"
#include "evengrad/ops/expression.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"

namespace evengrad {
namespace {

Expression Elementwise(const ElementwiseContext& context) {
  return context.input(0);
}

double Reference(std::span<const double> x, const ReferenceCall&) {
  return x[0];
}

// When a program is compiled, its gradients have been derived.
std::vector<Value> Simplify(const Node& node) { return {node.input(0)}; }

}  // namespace

const OpDef& StopGradientOp() {
  static const OpDef* const op = new OpDef{
      .name = "stop_gradient",
      .summary = "x, through which no gradient flows",
      .inputs = {"input"},
      .infer_type = SameAsInput,
      .gradient = NoGradient,
      .elementwise = Elementwise,
      .reference = ReferenceElementwise(Reference),
      .simplify = Simplify,
      .cost = ElementwiseCost,
      .hint_flow = HintFlow::kPass,
  };
  return *op;
}

Value StopGradient(const Value& input, SourceLocation location) {
  return AddUnary(StopGradientOp(), input, location);
}

}  // namespace evengrad
