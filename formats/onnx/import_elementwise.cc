// ONNX ops of one input, element by element; comparisons, logic, casts.
#include <limits>
#include <optional>

#include "evengrad/formats/onnx/import_helpers.h"

namespace evengrad {
namespace {

using Call = OnnxCall;

Value Not(const Value& x, SourceLocation) { return LogicalNot(x); }
Value Ceil(const Value& x, SourceLocation) { return -Floor(-x); }
Value Reciprocal(const Value& x, SourceLocation) { return 1 / x; }
Value Identity(const Value& x, SourceLocation) { return x; }
Value Sinh(const Value& x, SourceLocation) { return (Exp(x) - Exp(-x)) / 2; }
Value Cosh(const Value& x, SourceLocation) { return (Exp(x) + Exp(-x)) / 2; }
Value Acosh(const Value& x, SourceLocation) {
  return Log(x + Sqrt(Square(x) - 1));
}
Value Asinh(const Value& x, SourceLocation) {
  const Value magnitude = Abs(x);
  return Sign(x) * Log(magnitude + Sqrt(Square(magnitude) + 1));
}
Value Atanh(const Value& x, SourceLocation) {
  return (Log1p(x) - Log1p(-x)) / 2;
}
Value IsNaN(const Value& x, SourceLocation) { return NotEqual(x, x); }

// To the nearest whole number, halves to the even one.
Value Round(const Value& x, SourceLocation) {
  const Value whole = Floor(x);
  const Value above = x - whole;
  const Value half = whole / 2;
  const Value is_even = Equal(Floor(half), half);
  const Value down =
      LogicalOr(Less(above, 0.5), LogicalAnd(Equal(above, 0.5), is_even));
  return Select(down, whole, whole + 1);
}

OnnxResult Negate(Call& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const Value x, call.Get(0));
  return One(evengrad::Negate(x));
}

OnnxResult Sign(Call& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const Value x, call.Get(0));
  return One(evengrad::Sign(x));
}

OnnxResult IsInf(Call& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const Value x, call.Get(0));
  const double infinity = std::numeric_limits<double>::infinity();
  const bool negative = call.Integer("detect_negative", 1) != 0;
  const bool positive = call.Integer("detect_positive", 1) != 0;
  if (negative && positive) return One(Equal(Abs(x), infinity));
  if (positive) return One(Equal(x, infinity));
  if (negative) return One(Equal(x, -infinity));
  return One(NotEqual(x, x) /* NaN */);
}

std::optional<DType> DTypeOfCode(int64_t code) {
  constexpr std::pair<int64_t, DType> kCodes[] = {
      {1, DType::kF32},  {2, DType::kU8},   {6, DType::kI32},  {7, DType::kI64},
      {9, DType::kBool}, {11, DType::kF64}, {16, DType::kBF16}};
  for (const auto& [known, dtype] : kCodes) {
    if (known == code) return dtype;
  }
  return std::nullopt;
}

OnnxResult CastTo(Call& call) {
  const int64_t code = call.Integer("to", 0);
  const std::optional<DType> dtype = DTypeOfCode(code);
  if (!dtype.has_value()) {
    return Call::Unsupported("a cast to element type ", code);
  }
  return One(Cast(call.input(0), *dtype));
}

OnnxResult CastLike(Call& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const Value like, call.Get(1));
  return One(Cast(call.input(0), like.dtype()));
}

OnnxResult And(Call& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const OnnxOperands operands, OperandsOf(call));
  return One(LogicalAnd(operands.a, operands.b));
}
OnnxResult Or(Call& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const OnnxOperands operands, OperandsOf(call));
  return One(LogicalOr(operands.a, operands.b));
}

OnnxResult Where(Call& call) {
  const Value condition = call.input(0);
  const Value if_true = call.input(1);
  return One(Select(condition, if_true, call.input(2)));
}

constexpr OnnxImport kRules[] = {
    {"Abs", 1, Unary<Abs>},
    {"Acosh", 9, Unary<Acosh>},
    {"And", 1, And},
    {"Asinh", 9, Unary<Asinh>},
    {"Atanh", 9, Unary<Atanh>},
    {"Cast", 6, CastTo},
    {"CastLike", 15, CastLike},
    {"Ceil", 1, Unary<Ceil>},
    {"Cosh", 9, Unary<Cosh>},
    {"Equal", 1, Binary<Equal>},
    {"Erf", 9, Unary<Erf>},
    {"Exp", 1, Unary<Exp>},
    {"Floor", 1, Unary<Floor>},
    {"Greater", 1, Binary<Greater>},
    {"GreaterOrEqual", 12, Binary<GreaterEqual>},
    {"Identity", 1, Unary<Identity>},
    {"IsInf", 10, IsInf},
    {"IsNaN", 9, Unary<IsNaN>},
    {"Less", 1, Binary<Less>},
    {"LessOrEqual", 12, Binary<LessEqual>},
    {"Log", 1, Unary<Log>},
    {"Neg", 6, Negate},
    {"Not", 1, Unary<Not>},
    {"Or", 1, Or},
    {"Reciprocal", 1, Unary<Reciprocal>},
    {"Round", 11, Unary<Round>},
    {"Sign", 9, Sign},
    {"Sinh", 9, Unary<Sinh>},
    {"Sqrt", 1, Unary<Sqrt>},
    {"Where", 9, Where},
    {"Xor", 1, Binary<NotEqual>},
};

}  // namespace

std::span<const OnnxImport> OnnxElementwiseImports() { return kRules; }

}  // namespace evengrad
