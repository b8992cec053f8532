// ONNX ops whose result is known when the graph is built.
#include <cmath>
#include <utility>

#include "evengrad/formats/onnx/import_helpers.h"

namespace evengrad {
namespace {

using Call = OnnxCall;

template <typename T>
OnnxResult ConstantOf(Call& call, const std::vector<T>& values, bool scalar) {
  const std::vector<int64_t> sizes =
      scalar ? std::vector<int64_t>()
             : std::vector<int64_t>{static_cast<int64_t>(values.size())};
  EVENGRAD_ASSIGN_OR_RETURN(
      const Tensor tensor,
      Tensor::Of<T>(std::span<const int64_t>(sizes), std::span(values)));
  return One(Constant(call.graph(), tensor));
}

OnnxResult ConstantRule(Call& call) {
  if (call.has_attribute("value")) {
    const Tensor tensor = call.TensorOf("value");
    if (!tensor.valid()) return call.Finish();
    return One(Constant(call.graph(), tensor));
  }
  if (call.has_attribute("value_int")) {
    return ConstantOf<int64_t>(call, {call.Integer("value_int", 0)}, true);
  }
  if (call.has_attribute("value_ints")) {
    return ConstantOf<int64_t>(call, call.Integers("value_ints"), false);
  }
  if (call.has_attribute("value_float")) {
    return ConstantOf<float>(
        call, {static_cast<float>(call.Number("value_float", 0))}, true);
  }
  if (call.has_attribute("value_floats")) {
    const std::vector<double> numbers = call.Numbers("value_floats");
    return ConstantOf<float>(
        call, std::vector<float>(numbers.begin(), numbers.end()), false);
  }
  EVENGRAD_RETURN_IF_ERROR(call.Finish());
  return InvalidArgument("the constant has no value");
}

// The tensor attribute "value", of one element; zero in f32 without it.
absl::StatusOr<Value> FillValue(Call& call) {
  if (!call.has_attribute("value")) return Constant(call.graph(), 0.0);
  const Tensor tensor = call.TensorOf("value");
  if (!tensor.valid()) return call.Finish();
  if (tensor.num_elements() != 1) {
    return InvalidArgument("value must have one element, found ",
                           tensor.ToString());
  }
  const Value value = Constant(call.graph(), tensor);
  return tensor.rank() == 0 ? value : Reshape(value, {});
}

OnnxResult ConstantOfShape(Call& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const Value value, FillValue(call));
  EVENGRAD_ASSIGN_OR_RETURN(const Shape shape, call.KnownShape(0));
  for (const Dimension& size : shape) {
    if (size.is_unknown()) {
      return Call::Unsupported("a constant of the shape ", shape.ToString());
    }
  }
  if (shape.rank() == 0) return One(value);
  const Value like = call.ShapeSource(0);
  if (like.valid()) return One(BroadcastLike(value, like));
  return One(BroadcastTo(value, shape));
}

OnnxResult Range(Call& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const double start, call.KnownNumber(0));
  EVENGRAD_ASSIGN_OR_RETURN(const double limit, call.KnownNumber(1));
  EVENGRAD_ASSIGN_OR_RETURN(const double step, call.KnownNumber(2));
  EVENGRAD_ASSIGN_OR_RETURN(const Value like, call.Get(0));
  const double count = std::ceil((limit - start) / step);
  constexpr double kMost = 1 << 20;
  if (!(count <= kMost)) {
    return InvalidArgument("a range from ", start, " to ", limit, " by ", step,
                           " is too long");
  }
  const int64_t size = static_cast<int64_t>(std::max(count, 0.0));
  EVENGRAD_ASSIGN_OR_RETURN(Tensor tensor,
                            Tensor::Zeros({like.dtype(), {size}}));
  for (int64_t i = 0; i < size; ++i) {
    StoreFromDouble(like.dtype(), tensor.mutable_data(), i,
                    start + static_cast<double>(i) * step);
  }
  return One(Constant(call.graph(), tensor));
}

constexpr OnnxImport kRules[] = {
    {"Constant", 1, ConstantRule},
    {"ConstantOfShape", 9, ConstantOfShape},
    {"Range", 11, Range},
};

}  // namespace

std::span<const OnnxImport> OnnxConstantImports() { return kRules; }

}  // namespace evengrad
