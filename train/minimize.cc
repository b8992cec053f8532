#include "evengrad/train/minimize.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "evengrad/autodiff/gradients.h"
#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/graph/user_code.h"
#include "evengrad/ops/initializers.h"
#include "evengrad/ops/ops.h"
#include "evengrad/runtime/passes.h"
#include "evengrad/train/gradient_accumulator.h"
#include "evengrad/train/non_finite.h"
#include "evengrad/train/parameter_groups.h"

namespace evengrad {
namespace {

// The parameters that `value` depends on, in order.
std::vector<Value> ParametersOf(const Value& value) {
  const Graph graph = *Graph::Of(value);
  std::vector<bool> needed(value.id().node + 1, false);
  needed[value.id().node] = true;
  std::vector<Value> parameters;
  for (int id = value.id().node; id >= 0; --id) {
    if (!needed[id]) continue;
    const Node node = graph.node(id);
    if (IsParameter(node)) parameters.push_back(node.output());
    for (int i = 0; i < node.num_inputs(); ++i) {
      if (!node.op().ReadsTypeOnly(i)) needed[node.input_id(i).node] = true;
    }
  }
  std::ranges::reverse(parameters);
  return parameters;
}

class TrainingInstrumentation : public Instrumentation {
 public:
  struct Gradient {
    Value raw;
    Value current;
    GroupedParameter group;
  };

  TrainingInstrumentation(Program& program, const Value& loss,
                          int64_t runs_per_step)
      : program_(program), loss_(loss), runs_per_step_(runs_per_step) {}

  // Gradients of all values between the parameters and the loss.
  std::map<ValueId, Value>& value_gradients() { return value_gradients_; }
  const std::vector<Value>& conditions() const { return conditions_; }
  // The optimizer has added its updates.
  void SetUpdated() { updated_ = true; }

  void AddParameter(const GroupedParameter& group, const Value& gradient) {
    parameters_.push_back(group.parameter);
    gradients_[group.parameter.id()] = {gradient, gradient, group};
  }
  // Whose requests are made from now on.
  void SetHook(std::shared_ptr<Hook> hook) { hook_ = std::move(hook); }
  std::vector<TrainedParameter> Trained() const {
    std::vector<TrainedParameter> trained;
    for (const Value& parameter : parameters_) {
      const Gradient& gradient = gradients_.at(parameter.id());
      trained.push_back(
          {.parameter = parameter,
           .gradient = gradient.current,
           .learning_rate_scale = gradient.group.learning_rate_scale,
           .weight_decay_scale = gradient.group.weight_decay_scale});
    }
    return trained;
  }
  // The same parameters with the settings of their groups.
  std::vector<GroupedParameter> Groups() const {
    std::vector<GroupedParameter> groups;
    for (const Value& parameter : parameters_) {
      groups.push_back(gradients_.at(parameter.id()).group);
    }
    return groups;
  }

  Graph graph() override { return program_.graph; }
  Value loss() override { return loss_; }
  std::vector<Value> parameters() override { return parameters_; }
  Value gradient(const Value& parameter) override {
    const Gradient* found = Find(parameter);
    return found == nullptr ? Value() : found->current;
  }
  Value raw_gradient(const Value& parameter) override {
    const Gradient* found = Find(parameter);
    return found == nullptr ? Value() : found->raw;
  }

  Value value_gradient(const Value& value) override {
    const absl::StatusOr<Value> mine = program_.graph.Resolve(value);
    if (!mine.ok()) return Value();
    auto it = value_gradients_.find(mine->id());
    return it == value_gradients_.end() ? Value() : it->second;
  }
  Value new_value(const Value& parameter) override {
    const absl::StatusOr<Value> mine = program_.graph.Resolve(parameter);
    if (!updated_ || !mine.ok()) return Value();
    for (const StateUpdate& update : program_.updates) {
      if (update.state == *mine) return update.value;
    }
    return Value();
  }

  absl::Status ReplaceGradient(const Value& parameter,
                               const Value& gradient) override {
    EVENGRAD_RETURN_IF_ERROR(CheckNotUpdated("ReplaceGradient"));
    Gradient* found = Find(parameter);
    if (found == nullptr) {
      return InvalidArgument("ReplaceGradient: ",
                             parameter.valid() ? parameter.name() : "the value",
                             " is not a parameter that is trained");
    }
    EVENGRAD_ASSIGN_OR_RETURN(const Value mine, Own(gradient));
    if (!(mine.type() == found->raw.type())) {
      return InvalidArgument("ReplaceGradient: the new gradient of ",
                             parameter.name(), " has type ",
                             mine.type().ToString(), ", expected ",
                             found->raw.type().ToString());
    }
    found->current = mine;
    return absl::OkStatus();
  }

