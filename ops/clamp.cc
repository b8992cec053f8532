#include <cmath>

#include "evengrad/graph/status.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/elementwise_rules.h"
#include "evengrad/ops/expression.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"

namespace evengrad {
namespace {

// Whole numbers to this size are exact in every type a bound passes through.
constexpr double kLargestWholeBound = 9007199254740992;  // 2^53

// An integer input wants whole bounds: a rounded one would clamp elsewhere.
InferredTypes InferType(const InferContext& context) {
  const double minimum = context.attribute<double>("minimum");
  const double maximum = context.attribute<double>("maximum");
  if (minimum > maximum) {
    return InvalidArgument("minimum ", minimum, " is larger than maximum ",
                           maximum);
  }
  for (double bound : {minimum, maximum}) {
    const bool whole =
        bound == std::floor(bound) && std::fabs(bound) <= kLargestWholeBound;
    if (!whole && IsInteger(context.input(0).dtype)) {
      return InvalidArgument("the bound ", bound,
                             " is not a whole number, as the bounds of ",
                             context.Describe(0), " must be");
    }
  }
  return InferNumeric(context);
}

// 1 where minimum <= x <= maximum, 0 elsewhere: 1 at both bounds, as in
// PyTorch.
std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  const Value x = node.input(0);
  const Value inside =
      LogicalAnd(GreaterEqual(x, node.attribute<double>("minimum")),
                 LessEqual(x, node.attribute<double>("maximum")));
  return {Select(inside, output_gradients[0], 0)};
}

Expression Elementwise(const ElementwiseContext& context) {
  return Minimum(
      Maximum(context.input(0), context.attribute<double>("minimum")),
      context.attribute<double>("maximum"));
}

double Reference(std::span<const double> x, const ReferenceCall& call) {
  const double minimum = call.attribute<double>("minimum");
  const double maximum = call.attribute<double>("maximum");
  return x[0] < minimum ? minimum : x[0] > maximum ? maximum : x[0];
}

}  // namespace

const OpDef& ClampOp() {
  static const OpDef* const op = new OpDef{
      .name = "clamp",
      .summary = "the number of [minimum, maximum] that is nearest to x",
      .inputs = {"input"},
      .attributes = {{.name = "minimum", .fallback = 0.0, .required = true},
                     {.name = "maximum", .fallback = 0.0, .required = true}},
      .infer_type = InferType,
      .gradient = Gradient,
      .elementwise = Elementwise,
      .reference = ReferenceElementwise(Reference),
      .cost = ElementwiseCost,
  };
  return *op;
}

Value Clamp(const Value& input, double minimum, double maximum,
            SourceLocation location) {
  return AddNode(ClampOp(), {input},
                 {{"minimum", minimum}, {"maximum", maximum}},
                 {.location = location})
      .output();
}

}  // namespace evengrad
