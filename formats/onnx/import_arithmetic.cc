// ONNX ops of several inputs, element by element: arithmetic, limits.
#include <limits>
#include <utility>

#include "evengrad/formats/onnx/import_helpers.h"

namespace evengrad {
namespace {

using Call = OnnxCall;
using Function = Value (*)(const Operand&, const Operand&);

// Ours are for signed numbers: u8 is computed in i32 and wraps around.
template <Function function>
OnnxResult Wrapping(Call& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const OnnxOperands operands, OperandsOf(call));
  const auto& [a, b] = operands;
  if (a.dtype() != DType::kU8) return One(function(a, b));
  const Value sum =
      Cast(function(Cast(a, DType::kI32), Cast(b, DType::kI32)), DType::kF64);
  return One(Cast(sum - 256 * Floor(sum / 256), DType::kU8));
}

// Integers are divided in f64, toward zero.
OnnxResult Division(Call& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const OnnxOperands operands, OperandsOf(call));
  const auto& [a, b] = operands;
  if (IsFloating(a.dtype())) return One(a / b);
  return One(Cast(AsFloating(a) / AsFloating(b), a.dtype()));
}

// The result has the base's type.
OnnxResult Pow(Call& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const OnnxOperands operands, OperandsOf(call));
  const auto& [base, exponent] = operands;
  if (IsFloating(base.dtype())) {
    return One(Power(base, Cast(exponent, base.dtype())));
  }
  const Value result = Power(AsFloating(base), Cast(exponent, DType::kF64));
  return One(Cast(result, base.dtype()));
}

// The rest has the divisor's sign, or with fmod the dividend's.
OnnxResult Mod(Call& call) {
  const bool fmod = call.Integer("fmod", 0) != 0;
  EVENGRAD_ASSIGN_OR_RETURN(const Value a, call.Get(0));
  EVENGRAD_ASSIGN_OR_RETURN(const Value b, call.Get(1));
  const Value dividend = AsFloating(a);
  const Value divisor = AsFloating(b);
  const Value quotient = dividend / divisor;
  const Value whole = fmod ? TruncateToZero(quotient) : Floor(quotient);
  return One(Cast(dividend - whole * divisor, a.dtype()));
}

absl::StatusOr<Value> Fold(Call& call, Function function) {
  Value result = call.input(0);
  for (int i = 1; i < call.num_inputs(); ++i) {
    result = function(result, call.input(i));
  }
  if (!result.valid()) return call.Finish();
  return result;
}

template <Function function>
OnnxResult Variadic(Call& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const Value result, Fold(call, function));
  return One(result);
}

OnnxResult Mean(Call& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const Value sum, Fold(call, Add));
  return One(sum / call.num_inputs());
}

// Limits that are numbers of the model become attributes.
OnnxResult Limits(const Value& x, double minimum, double maximum) {
  const double largest = std::numeric_limits<double>::max();
  if (IsFloating(x.dtype()) && minimum <= maximum) {
    return One(
        Clamp(x, std::max(minimum, -largest), std::min(maximum, largest)));
  }
  return One(Minimum(Maximum(x, minimum), maximum));
}

OnnxResult Clip(Call& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const Value x, call.Get(0));
  if (call.opset() < 11) {
    const double minimum = call.Number("min", -3.402823e+38);
    return Limits(x, minimum, call.Number("max", 3.402823e+38));
  }
  const double infinity = std::numeric_limits<double>::infinity();
  const auto minimum = call.has(1) ? call.KnownNumber(1) : -infinity;
  const auto maximum = call.has(2) ? call.KnownNumber(2) : infinity;
  if (minimum.ok() && maximum.ok() && IsFloating(x.dtype())) {
    return Limits(x, *minimum, *maximum);
  }
  Value result = x;
  if (call.has(1)) result = Maximum(result, call.input(1));
  if (call.has(2)) result = Minimum(result, call.input(2));
  return One(result);
}

constexpr OnnxImport kRules[] = {
    {"Add", 1, Wrapping<Add>}, {"Clip", 6, Clip},
    {"Div", 1, Division},      {"Max", 6, Variadic<Maximum>},
    {"Mean", 6, Mean},         {"Min", 6, Variadic<Minimum>},
    {"Mod", 10, Mod},          {"Mul", 1, Wrapping<Multiply>},
    {"Pow", 1, Pow},           {"Sub", 1, Wrapping<Subtract>},
    {"Sum", 6, Variadic<Add>},
};

}  // namespace

std::span<const OnnxImport> OnnxArithmeticImports() { return kRules; }

}  // namespace evengrad
