// ONNX ops that read and write single elements at computed places: gathers and
// scatters on the flat tensor.
#include "evengrad/formats/onnx/import_helpers.h"

namespace evengrad {
namespace {

using Call = OnnxCall;

struct Elements {
  Value x;
  Value flat;    // all elements of x in one axis
  Value places;  // i64, of the shape of the indices: places in `flat`
};

// Element [i, j, …] of the indices stands for [i, …, index, …] of the input.
absl::StatusOr<Elements> ElementsOf(Call& call) {
  Elements elements;
  EVENGRAD_ASSIGN_OR_RETURN(elements.x, call.Get(0));
  EVENGRAD_ASSIGN_OR_RETURN(const Value given, call.Get(1));
  const Value& x = elements.x;
  EVENGRAD_ASSIGN_OR_RETURN(const int axis, AxisOf(call, "axis", 0, x));
  if (given.rank() != x.rank()) {
    return InvalidArgument("indices must have the axes of the input, ",
                           x.type().ToString(), ", found ",
                           given.type().ToString());
  }
  for (int i = 0; i < x.rank(); ++i) {
    if (!x.shape()[i].is_integer() && (i > 0 || i == axis)) {
      return Call::Unsupported("places in an input of open size, ",
                               x.type().ToString());
    }
  }
  const Value indices =
      given.dtype() == DType::kI64 ? given : Cast(given, DType::kI64);
  const double size = x.shape()[axis].is_integer()
                          ? static_cast<double>(x.shape()[axis].size())
                          : 0;
  const Value from_front = Select(Less(indices, 0), indices + size, indices);
  const TensorType type = I64(indices.shape());
  double stride = 1;
  for (int i = x.rank() - 1; i >= 0; --i) {
    const Value along = i == axis ? from_front : Iota(call.graph(), type, i);
    const Value part = along * stride;
    elements.places = elements.places.valid() ? elements.places + part : part;
    if (i > 0) stride *= static_cast<double>(x.shape()[i].size());
  }
  elements.flat = Reshape(x, {ProductOf(x.shape(), 0, x.rank())});
  return elements;
}

OnnxResult GatherElements(Call& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const Elements elements, ElementsOf(call));
  return One(Gather(elements.flat, elements.places));
}

// What is written there, or added. Two updates of one place are added up, which
// ONNX leaves open.
OnnxResult ScatterElements(Call& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const Elements elements, ElementsOf(call));
  EVENGRAD_ASSIGN_OR_RETURN(const Value updates, call.Get(2));
  const std::string reduction = call.Text("reduction", "none");
  if (reduction != "none" && reduction != "add") {
    return Call::Unsupported("a scatter with the reduction '", reduction, "'");
  }
  const Value added = ReshapeLike(
      ScatterAdd(updates, elements.places, elements.flat), elements.x);
  if (reduction == "add") return One(elements.x + added);
  const Value ones = BroadcastLike(NumberLike(updates, 1), updates);
  const Value count =
      ReshapeLike(ScatterAdd(ones, elements.places, elements.flat), elements.x);
  return One(Select(Equal(count, 0), elements.x, added));
}

constexpr OnnxImport kRules[] = {
    {"GatherElements", 11, GatherElements},
    {"Scatter", 9, ScatterElements},
    {"ScatterElements", 11, ScatterElements},
};

}  // namespace

std::span<const OnnxImport> OnnxElementImports() { return kRules; }

}  // namespace evengrad