  Value AddState(std::string_view name, const Value& initial) override {
    const Value state = State(program_.graph, name, initial);
    if (state.valid()) states_.insert(state.id());
    return state;
  }

  absl::Status UpdateState(const Value& state, const Value& value) override {
    EVENGRAD_ASSIGN_OR_RETURN(const Value target, Own(state));
    EVENGRAD_ASSIGN_OR_RETURN(const Value mine, Own(value));
    if (!states_.contains(target.id())) {
      return InvalidArgument(
          "UpdateState: ", target.name(),
          " is not a state that AddState made, or already has an update");
    }
    if (!(mine.type() == target.type())) {
      return InvalidArgument("UpdateState: the new value of ", target.name(),
                             " has type ", mine.type().ToString(),
                             ", expected ", target.type().ToString());
    }
    states_.erase(target.id());
    program_.updates.push_back({target, mine});
    return absl::OkStatus();
  }

  absl::Status SkipUpdatesUnless(const Value& condition) override {
    EVENGRAD_RETURN_IF_ERROR(CheckNotUpdated("SkipUpdatesUnless"));
    EVENGRAD_ASSIGN_OR_RETURN(Value mine, Own(condition));
    if (mine.dtype() != DType::kBool || mine.rank() != 0) {
      return InvalidArgument("SkipUpdatesUnless: the condition ", mine.name(),
                             " has type ", mine.type().ToString(),
                             ", expected bool[]");
    }
    conditions_.push_back(std::move(mine));
    return absl::OkStatus();
  }

  absl::Status Observe(const Request& request) override {
    if (request.every_n_steps < 1) {
      return InvalidArgument("Observe: '", request.name, "' is due every ",
                             request.every_n_steps,
                             " steps, expected at least 1");
    }
    const int64_t runs = request.counts_runs ? 1 : runs_per_step_;
    ObservedValues observed = {.name = request.name, .hook = hook_};
    if (request.every_n_steps > std::numeric_limits<int64_t>::max() / runs) {
      return InvalidArgument("Observe: '", request.name, "' is due every ",
                             request.every_n_steps, " steps of ", runs,
                             " runs, which is too many");
    }
    observed.every_n_steps = request.every_n_steps * runs;
    observed.first_step = runs;
    for (const Value& value : request.values) {
      EVENGRAD_ASSIGN_OR_RETURN(Value mine, Own(value));
      observed.values.push_back(std::move(mine));
    }
    program_.observations.push_back(std::move(observed));
    return absl::OkStatus();
  }

 private:
  absl::StatusOr<Value> Own(const Value& value) const {
    if (!program_.graph.status().ok()) return program_.graph.status();
    return program_.graph.Resolve(value);
  }
  absl::Status CheckNotUpdated(std::string_view what) const {
    if (!updated_) return absl::OkStatus();
    return InvalidArgument(what,
                           ": the optimizer has used the gradients; call it in "
                           "Instrument, not in InstrumentUpdates");
  }
  Gradient* Find(const Value& parameter) {
    const absl::StatusOr<Value> mine = program_.graph.Resolve(parameter);
    if (!mine.ok()) return nullptr;
    auto it = gradients_.find(mine->id());
    return it == gradients_.end() ? nullptr : &it->second;
  }

