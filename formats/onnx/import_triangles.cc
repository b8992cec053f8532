// ONNX ops about diagonals of matrices.
#include <optional>

#include "evengrad/formats/onnx/import_helpers.h"

namespace evengrad {
namespace {

using Call = OnnxCall;

// Element types that EyeLike's attribute can ask for.
std::optional<DType> EyeType(int64_t code) {
  switch (code) {
    case 1:
      return DType::kF32;
    case 11:
      return DType::kF64;
    case 6:
      return DType::kI32;
    case 7:
      return DType::kI64;
    default:
      return std::nullopt;
  }
}

OnnxResult EyeLike(Call& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const Value x, call.Get(0));
  TensorType type = x.type();
  if (call.has_attribute("dtype")) {
    const int64_t code = call.Integer("dtype", 1);
    const std::optional<DType> dtype = EyeType(code);
    if (!dtype.has_value()) return Call::Unsupported("element type ", code);
    type.dtype = *dtype;
  }
  return One(Eye(call.graph(), type, call.Integer("k", 0)));
}

// Zero above (below) the k-th diagonal.
OnnxResult Trilu(Call& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const Value x, call.Get(0));
  const bool upper = call.Integer("upper", 1) != 0;
  double k = 0;
  if (call.has(1)) {
    EVENGRAD_ASSIGN_OR_RETURN(k, call.KnownNumber(1));
  }
  if (x.rank() < 2) {
    return InvalidArgument("the input must be a matrix or several, found ",
                           x.type().ToString());
  }
  const TensorType type =
      I64({x.shape()[x.rank() - 2], x.shape()[x.rank() - 1]});
  const Value diagonal =
      Iota(call.graph(), type, 1) - Iota(call.graph(), type, 0);
  return One(
      Select(upper ? GreaterEqual(diagonal, k) : LessEqual(diagonal, k), x, 0));
}

constexpr OnnxImport kRules[] = {{"EyeLike", 9, EyeLike}, {"Trilu", 14, Trilu}};

}  // namespace

std::span<const OnnxImport> OnnxTriangleImports() { return kRules; }

}  // namespace evengrad
