#include "evengrad/ops/reduction_rules.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "evengrad/graph/status.h"
#include "evengrad/ops/shape_rules.h"

namespace evengrad {
namespace {

using Axes = std::vector<int64_t>;
using InferredTypes = absl::StatusOr<std::vector<TensorType>>;

bool Contains(const std::vector<int>& axes, int axis) {
  return std::binary_search(axes.begin(), axes.end(), axis);
}

absl::StatusOr<std::vector<int>> AxesOf(const InferContext& context) {
  absl::StatusOr<std::vector<int>> axes =
      ReducedAxes(context.attribute<Axes>("axes"), context.input(0).rank());
  if (axes.ok()) return axes;
  return InvalidArgument(context.Describe(0), ": ", Message(axes.status()));
}

InferredTypes InferReduction(const InferContext& context) {
  EVENGRAD_ASSIGN_OR_RETURN(const std::vector<int> axes, AxesOf(context));
  const bool keep = context.attribute<bool>("keep_dimensions");
  const Shape& input = context.input(0).shape;
  Shape output;
  for (int i = 0; i < input.rank(); ++i) {
    if (!Contains(axes, i)) {
      output.Append(input[i]);
    } else if (keep) {
      output.Append(1);
    }
  }
  return std::vector<TensorType>{{context.input(0).dtype, std::move(output)}};
}

}  // namespace

std::vector<AttributeDef> ReductionAttributes() {
  return {{.name = "axes",
           .fallback = Axes(),
           .summary = "axes to reduce, may count from the back; empty: all"},
          {.name = "keep_dimensions",
           .fallback = false,
           .summary = "leave a 1 where an axis is reduced"}};
}

absl::StatusOr<std::vector<int>> ReducedAxes(std::span<const int64_t> axes,
                                             int rank) {
  if (!axes.empty()) return DistinctAxes(axes, rank);
  std::vector<int> all(rank);
  std::iota(all.begin(), all.end(), 0);
  return all;
}

InferredTypes InferSum(const InferContext& context) {
  const TensorType& input = context.input(0);
  if (!IsFloating(input.dtype) && !IsInteger(input.dtype)) {
    return InvalidArgument("input must be a number (f32, f64, bf16, i32, i64 ",
                           "or u8), found ", input.ToString(),
                           "; cast it first");
  }
  return InferReduction(context);
}

InferredTypes InferMean(const InferContext& context) {
  const TensorType& input = context.input(0);
  if (!IsFloating(input.dtype)) {
    return InvalidArgument("input must be floating (f32, f64 or bf16), found ",
                           input.ToString(), "; cast it first");
  }
  return InferReduction(context);
}

InferredTypes InferExtremum(const InferContext& context) {
  EVENGRAD_ASSIGN_OR_RETURN(const std::vector<int> axes, AxesOf(context));
  for (int axis : axes) {
    if (context.input(0).shape[axis] == Dimension(0)) {
      return InvalidArgument(context.Describe(0),
                             " has no elements along axis ", axis,
                             "; an extremum needs at least one");
    }
  }
  return InferSum(context);
}

InferredTypes InferSignedReduction(const InferContext& context) {
  const TensorType& input = context.input(0);
  const bool is_signed = IsFloating(input.dtype) ||
                         (IsInteger(input.dtype) && input.dtype != DType::kU8);
  if (!is_signed) {
    return InvalidArgument("input must be a signed number (f32, f64, bf16, ",
                           "i32 or i64), found ", input.ToString(),
                           "; cast it first");
  }
  return InferReduction(context);
}

absl::Status CheckFloatingInput(const InferContext& context) {
  const TensorType& input = context.input(0);
  if (IsFloating(input.dtype)) return absl::OkStatus();
  return InvalidArgument(context.InputName(0),
                         " must be floating (f32, f64 or bf16), found ",
                         input.ToString());
}

ReduceOptions ReduceOptionsOf(const Node& node) {
  return {.axes = node.attribute<Axes>("axes"),
          .keep_dimensions = node.attribute<bool>("keep_dimensions")};
}

Value SpreadOverInput(const Value& value, const Node& reduction) {
  const Value input = reduction.input(0);
  if (reduction.attribute<bool>("keep_dimensions")) {
    return BroadcastLike(value, input);
  }
  return BroadcastLikeOver(value, input, reduction.attribute<Axes>("axes"));
}

std::vector<Value> ExtremumGradient(const Node& node,
                                    std::span<const Value> output_gradients) {
  const Value input = node.input(0);
  const Value is_extremum =
      Cast(Equal(input, SpreadOverInput(node.output(), node)), input.dtype());
  const Value count =
      ReduceSum(is_extremum,
                {.axes = node.attribute<Axes>("axes"),
                 .keep_dimensions = node.attribute<bool>("keep_dimensions")});
  return {is_extremum * SpreadOverInput(output_gradients[0] / count, node)};
}

std::vector<Value> SimplifyReduction(const Node& node) {
  const Value input = node.input(0);
  const absl::StatusOr<std::vector<int>> axes =
      ReducedAxes(node.attribute<Axes>("axes"), input.rank());
  const Shape& output = node.output_type().shape;
  if (!axes.ok() || HasUnknown(output)) return {};
  for (int axis : *axes) {
    if (input.shape()[axis] != Dimension(1)) return {};
  }
  return {input.shape() == output ? input : Reshape(input, output)};
}

Cost ReductionCost(const Node& node) {
  const TensorType& input = node.input(0).type();
  return {
      .flops = static_cast<double>(input.shape.NumElements().value_or(0)),
      .bytes = static_cast<double>(input.ByteSize().value_or(0)) +
               static_cast<double>(node.output_type().ByteSize().value_or(0))};
}

ReferenceFunction ReferenceReduction(
    std::function<double(std::span<const double>)> reduce) {
  return [reduce = std::move(reduce)](const ReferenceCall& call) {
    const ReferenceTensor& input = call.input(0);
    EVENGRAD_ASSIGN_OR_RETURN(
        const std::vector<int> axes,
        ReducedAxes(call.attribute<Axes>("axes"), input.rank()));
    std::vector<int64_t> kept = input.sizes;
    for (int axis : axes) kept[axis] = 1;
    ReferenceTensor& output = call.output();
    std::vector<std::vector<double>> elements(output.values.size());
    for (int64_t i = 0; i < input.num_elements(); ++i) {
      const std::vector<int64_t> index = Unflatten(input.sizes, i);
      elements[BroadcastIndex(kept, index)].push_back(input.values[i]);
    }
    for (size_t i = 0; i < elements.size(); ++i) {
      output.values[i] = reduce(elements[i]);
    }
    return absl::OkStatus();
  };
}

Value AddReduction(const OpDef& op, const Value& input, ReduceOptions options,
                   SourceLocation location) {
  return AddNode(op, {input},
                 {{"axes", std::move(options.axes)},
                  {"keep_dimensions", options.keep_dimensions}},
                 {.location = location})
      .output();
}

}  // namespace evengrad
