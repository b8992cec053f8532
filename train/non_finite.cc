#include "evengrad/train/non_finite.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/statistics.h"

namespace evengrad {
namespace {

// The nodes that `value` is computed from, itself included.
std::vector<bool> AncestorsOf(const Value& value) {
  std::vector<bool> found(static_cast<size_t>(value.id().node) + 1, false);
  found[value.id().node] = true;
  const Graph graph = *Graph::Of(value);
  for (int id = value.id().node; id >= 0; --id) {
    if (!found[id]) continue;
    const Node node = graph.node(id);
    for (int i = 0; i < node.num_inputs(); ++i) {
      found[node.input_id(i).node] = true;
    }
  }
  return found;
}

// Every update waits for every derived gradient, as when their common norm
// scales them.
bool UpdatesWaitForGradients(Instrumentation& instrumentation) {
  const std::vector<Value> parameters = instrumentation.parameters();
  for (const Value& updated : parameters) {
    const Value new_value = instrumentation.new_value(updated);
    if (!new_value.valid()) return false;
    const std::vector<bool> before = AncestorsOf(new_value);
    for (const Value& parameter : parameters) {
      const auto node = static_cast<size_t>(
          instrumentation.raw_gradient(parameter).id().node);
      if (node >= before.size() || !before[node]) return false;
    }
  }
  return true;
}

// In the order in which the backward pass computes the gradients.
void SortByGradient(Instrumentation& instrumentation,
                    std::vector<Value>& parameters) {
  std::ranges::stable_sort(parameters, [&](const Value& a, const Value& b) {
    return instrumentation.raw_gradient(a).id() <
           instrumentation.raw_gradient(b).id();
  });
}

// Finite exactly when all elements of the gradient are. A hook that replaces a
// gradient takes its squares as a rule: equal nodes become one. Those of f64
// may be too large where the elements are not.
Value TestReplaced(const Value& gradient) {
  return gradient.dtype() == DType::kF64 ? FiniteTest(gradient)
                                         : SumOfSquares(gradient);
}

}  // namespace

absl::Status SkipNonFiniteSteps(Instrumentation& instrumentation,
                                const Program& program) {
  if (program.non_finite.policy != NonFinitePolicy::kSkipStep) {
    return absl::OkStatus();
  }
  const Graph graph = instrumentation.graph();
  const NameScope scope(graph, "skip_non_finite");
  Value sum = FiniteTest(instrumentation.loss());
  for (const Value& parameter : instrumentation.parameters()) {
    sum = sum + FiniteTest(instrumentation.raw_gradient(parameter));
  }
  EVENGRAD_RETURN_IF_ERROR(graph.status());
  return instrumentation.SkipUpdatesUnless(Equal(sum, 0));
}

absl::Status SkipUpdates(std::span<const Value> conditions,
                         const UpdateRange& unconditional, Program& program) {
  if (conditions.empty()) return absl::OkStatus();
  const Graph& graph = program.graph;
  const Value initial = Constant(graph, 0.0, DType::kI64);
  const Value skipped = State(graph, "skipped_steps", initial);
  const NameScope scope(graph, "skip_updates");
  Value condition = conditions[0];
  for (const Value& other : conditions.subspan(1)) {
    condition = LogicalAnd(condition, other);
  }
  for (size_t i = 0; i < program.updates.size(); ++i) {
    if (i >= unconditional.first && i < unconditional.last) continue;
    StateUpdate& update = program.updates[i];
    update.value = Select(condition, update.value, update.state);
  }
  EVENGRAD_RETURN_IF_ERROR(graph.status());
  program.updates.push_back(
      {skipped, skipped + Cast(LogicalNot(condition), DType::kI64)});
  return graph.status();
}

absl::Status AddFiniteGuards(Instrumentation& instrumentation,
                             std::span<const Value> constrained,
                             Program& program) {
  if (program.non_finite.policy != NonFinitePolicy::kError) {
    return absl::OkStatus();
  }
  const Graph graph = instrumentation.graph();
  const NameScope scope(graph, "finite");
  const Value loss = instrumentation.loss();
  program.guards.push_back({.value = loss,
                            .subject = loss,
                            .description = "the loss",
                            .before_updates = true});
  std::vector<Value> parameters = instrumentation.parameters();
  SortByGradient(instrumentation, parameters);
  const bool waits = UpdatesWaitForGradients(instrumentation);
  for (const Value& parameter : parameters) {
    const Value raw = instrumentation.raw_gradient(parameter);
    // A gradient that is not finite makes the new parameter so, unless a hook
    // has replaced it or a constraint bounds what becomes of it. That is the
    // cheaper test: the gradient itself need not be stored.
    const Value new_value = instrumentation.new_value(parameter);
    const bool hidden =
        !(instrumentation.gradient(parameter) == raw) || !new_value.valid() ||
        std::ranges::find(constrained, parameter) != constrained.end();
    program.guards.push_back(
        {.value = hidden ? TestReplaced(raw) : FiniteTest(new_value),
         .subject = raw,
         .description = StrCat("the gradient of ", parameter.name()),
         .before_updates = hidden && waits});
  }
  return graph.status();
}

}  // namespace evengrad
