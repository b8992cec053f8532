#include "evengrad/graph/status.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/elementwise_rules.h"
#include "evengrad/ops/expression.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"

namespace evengrad {
namespace {

InferredTypes InferType(const InferContext& context) {
  const TensorType& condition = context.input(0);
  const TensorType& if_true = context.input(1);
  const TensorType& if_false = context.input(2);
  if (condition.dtype != DType::kBool) {
    return InvalidArgument("condition must be bool, found ",
                           condition.ToString());
  }
  if (if_true.dtype != if_false.dtype) {
    return InvalidArgument("element types differ: ", context.Describe(1), ", ",
                           context.Describe(2), "; cast one of them");
  }
  if (if_true.dtype == DType::kOpaque) {
    return InvalidArgument("if_true must not be opaque, found ",
                           if_true.ToString());
  }
  EVENGRAD_ASSIGN_OR_RETURN(const Shape values,
                            BroadcastShapes(if_true.shape, if_false.shape));
  EVENGRAD_ASSIGN_OR_RETURN(const Shape shape,
                            BroadcastShapes(condition.shape, values));
  return std::vector<TensorType>{{if_true.dtype, shape}};
}

// The gradient goes where the value came from.
std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  const Value condition = node.input(0);
  const Value gradient = output_gradients[0];
  return {Value(), Unbroadcast(Select(condition, gradient, 0), node.input(1)),
          Unbroadcast(Select(condition, 0, gradient), node.input(2))};
}

Expression Elementwise(const ElementwiseContext& context) {
  return Select(context.input(0), context.input(1), context.input(2));
}

double Reference(std::span<const double> x, const ReferenceCall&) {
  return x[0] != 0 ? x[1] : x[2];
}

// A constant condition decides.
std::vector<Value> Simplify(const Node& node) {
  const std::optional<double> condition = ScalarConstant(node.input(0));
  if (!condition.has_value()) return {};
  return ReplaceBy(node.input(*condition != 0 ? 1 : 2), node);
}

}  // namespace

const OpDef& SelectOp() {
  static const OpDef* const op = new OpDef{
      .name = "select",
      .summary = "condition ? if_true : if_false",
      .inputs = {"condition", "if_true", "if_false"},
      .infer_type = InferType,
      .gradient = Gradient,
      .elementwise = Elementwise,
      .reference = ReferenceElementwise(Reference),
      .simplify = Simplify,
      .cost = ElementwiseCost,
  };
  return *op;
}

Value Select(const Value& condition, const Operand& if_true,
             const Operand& if_false) {
  const SourceLocation location = if_true.location();
  const std::optional<Graph> graph = Graph::Of(condition);
  if (graph.has_value() && if_true.is_number() && if_false.is_number()) {
    const std::string line = location.ToString();
    return graph
        ->Fail(InvalidArgument("if_true and if_false are both numbers, which "
                               "have no element type; make one a Constant"),
               StrCat(line, line.empty() ? "" : ": ", "select: "))
        .output();
  }
  return AddNode(SelectOp(),
                 {condition, if_true.For(if_false), if_false.For(if_true)}, {},
                 {.location = location})
      .output();
}

}  // namespace evengrad
