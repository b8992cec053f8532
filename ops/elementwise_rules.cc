#include "evengrad/ops/elementwise_rules.h"

#include <cmath>
#include <string_view>

#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/expression.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/shape_rules.h"

namespace evengrad {
namespace {

// A kind of element types, as type rules and their messages see it.
struct Kind {
  bool (*contains)(DType);
  std::string_view description;
};

constexpr Kind kFloating = {IsFloating, "floating (f32, f64 or bf16)"};
constexpr Kind kSigned = {[](DType dtype) {
                            return IsFloating(dtype) ||
                                   (IsInteger(dtype) && dtype != DType::kU8);
                          },
                          "a signed number (f32, f64, bf16, i32 or i64)"};
constexpr Kind kNumeric = {
    [](DType dtype) { return IsFloating(dtype) || IsInteger(dtype); },
    "a number (f32, f64, bf16, i32, i64 or u8)"};
constexpr Kind kBoolean = {[](DType dtype) { return dtype == DType::kBool; },
                           "bool"};
constexpr Kind kTransparent = {
    [](DType dtype) { return dtype != DType::kOpaque; },
    "a number or bool (not opaque)"};

// The type of all inputs, broadcast.
absl::StatusOr<TensorType> BroadcastType(const InferContext& context,
                                         const Kind& kind) {
  TensorType type = context.input(0);
  for (int i = 0; i < context.num_inputs(); ++i) {
    const TensorType& input = context.input(i);
    if (!kind.contains(input.dtype)) {
      return InvalidArgument(context.InputName(i), " must be ",
                             kind.description, ", found ", input.ToString());
    }
    if (input.dtype != type.dtype) {
      return InvalidArgument("element types differ: ", context.Describe(0),
                             ", ", context.Describe(i), "; cast one of them");
    }
    EVENGRAD_ASSIGN_OR_RETURN(type.shape,
                              BroadcastShapes(type.shape, input.shape));
  }
  return type;
}

InferredTypes SameKind(const InferContext& context, const Kind& kind) {
  EVENGRAD_ASSIGN_OR_RETURN(TensorType type, BroadcastType(context, kind));
  return std::vector<TensorType>{std::move(type)};
}

InferredTypes BooleanOf(const InferContext& context, const Kind& kind) {
  EVENGRAD_ASSIGN_OR_RETURN(TensorType type, BroadcastType(context, kind));
  return std::vector<TensorType>{Bool(std::move(type.shape))};
}

}  // namespace

InferredTypes InferFloating(const InferContext& context) {
  return SameKind(context, kFloating);
}
InferredTypes InferSigned(const InferContext& context) {
  return SameKind(context, kSigned);
}
InferredTypes InferNumeric(const InferContext& context) {
  return SameKind(context, kNumeric);
}
InferredTypes InferBoolean(const InferContext& context) {
  return SameKind(context, kBoolean);
}
InferredTypes InferComparison(const InferContext& context) {
  return BooleanOf(context, kNumeric);
}
InferredTypes InferEquality(const InferContext& context) {
  return BooleanOf(context, kTransparent);
}

std::vector<Value> NoGradient(const Node& node, std::span<const Value>) {
  return std::vector<Value>(node.num_inputs());
}

Value Unbroadcast(const Value& gradient, const Value& input) {
  if (!gradient.valid() || !input.valid()) return gradient;
  if (CertainlySameShape(gradient.shape(), input.shape())) return gradient;
  return SumToLike(gradient, input);
}

std::vector<Value> ReplaceBy(const Value& value, const Node& node) {
  const TensorType& type = node.output_type();
  const bool same = value.dtype() == type.dtype &&
                    CertainlySameShape(value.shape(), type.shape);
  return same ? std::vector<Value>{value} : std::vector<Value>{};
}

bool IsNumber(const Value& value, double number) {
  const std::optional<double> constant = ScalarConstant(value);
  return constant.has_value() && *constant == number &&
         std::signbit(*constant) == std::signbit(number);
}

Cost ElementwiseCost(const Node& node) {
  const ElementwiseProgram program =
      TraceElementwise(node.op(), node.num_inputs(), node.attributes());
  double operations = 0;
  for (const Instruction& instruction : program.instructions) {
    if (instruction.primitive == Primitive::kImmediate) continue;
    operations += instruction.primitive == Primitive::kMultiplyAdd ? 2 : 1;
  }
  const TensorType& output = node.output_type();
  Cost cost;
  cost.flops =
      operations * static_cast<double>(output.shape.NumElements().value_or(0));
  cost.bytes = static_cast<double>(output.ByteSize().value_or(0));
  for (int i = 0; i < node.num_inputs(); ++i) {
    cost.bytes +=
        static_cast<double>(node.input(i).type().ByteSize().value_or(0));
  }
  return cost;
}

Value AddUnary(const OpDef& op, const Value& input, SourceLocation location) {
  return AddNode(op, {input}, {}, {.location = location}).output();
}

Value AddBinary(const OpDef& op, const Operand& a, const Operand& b) {
  return AddNode(op, {a.For(b), b.For(a)}, {}, {.location = a.location()})
      .output();
}

}  // namespace evengrad
