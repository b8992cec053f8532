// ONNX ops of several inputs, element by element: arithmetic, limits.
#include <limits>
#include <utility>

#include "evengrad/formats/onnx/import_helpers.h"

namespace evengrad {
namespace {

using Call = OnnxCall;
using Function = Value (*)(const Operand&, const Operand&);

// Integers are divided in f64, toward zero.
OnnxResult Division(Call& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const Value a, call.Get(0));
  EVENGRAD_ASSIGN_OR_RETURN(const Value b, call.Get(1));
  if (IsFloating(a.dtype())) return One(a / b);
  return One(Cast(AsFloating(a) / AsFloating(b), a.dtype()));
}

// The result has the base's type.
OnnxResult Pow(Call& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const Value base, call.Get(0));
  EVENGRAD_ASSIGN_OR_RETURN(const Value exponent, call.Get(1));
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
    {"Add", 7, Binary<Add>},   {"Clip", 6, Clip},
    {"Div", 7, Division},      {"Max", 8, Variadic<Maximum>},
    {"Mean", 8, Mean},         {"Min", 8, Variadic<Minimum>},
    {"Mod", 10, Mod},          {"Mul", 7, Binary<Multiply>},
    {"Pow", 7, Pow},           {"Sub", 7, Binary<Subtract>},
    {"Sum", 8, Variadic<Add>},
};

}  // namespace

std::span<const OnnxImport> OnnxArithmeticImports() { return kRules; }

}  // namespace evengrad
