#include "evengrad/ops/layers.h"

#include <optional>

#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/ops.h"

namespace evengrad {
namespace {

absl::Status CheckDense(const TensorType& input, int64_t units) {
  if (units < 1) {
    return InvalidArgument("a dense layer has ", units,
                           " units, expected at least 1");
  }
  if (!IsFloating(input.dtype)) {
    return InvalidArgument("a dense layer takes f32, f64 or bf16, not ",
                           input.ToString(), "; cast it");
  }
  if (input.rank() < 2) {
    return InvalidArgument("a dense layer takes an input of rank 2 or more, ",
                           input.ToString(), " has rank ", input.rank());
  }
  const Dimension& features = input.shape[input.rank() - 1];
  if (!features.is_integer() || features.size() < 1) {
    return InvalidArgument("the last dimension of ", input.ToString(),
                           " is the number of weights of a unit: it must be a "
                           "positive integer, not ",
                           features.ToString());
  }
  int unknown = 0;
  for (const Dimension& dimension : input.shape) {
    unknown += dimension.is_unknown() ? 1 : 0;
  }
  if (unknown > 1) {
    return InvalidArgument("at most one dimension may be unknown, ",
                           input.ToString(), " has ", unknown,
                           "; name those of equal size");
  }
  return absl::OkStatus();
}

}  // namespace

Value Dense(const Value& input, int64_t units, const DenseOptions& options,
            SourceLocation location) {
  const std::optional<Graph> graph = Graph::Of(input);
  if (!graph.has_value()) return Value();
  if (!input.valid()) return graph->Invalid();
  if (absl::Status status = CheckDense(input.type(), units); !status.ok()) {
    const std::string_view name = options.name.empty() ? "dense" : options.name;
    return graph->Fail(status, graph->ErrorPrefix(name, location)).output();
  }
  LocationScope at(*graph, location);
  NameScope scope(*graph, options.name);

  Shape shape = input.shape();
  const int last = shape.rank() - 1;
  const Dimension features = shape[last];
  const DType dtype = input.dtype();
  const Value weights =
      Parameter(*graph, "weights",
                AddInitializer(*graph, options.initializer,
                               {dtype, {features, units}}, "weights/initial"));
  // Leading dimensions are rows of one product.
  Value rows = input;
  if (last > 1) rows = Reshape(input, {Dimension::Unknown(), features});
  Value output = MatMul(rows, weights);
  if (options.bias) {
    const Fans fans = {.in = static_cast<double>(features.size()),
                       .out = static_cast<double>(units)};
    const Value bias = Parameter(
        *graph, "bias",
        AddInitializer(*graph, options.bias_initializer, {dtype, {units}},
                       {.name = "bias/initial", .fans = fans}));
    output = Add(output, bias);
  }
  if (last == 1) return output;
  shape[last] = units;
  return Reshape(output, shape);
}

}  // namespace evengrad
