#include <cmath>

#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/elementwise_rules.h"
#include "evengrad/ops/expression.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"

namespace evengrad {
namespace {

Expression Elementwise(const ElementwiseContext& context) {
  return Floor(context.input(0));
}

double Reference(std::span<const double> x, const ReferenceCall&) {
  return std::floor(x[0]);
}

}  // namespace

const OpDef& FloorOp() {
  static const OpDef* const op = new OpDef{
      .name = "floor",
      .summary = "largest whole number that is at most x",
      .inputs = {"input"},
      .infer_type = InferFloating,
      .gradient = NoGradient,
      .elementwise = Elementwise,
      .reference = ReferenceElementwise(Reference),
      .cost = ElementwiseCost,
  };
  return *op;
}

Value Floor(const Value& input, SourceLocation location) {
  return AddUnary(FloorOp(), input, location);
}

}  // namespace evengrad
