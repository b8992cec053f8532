#include "evengrad/runtime/program.h"

#include <algorithm>
#include <set>

#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/graph/verifier.h"

namespace evengrad {
namespace {

bool IsLowered(const Graph& graph) {
  const std::vector<Value> states = States(graph);
  return std::none_of(states.begin(), states.end(), [](const Value& state) {
    return state.node().initializer().valid();
  });
}

absl::Status VerifyOwned(const Program& program, const Value& value,
                         std::string_view role, std::string_view name) {
  if (!value.valid()) {
    return InvalidArgument(role, " '", name,
                           "' is an empty value, or one from a failed call");
  }
  if (program.graph.Owns(value)) return absl::OkStatus();
  return InvalidArgument(role, " '", name, "' is '", value.name(),
                         "', a value of another graph than the program's");
}

absl::Status VerifyUpdate(const Program& program, const StateUpdate& update) {
  EVENGRAD_RETURN_IF_ERROR(
      VerifyOwned(program, update.state, "updated state", "state"));
  const std::string name = update.state.name();
  EVENGRAD_RETURN_IF_ERROR(
      VerifyOwned(program, update.value, "new value of", name));
  const Node state = update.state.node();
  if (!IsState(state)) {
    return InvalidArgument(state.ErrorPrefix(), "only states are updated, '",
                           name, "' is made by op '", state.op().name, "'");
  }
  if (update.value.dtype() == update.state.dtype() &&
      MayBeEqual(update.value.shape(), update.state.shape())) {
    return absl::OkStatus();
  }
  return InvalidArgument(state.ErrorPrefix(), "the state has type ",
                         update.state.type().ToString(), ", its new value '",
                         update.value.name(), "' has type ",
                         update.value.type().ToString());
}

}  // namespace

std::string_view Name(Mode mode) {
  switch (mode) {
    case Mode::kTraining:
      return "training";
    case Mode::kInference:
      return "inference";
    case Mode::kMonteCarlo:
      break;
  }
  return "monte_carlo";
}

std::string_view Name(NonFinitePolicy policy) {
  switch (policy) {
    case NonFinitePolicy::kError:
      return "error";
    case NonFinitePolicy::kSkipStep:
      return "skip_step";
    case NonFinitePolicy::kPropagate:
      break;
  }
  return "propagate";
}

absl::Status VerifyProgram(const Program& program) {
  EVENGRAD_RETURN_IF_ERROR(VerifyGraph(
      program.graph, {.states_need_initializers = !IsLowered(program.graph)}));
  std::set<std::string_view> fetched;
  for (const NamedValue& fetch : program.fetches) {
    EVENGRAD_RETURN_IF_ERROR(
        VerifyOwned(program, fetch.value, "fetch", fetch.name));
    if (!fetch.name.empty() && !fetched.insert(fetch.name).second) {
      return InvalidArgument(fetch.value.node().ErrorPrefix(),
                             "two fetches have the name '", fetch.name,
                             "'; give each its own");
    }
  }
  std::set<ValueId> updated;
  for (const StateUpdate& update : program.updates) {
    EVENGRAD_RETURN_IF_ERROR(VerifyUpdate(program, update));
    if (!updated.insert(update.state.id()).second) {
      return InvalidArgument(update.state.node().ErrorPrefix(),
                             "two updates name this state");
    }
  }
  for (const ObservedValues& observed : program.observations) {
    for (const Value& value : observed.values) {
      EVENGRAD_RETURN_IF_ERROR(
          VerifyOwned(program, value, "observation", observed.name));
    }
  }
  for (const FiniteGuard& guard : program.guards) {
    EVENGRAD_RETURN_IF_ERROR(
        VerifyOwned(program, guard.value, "guard of", guard.description));
    if (IsFloating(guard.value.dtype()) && guard.value.rank() == 0) continue;
    return InvalidArgument("guard of ", guard.description, " has type ",
                           guard.value.type().ToString(),
                           ", expected a floating scalar");
  }
  return absl::OkStatus();
}

}  // namespace evengrad
