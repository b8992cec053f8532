#include "evengrad/formats/onnx/import_helpers.h"

#include <algorithm>

namespace evengrad {

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
