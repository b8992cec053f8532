// What several rules of import need.
#ifndef EVENGRAD_FORMATS_ONNX_IMPORT_HELPERS_H_
#define EVENGRAD_FORMATS_ONNX_IMPORT_HELPERS_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "evengrad/formats/onnx/import_call.h"
#include "evengrad/ops/ops.h"

namespace evengrad {

// The two inputs of a binary op. Up to opset 6 the second one may lie along
// axes of the first from the attribute `axis` on; it gets axes behind, so that
// it broadcasts by NumPy's rules.
struct OnnxOperands {
  Value a, b;
};
absl::StatusOr<OnnxOperands> OperandsOf(OnnxCall& call);

// An ONNX op of one input (two inputs) that is one of ours.
template <Value (*function)(const Value&, SourceLocation)>
OnnxResult Unary(OnnxCall& call) {
  if (call.opset() < 6) call.Ignore("consumed_inputs");
  return One(function(call.input(0), Here()));
}
template <Value (*function)(const Operand&, const Operand&)>
OnnxResult Binary(OnnxCall& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const OnnxOperands operands, OperandsOf(call));
  return One(function(operands.a, operands.b));
}

// The integer attribute as an axis of `x`, from the front.
absl::StatusOr<int> AxisOf(OnnxCall& call, std::string_view name,
                           int64_t fallback, const Value& x);
// All axes from the front, in ascending order. Errors: out of range, twice.
absl::StatusOr<std::vector<int64_t>> AxesOf(std::vector<int64_t> axes,
                                            int rank);

// `number` as a scalar of the type of `like`.
Value NumberLike(const Value& like, double number);
// `x` with its axes before `axis` as rows, the others as columns. Sizes that
// are not numbers are put together where they can.
Value Flattened(const Value& x, int axis);
// The product of sizes [first, last): a number, one symbol, or unknown.
Dimension ProductOf(const Shape& shape, int first, int last);
// The value in f64 where it is an integer, for arithmetic that our ops have on
// floating types only; exact to 2^53.
Value AsFloating(const Value& x);
// [channels] beside an input of `rank` axes, [batch, channels, …].
Value ByChannel(const Value& x, int rank);
// Toward zero; x is floating.
Value TruncateToZero(const Value& x);

}  // namespace evengrad

#endif  // EVENGRAD_FORMATS_ONNX_IMPORT_HELPERS_H_