  Program& program_;
  const Value loss_;
  const int64_t runs_per_step_;
  std::vector<Value> parameters_;
  std::map<ValueId, Gradient> gradients_;
  std::map<ValueId, Value> value_gradients_;
  std::vector<Value> conditions_;  // without one of them a step is skipped
  bool updated_ = false;
  std::set<ValueId> states_;  // made by hooks, without an update so far
  std::shared_ptr<Hook> hook_;
};

// Fetches "loss" and then `fetches`.
absl::Status AddFetches(const Value& loss,
                        const std::vector<NamedValue>& fetches,
                        Program& program) {
  std::set<std::string> names = {"loss"};
  program.fetches.push_back({"loss", loss});
  for (const NamedValue& fetch : fetches) {
    if (fetch.name.empty() || !names.insert(fetch.name).second) {
      return InvalidArgument("Minimize: the fetch name '", fetch.name,
                             "' is empty or taken; give each its own");
    }
    absl::StatusOr<Value> value = program.graph.Resolve(fetch.value);
    if (!value.ok()) {
      return Prefixed(value.status(), StrCat("fetch '", fetch.name, "': "));
    }
    program.fetches.push_back({fetch.name, *std::move(value)});
  }
  return absl::OkStatus();
}

// The updates of the states that keep themselves up to date in training
// (running statistics), as far as what the program fetches reads them.
void AddTrainingUpdates(Program& program) {
  const std::vector<bool> needed = NeededNodes(program);
  for (const Value& state : States(program.graph)) {
    const Value update = state.node().training_update();
    if (update.valid() && needed[state.id().node]) {
      program.updates.push_back({state, update});
    }
  }
}

// Differentiates with respect to the parameters that are not frozen.
absl::Status AddGradients(const Value& loss, const MinimizeOptions& options,
                          std::optional<GradientAccumulator>& accumulator,
                          TrainingInstrumentation& instrumentation) {
  const std::vector<Value> reached = ParametersOf(loss);
  EVENGRAD_ASSIGN_OR_RETURN(const std::vector<GroupedParameter> grouped,
                            CallUser("the predicate of a parameter group", [&] {
                              return GroupParameters(
                                  options.groups, reached,
                                  Parameters(instrumentation.graph()));
                            }));
  std::vector<Value> trained;
  for (const GroupedParameter& parameter : grouped) {
    if (!parameter.frozen) trained.push_back(parameter.parameter);
  }
  if (trained.empty()) {
    return InvalidArgument(
        loss.node().ErrorPrefix(),
        reached.empty() ? "the loss depends on no parameter"
                        : "every parameter that the loss depends on is frozen",
        "; there is nothing to train");
  }
  GradientOptions how = {.all = &instrumentation.value_gradients()};
  if (!options.recompute.empty()) {
    EVENGRAD_ASSIGN_OR_RETURN(
        how.recompute, RegionsOf(instrumentation.graph(), options.recompute));
  }
  EVENGRAD_ASSIGN_OR_RETURN(const std::vector<Value> gradients,
                            Gradients(loss, trained, how));
  size_t next = 0;
  for (const GroupedParameter& parameter : grouped) {
    if (parameter.frozen) continue;
    Value gradient = gradients[next++];
    if (accumulator.has_value()) {
      gradient = accumulator->Add(parameter.parameter, gradient);
    }
    instrumentation.AddParameter(parameter, gradient);
  }
  return absl::OkStatus();
}

using HookMethod = absl::Status (Hook::*)(Instrumentation&);

absl::Status RunHooks(const std::vector<std::shared_ptr<Hook>>& hooks,
                      HookMethod method,
                      TrainingInstrumentation& instrumentation) {
  for (const std::shared_ptr<Hook>& hook : hooks) {
    if (hook == nullptr) return InvalidArgument("Minimize: a hook is null");
    instrumentation.SetHook(hook);
    EVENGRAD_RETURN_IF_ERROR(
        CallUser("a hook", [&] { return (*hook.*method)(instrumentation); }));
    if (!instrumentation.graph().status().ok()) {
      return instrumentation.graph().status();
    }
  }
  return absl::OkStatus();
}

// Puts the constraint of its group on what `updates` make of a parameter.
absl::Status Constrain(std::span<const GroupedParameter> parameters,
                       const Graph& graph, std::vector<StateUpdate>& updates) {
  for (const GroupedParameter& parameter : parameters) {
    if (!parameter.constraint) continue;
    const std::string name = parameter.parameter.name();
    const NameScope scope(graph, StrCat("constraint/", name));
    for (StateUpdate& update : updates) {
      if (!(update.state == parameter.parameter) || !update.value.valid()) {
        continue;
      }
      EVENGRAD_ASSIGN_OR_RETURN(
          const Value constrained,
          CallUser([&] { return StrCat("the constraint of ", name); },
                   [&] { return parameter.constraint(update.value); }));
      EVENGRAD_RETURN_IF_ERROR(graph.status());
      EVENGRAD_ASSIGN_OR_RETURN(update.value, graph.Resolve(constrained));
      if (update.value.type() == update.state.type()) continue;
      return InvalidArgument("the constraint of ", name, " gives ",
                             update.value.type().ToString(), ", expected ",
                             update.state.type().ToString());
    }
  }
  return absl::OkStatus();
}

// Adds the state "step", its update, and those of the optimizer.
absl::Status AddUpdates(const Optimizer& optimizer,
                        const TrainingInstrumentation& instrumentation,
                        Program& program) {
  Value initial;
  {
    NameScope scope(program.graph, "step");
    initial = AddInitializer(program.graph, Zeros(), I64({}));
  }
  const Value steps = State(program.graph, "step", initial);
  Value this_step;
  {
    NameScope scope(program.graph, "step");
    this_step = steps + 1;
  }
  program.updates.push_back({steps, this_step});
  OptimizerContext context = {.graph = program.graph,
                              .step = this_step,
                              .parameters = instrumentation.Trained()};
  EVENGRAD_RETURN_IF_ERROR(
      CallUser("the optimizer", [&] { return optimizer(context); }));
  for (const StateUpdate& update : context.updates) {
    if (update.state.valid() && update.value.valid()) continue;
    EVENGRAD_RETURN_IF_ERROR(program.graph.status());
    return InvalidArgument("the optimizer gives ",
                           update.state.valid()
                               ? StrCat(update.state.name(), " an empty value")
                               : "an update without a state");
  }
  EVENGRAD_RETURN_IF_ERROR(
      Constrain(instrumentation.Groups(), program.graph, context.updates));
  program.updates.insert(program.updates.end(), context.updates.begin(),
                         context.updates.end());
  return program.graph.status();
}

}  // namespace

absl::StatusOr<Program> Minimize(const Value& loss, const Optimizer& optimizer,
                                 const MinimizeOptions& options,
                                 SourceLocation location) {
  if (!optimizer) return InvalidArgument("Minimize: the optimizer is empty");
  if (options.accumulate_steps < 1) {
    return InvalidArgument("Minimize: ", options.accumulate_steps,
                           " steps to accumulate, expected at least 1");
  }
  const std::optional<Graph> model = Graph::Of(loss);
  if (!model.has_value()) {
    return InvalidArgument("Minimize: the loss is an empty value");
  }
  EVENGRAD_RETURN_IF_ERROR(model->status());
  Program program = {.graph = model->Clone(), .mode = Mode::kTraining};
  program.non_finite = options.non_finite;
  program.hooks = options.hooks;
  EVENGRAD_ASSIGN_OR_RETURN(const Value own_loss, program.graph.Resolve(loss));
  EVENGRAD_RETURN_IF_ERROR(ResolveInitializers(program.graph));
  NameScope scope(program.graph, options.name);
  TrainingInstrumentation instrumentation(program, own_loss,
                                          options.accumulate_steps);
  std::optional<GradientAccumulator> accumulator;
  if (options.accumulate_steps > 1) {
    accumulator.emplace(program.graph, options.accumulate_steps);
  }
  EVENGRAD_RETURN_IF_ERROR(
      AddGradients(own_loss, options, accumulator, instrumentation));
  EVENGRAD_RETURN_IF_ERROR(AddFetches(own_loss, options.fetches, program));
  AddTrainingUpdates(program);
  const size_t first = program.updates.size();
  EVENGRAD_RETURN_IF_ERROR(
      RunHooks(options.hooks, &Hook::Instrument, instrumentation));
  EVENGRAD_RETURN_IF_ERROR(SkipNonFiniteSteps(instrumentation, program));
  {
    const LocationScope lines(program.graph, location);
    const UpdateRange of_hooks = {first, program.updates.size()};
    EVENGRAD_RETURN_IF_ERROR(AddUpdates(optimizer, instrumentation, program));
    EVENGRAD_RETURN_IF_ERROR(
        SkipUpdates(instrumentation.conditions(), of_hooks, program));
  }
  instrumentation.SetUpdated();
  std::vector<Value> constrained;
  for (const GroupedParameter& parameter : instrumentation.Groups()) {
    if (parameter.constraint) constrained.push_back(parameter.parameter);
  }
  EVENGRAD_RETURN_IF_ERROR(
      AddFiniteGuards(instrumentation, constrained, program));
  EVENGRAD_RETURN_IF_ERROR(
      RunHooks(options.hooks, &Hook::InstrumentUpdates, instrumentation));
  if (accumulator.has_value()) {
    const LocationScope lines(program.graph, location);
    accumulator->Finish(first, program.updates);
  }
  EVENGRAD_RETURN_IF_ERROR(VerifyProgram(program));
  return program;
}

}  // namespace evengrad
