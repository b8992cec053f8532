#include "evengrad/formats/onnx/import_helpers.h"

#include <algorithm>

namespace evengrad {

absl::StatusOr<OnnxOperands> OperandsOf(OnnxCall& call) {
  OnnxOperands operands;
  EVENGRAD_ASSIGN_OR_RETURN(operands.a, call.Get(0));
  EVENGRAD_ASSIGN_OR_RETURN(operands.b, call.Get(1));
  if (call.opset() >= 7) return operands;
  call.Ignore("consumed_inputs");
  call.Ignore("broadcast");
  if (!call.has_attribute("axis")) return operands;
  EVENGRAD_ASSIGN_OR_RETURN(const int axis,
                            AxisOf(call, "axis", 0, operands.a));
  std::vector<int64_t> behind;
  for (int i = axis + operands.b.rank(); i < operands.a.rank(); ++i) {
    behind.push_back(i - axis);
  }
  if (!behind.empty()) operands.b = Unsqueeze(operands.b, behind);
  return operands;
}

Value ByChannel(const Value& x, int rank) {
  std::vector<int64_t> axes;
  for (int i = 1; i + 1 < rank; ++i) axes.push_back(i);
  return axes.empty() ? x : Unsqueeze(x, axes);
}

absl::StatusOr<int> AxisOf(OnnxCall& call, std::string_view name,
                           int64_t fallback, const Value& x) {
  const absl::StatusOr<int> axis =
      NormalizeAxis(call.Integer(name, fallback), x.rank());
  if (!axis.ok()) return Prefixed(axis.status(), StrCat(name, ": "));
  return axis;
}

absl::StatusOr<std::vector<int64_t>> AxesOf(std::vector<int64_t> axes,
                                            int rank) {
  for (int64_t& axis : axes) {
    EVENGRAD_ASSIGN_OR_RETURN(const int normal, NormalizeAxis(axis, rank));
    axis = normal;
  }
  std::ranges::sort(axes);
  const auto twice = std::ranges::adjacent_find(axes);
  if (twice == axes.end()) return axes;
  return InvalidArgument("axis ", *twice, " is given twice");
}

Value NumberLike(const Value& like, double number) {
  const std::optional<Graph> graph = Graph::Of(like);
  if (!graph.has_value() || !like.valid()) return like;
  return Constant(*graph, number, like.dtype());
}

Dimension ProductOf(const Shape& shape, int first, int last) {
  int64_t product = 1;
  Dimension symbol = 1;
  for (int i = first; i < last; ++i) {
    if (shape[i].is_integer()) {
      if (__builtin_mul_overflow(product, shape[i].size(), &product)) {
        return Dimension::Unknown();
      }
    } else if (symbol.is_integer()) {
      symbol = shape[i];
    } else {
      return Dimension::Unknown();
    }
  }
  if (symbol.is_integer()) return product;
  return product == 1 ? symbol : Dimension::Unknown();
}

Value Flattened(const Value& x, int axis) {
  if (!x.valid()) return x;
  const Dimension rows = ProductOf(x.shape(), 0, axis);
  const Dimension columns = ProductOf(x.shape(), axis, x.rank());
  return Reshape(x, {rows, columns});
}

Value AsFloating(const Value& x) {
  return !x.valid() || IsFloating(x.dtype()) ? x : Cast(x, DType::kF64);
}

Value TruncateToZero(const Value& x) { return Sign(x) * Floor(Abs(x)); }

}  // namespace evengrad
