#include <algorithm>
#include <optional>

#include "evengrad/graph/status.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"
#include "evengrad/ops/shape_rules.h"

namespace evengrad {
namespace {

using Axes = std::vector<int64_t>;

bool Counts(const Axes& axes, int axis, int rank) {
  return axes.empty() ||
         std::any_of(axes.begin(), axes.end(), [&](int64_t given) {
           return given == axis || given == axis - rank;
         });
}

absl::StatusOr<std::vector<TensorType>> InferType(const InferContext& context) {
  const DType dtype = context.attribute<DType>("dtype");
  if (!IsFloating(dtype) && !IsInteger(dtype)) {
    return InvalidArgument("a size cannot be a ", Name(dtype),
                           "; choose a number type");
  }
  absl::StatusOr<std::vector<int>> axes =
      DistinctAxes(context.attribute<Axes>("axes"), context.input(0).rank());
  if (!axes.ok()) {
    return InvalidArgument(context.Describe(0), ": ", Message(axes.status()));
  }
  return std::vector<TensorType>{{dtype, {}}};
}

std::vector<Value> Gradient(const Node&, std::span<const Value>) {
  return {Value()};  // a size does not depend on the elements
}

// A constant, where the sizes that count are integers.
std::vector<Value> Fold(const Node& node) {
  const Shape& shape = node.input(0).shape();
  const Axes& axes = node.attribute<Axes>("axes");
  double size = 1;
  for (int i = 0; i < shape.rank(); ++i) {
    if (!Counts(axes, i, shape.rank())) continue;
    if (!shape[i].is_integer()) return {};
    size *= static_cast<double>(shape[i].size());
  }
  return {Constant(node.graph(), size, node.output_type().dtype)};
}

absl::Status Reference(const ReferenceCall& call) {
  const std::vector<int64_t>& sizes = call.input(0).sizes;
  const Axes& axes = call.attribute<Axes>("axes");
  const int rank = static_cast<int>(sizes.size());
  double size = 1;
  for (int i = 0; i < rank; ++i) {
    if (Counts(axes, i, rank)) size *= static_cast<double>(sizes[i]);
  }
  call.output().values[0] = size;
  return absl::OkStatus();
}

}  // namespace

const OpDef& SizeOfOp() {
  static const OpDef* const op = new OpDef{
      .name = "size_of",
      .summary = "the number of elements of input along axes, as a scalar",
      .inputs = {"input"},
      .attributes = {{.name = "axes",
                      .fallback = Axes(),
                      .summary = "axes that count; empty: all"},
                     {.name = "dtype", .fallback = DType::kF32}},
      .infer_type = InferType,
      .gradient = Gradient,
      .reference = Reference,
      .simplify = Fold,
      .decompose = Fold,
      .type_only_inputs = {0}};
  return *op;
}

Value SizeOf(const Value& input, std::vector<int64_t> axes, DType dtype,
             SourceLocation location) {
  return AddNode(SizeOfOp(), {input},
                 {{"axes", std::move(axes)}, {"dtype", dtype}},
                 {.location = location})
      .output();
}

}  // namespace evengrad
