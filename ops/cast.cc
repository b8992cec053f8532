#include <cmath>
#include <cstddef>

#include "evengrad/graph/status.h"
#include "evengrad/graph/tensor.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/elementwise_rules.h"
#include "evengrad/ops/expression.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"

namespace evengrad {
namespace {

InferredTypes InferType(const InferContext& context) {
  const DType dtype = context.attribute<DType>("dtype");
  if (dtype == DType::kOpaque || context.input(0).dtype == DType::kOpaque) {
    return InvalidArgument("opaque values cannot be cast: ",
                           context.Describe(0), " to ", Name(dtype));
  }
  return std::vector<TensorType>{{dtype, context.input(0).shape}};
}

// Between floating types the gradient is cast back; a whole number has none.
std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  const DType from = node.input(0).dtype();
  if (!IsFloating(from) || !IsFloating(node.output_type().dtype)) {
    return {Value()};
  }
  return {Cast(output_gradients[0], from)};
}

Expression Elementwise(const ElementwiseContext& context) {
  const Expression x = context.input(0);
  const DType dtype = context.attribute<DType>("dtype");
  if (dtype == DType::kBool) return x != 0.0;
  return IsInteger(dtype) ? Truncate(x) : x;
}

double Reference(std::span<const double> x, const ReferenceCall& call) {
  const DType dtype = call.attribute<DType>("dtype");
  if (IsFloating(dtype)) return x[0];
  alignas(8) std::byte element[8] = {};
  StoreFromDouble(dtype, element, 0, x[0]);
  return LoadAsDouble(dtype, element, 0);
}

// Every value of `narrow` is a value of `wide`.
bool Holds(DType wide, DType narrow) {
  if (narrow == wide || narrow == DType::kBool) return true;
  switch (wide) {
    case DType::kF64:
      return narrow != DType::kI64;
    case DType::kF32:
      return narrow == DType::kBF16 || narrow == DType::kU8;
    case DType::kI64:
      return IsInteger(narrow);
    case DType::kI32:
    case DType::kBF16:
      return narrow == DType::kU8;
    default:
      return false;
  }
}

// A cast to the same type, or through a wider one and back, is none.
std::vector<Value> Simplify(const Node& node) {
  const Value input = node.input(0);
  const DType dtype = node.output_type().dtype;
  if (input.dtype() == dtype) return {input};
  if (&input.node().op() != &CastOp()) return {};
  const Value original = input.node().input(0);
  if (original.dtype() != dtype || !Holds(input.dtype(), dtype)) return {};
  return {original};
}

}  // namespace

const OpDef& CastOp() {
  static const OpDef* const op = new OpDef{
      .name = "cast",
      .summary =
          "x in another element type; float to integer truncates and "
          "saturates, to bool is x != 0",
      .inputs = {"input"},
      .attributes = {{.name = "dtype",
                      .fallback = DType::kF32,
                      .required = true}},
      .infer_type = InferType,
      .gradient = Gradient,
      .elementwise = Elementwise,
      .reference = ReferenceElementwise(Reference),
      .simplify = Simplify,
      .cost = ElementwiseCost,
      .hint_flow = HintFlow::kPass,
  };
  return *op;
}

Value Cast(const Value& input, DType dtype, SourceLocation location) {
  return AddNode(CastOp(), {input}, {{"dtype", dtype}}, {.location = location})
      .output();
}

}  // namespace evengrad
