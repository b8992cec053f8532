#include "evengrad/autodiff/jvp.h"

#include <optional>
#include <utility>

#include "evengrad/autodiff/directions.h"
#include "evengrad/autodiff/gradients.h"
#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/ops.h"

namespace evengrad {
namespace {

// Gradients of the outputs whose numbers don't matter. Ones, so that no formula
// of an op divides by zero on the way.
std::vector<Value> DummyOutputGradients(const Graph& graph,
                                        std::span<const Value> outputs) {
  std::vector<Value> dummies;
  for (const Value& output : outputs) {
    const LocationScope location(graph, output.node().location());
    const GradientScope gradient_of(graph, output.id().node);
    const NameScope scope(graph, StrCat("jvp/", output.name()));
    dummies.push_back(
        BroadcastLike(Constant(graph, 1.0, output.dtype()), output));
  }
  return dummies;
}

}  // namespace

absl::StatusOr<std::vector<Value>> Jvp(std::span<const Value> outputs,
                                       std::span<const Value> inputs,
                                       std::span<const Value> tangents) {
  if (outputs.empty()) return std::vector<Value>();
  const std::optional<Graph> graph = Graph::Of(outputs[0]);
  if (!graph.has_value()) {
    return InvalidArgument("output 0 is an empty value, made by no op");
  }
  EVENGRAD_RETURN_IF_ERROR(graph->status());
  EVENGRAD_ASSIGN_OR_RETURN(const std::vector<Value> own_outputs,
                            ResolveFloating(*graph, outputs, "output"));
  EVENGRAD_ASSIGN_OR_RETURN(
      const Directions own,
      ResolveDirections(*graph, inputs, tangents, "input", "tangent"));
  const std::vector<Value> dummies = DummyOutputGradients(*graph, own_outputs);
  EVENGRAD_ASSIGN_OR_RETURN(
      const std::vector<Value> gradients,
      Gradients(own_outputs, own.values,
                {.output_gradients = dummies, .zeros_for_unreached = true}));
  return Gradients(
      gradients, dummies,
      {.output_gradients = own.vectors, .zeros_for_unreached = true});
}

}  // namespace evengrad
