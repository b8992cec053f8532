#include "evengrad/ops/gather_rules.h"

#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

int64_t LoadInteger(DType dtype, const void* values, int64_t i) {
  switch (dtype) {
    case DType::kI64:
      return static_cast<const int64_t*>(values)[i];
    case DType::kI32:
      return static_cast<const int32_t*>(values)[i];
    default:
      return static_cast<const uint8_t*>(values)[i];
  }
}

}  // namespace

absl::Status CheckIndexType(const InferContext& context, int input) {
  if (IsInteger(context.input(input).dtype)) return absl::OkStatus();
  return InvalidArgument(context.InputName(input),
                         " must be integers (i32, i64 or u8), found ",
                         context.input(input).ToString());
}

Shape GatheredShape(const Shape& source, const Shape& indices, int axis) {
  Shape gathered;
  for (int i = 0; i < axis; ++i) gathered.Append(source[i]);
  for (const Dimension& size : indices) gathered.Append(size);
  for (int i = axis + 1; i < source.rank(); ++i) gathered.Append(source[i]);
  return gathered;
}

GatherLayout GatherLayoutOf(const Shape& source, const Shape& indices,
                            int64_t axis) {
  const int at = NormalizeAxis(axis, source.rank()).value_or(0);
  GatherLayout layout;
  for (int i = 0; i < source.rank(); ++i) {
    int64_t& size = i < at    ? layout.outer
                    : i == at ? layout.size
                              : layout.inner;
    size *= source[i].size();
  }
  for (const Dimension& size : indices) layout.count *= size.size();
  return layout;
}

int64_t LoadPlace(DType dtype, const void* indices, int64_t i, int64_t size) {
  const int64_t index = LoadInteger(dtype, indices, i);
  const int64_t place = index < 0 ? index + size : index;
  return place >= 0 && place < size ? place : -1;
}

}  // namespace evengrad
