#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/elementwise_rules.h"
#include "evengrad/ops/expression.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"

namespace evengrad {
namespace {

Expression Elementwise(const ElementwiseContext& context) {
  return Sign(context.input(0));
}

double Reference(std::span<const double> x, const ReferenceCall&) {
  if (x[0] > 0) return 1;
  return x[0] < 0 ? -1 : x[0];
}

}  // namespace

const OpDef& SignOp() {
  static const OpDef* const op = new OpDef{
      .name = "sign",
      .summary = "1 where x > 0, -1 where x < 0, x where it is 0 or NaN",
      .inputs = {"input"},
      .infer_type = InferSigned,
      .gradient = NoGradient,
      .elementwise = Elementwise,
      .reference = ReferenceElementwise(Reference),
      .cost = ElementwiseCost,
  };
  return *op;
}

Value Sign(const Value& input, SourceLocation location) {
  return AddUnary(SignOp(), input, location);
}

}  // namespace evengrad
