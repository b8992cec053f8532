// The layers whose parameters lie along the channels: batch norm, layer norm,
// PReLU.
#include <optional>
#include <utility>

#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/initializers.h"
#include "evengrad/ops/layers.h"
#include "evengrad/ops/narrow_types.h"
#include "evengrad/ops/ops.h"

namespace evengrad {
namespace {

Value Fail(const Graph& graph, const absl::Status& status,
           std::string_view name, SourceLocation location) {
  return graph
      .Fail(status, StrCat(location.ToString(), location.known() ? ": " : "",
                           name, ": "))
      .output();
}

// The positive size of `input` along `axis`, for a parameter; `what` it is.
absl::StatusOr<int64_t> ParameterSize(const TensorType& input, int64_t axis,
                                      std::string_view what) {
  if (!IsFloating(input.dtype)) {
    return InvalidArgument(what, " takes f32, f64 or bf16, not ",
                           input.ToString(), "; cast it");
  }
  absl::StatusOr<int> place = NormalizeAxis(axis, input.rank());
  if (!place.ok()) {
    return InvalidArgument(what, " of ", input.ToString(), ": ",
                           Message(place.status()));
  }
  const Dimension& size = input.shape[*place];
  if (!size.is_integer() || size.size() < 1) {
    return InvalidArgument("dimension ", *place, " of ", input.ToString(),
                           " is the number of parameters of ", what,
                           ": it must be a positive integer, not ",
                           size.ToString());
  }
  return size.size();
}

// A parameter full of `initial`, or the same as a constant.
Value AddFilled(const Graph& graph, std::string_view name,
                const TensorType& type, double initial, bool learned) {
  const Value value =
      AddInitializer(graph, ConstantInitializer(initial), type,
                     learned ? StrCat(name, "/initial") : std::string(name));
  return learned ? Parameter(graph, name, value) : value;
}

Value AddRunning(const Graph& graph, std::string_view name,
                 const TensorType& type, double initial) {
  return State(graph, name,
               AddInitializer(graph, ConstantInitializer(initial), type,
                              StrCat(name, "/initial")));
}

}  // namespace

Value BatchNorm(const Value& input, const BatchNormOptions& options,
                SourceLocation location) {
  const std::optional<Graph> graph = Graph::Of(input);
  if (!graph.has_value()) return Value();
  if (!input.valid()) return graph->Invalid();
  const absl::StatusOr<int64_t> channels =
      ParameterSize(input.type(), options.axis, "batch norm");
  if (!channels.ok()) {
    return Fail(*graph, channels.status(),
                options.name.empty() ? "batch_norm" : options.name, location);
  }
  LocationScope at(*graph, location);
  NameScope scope(*graph, options.name);
  const TensorType type = {WideType(input.dtype()), {*channels}};
  const Value scale = AddFilled(*graph, "scale", type, 1, options.scale);
  const Value shift = AddFilled(*graph, "shift", type, 0, options.shift);
  const Value mean = AddRunning(*graph, "running_mean", type, 0);
  const Value variance = AddRunning(*graph, "running_variance", type, 1);
  const Node norm = AddNode(
      BatchNormOp(), {CastTo(input, type.dtype), scale, shift, mean, variance},
      {{"axis", int64_t{options.axis}},
       {"epsilon", options.epsilon},
       {"momentum", options.momentum},
       {"unbiased", options.unbiased}});
  if (!norm.valid()) return norm.output();
  for (const auto& [state, output] :
       {std::pair(mean, 3), std::pair(variance, 4)}) {
    const absl::Status set =
        Graph(*graph).SetTrainingUpdate(state.node(), norm.output(output));
    if (!set.ok()) return graph->Fail(set).output();
  }
  return CastTo(norm.output(), input.dtype());
}

Value LayerNorm(const Value& input, const LayerNormOptions& options,
                SourceLocation location) {
  const std::optional<Graph> graph = Graph::Of(input);
  if (!graph.has_value()) return Value();
  if (!input.valid()) return graph->Invalid();
  const std::string_view name =
      options.name.empty() ? "layer_norm" : options.name;
  if (options.num_axes < 1 || options.num_axes > input.rank()) {
    return Fail(*graph,
                InvalidArgument("layer norm over the last ", options.num_axes,
                                " axes of ", input.type().ToString(),
                                "; expected 1 to ", input.rank()),
                name, location);
  }
  TensorType type = {WideType(input.dtype()), {}};
  for (int64_t axis = -options.num_axes; axis < 0; ++axis) {
    const absl::StatusOr<int64_t> size =
        ParameterSize(input.type(), axis, "layer norm");
    if (!size.ok()) return Fail(*graph, size.status(), name, location);
    type.shape.Append(*size);
  }
  LocationScope at(*graph, location);
  NameScope scope(*graph, options.name);
  const Value scale = AddFilled(*graph, "scale", type, 1, options.scale);
  const Value shift = AddFilled(*graph, "shift", type, 0, options.shift);
  const Node norm =
      AddNode(LayerNormOp(), {CastTo(input, type.dtype), scale, shift},
              {{"epsilon", options.epsilon}});
  return CastTo(norm.output(), input.dtype());
}

Value Prelu(const Value& input, const PreluOptions& options,
            SourceLocation location) {
  const std::optional<Graph> graph = Graph::Of(input);
  if (!graph.has_value()) return Value();
  if (!input.valid()) return graph->Invalid();
  TensorType type = {input.dtype(), {}};
  if (options.per_channel) {
    const absl::StatusOr<int64_t> channels =
        ParameterSize(input.type(), options.axis, "PReLU");
    if (!channels.ok()) {
      return Fail(*graph, channels.status(),
                  options.name.empty() ? "prelu" : options.name, location);
    }
    type.shape.Append(*channels);
  }
  LocationScope at(*graph, location);
  NameScope scope(*graph, options.name);
  Value slope = AddFilled(*graph, "slope", type, options.initial, true);
  if (options.per_channel) {
    const int axis = NormalizeAxis(options.axis, input.rank()).value_or(0);
    Shape aligned = type.shape;
    while (axis + aligned.rank() < input.rank()) aligned.Append(1);
    if (aligned.rank() > 1) slope = Reshape(slope, aligned);
  }
  return Prelu(input, slope);
}

}  // namespace evengrad
