#include "evengrad/ops/operand.h"

#include <cmath>
#include <cstddef>

#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/graph/tensor.h"
#include "evengrad/ops/ops.h"

namespace evengrad {
namespace {

// Whether `number` keeps its meaning as a `dtype`: whole for integers and
// bool, in range for all. Floating types round it.
bool Fits(double number, DType dtype) {
  alignas(8) std::byte element[8] = {};
  StoreFromDouble(dtype, element, 0, number);
  const double stored = LoadAsDouble(dtype, element, 0);
  if (!IsFloating(dtype)) return stored == number;
  return std::isfinite(stored) || !std::isfinite(number);
}

}  // namespace

Value Operand::For(const Operand& other) const {
  if (!is_number()) return value_;
  const std::optional<Graph> graph = Graph::Of(other.value());
  if (!graph.has_value()) return Value();
  if (!other.value().valid()) return graph->Invalid();
  const TensorType& type = other.value().type();
  if (!Fits(*number_, type.dtype)) {
    const std::string line = location_.ToString();
    return graph
        ->Fail(InvalidArgument("the number ", *number_, " is no ",
                               Name(type.dtype),
                               ", the element type of the other input ",
                               type.ToString(), "; cast that input first"),
               line.empty() ? line : StrCat(line, ": "))
        .output();
  }
  return Constant(*graph, *number_, type.dtype, location_);
}

Value operator-(const Operand& x) { return Negate(x.value(), x.location()); }
Value operator+(const Operand& a, const Operand& b) { return Add(a, b); }
Value operator-(const Operand& a, const Operand& b) { return Subtract(a, b); }
Value operator*(const Operand& a, const Operand& b) { return Multiply(a, b); }
Value operator/(const Operand& a, const Operand& b) { return Divide(a, b); }

}  // namespace evengrad
