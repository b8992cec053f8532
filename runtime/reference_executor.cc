#include "evengrad/runtime/reference_executor.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/initializers.h"
#include "evengrad/runtime/passes.h"
#include "evengrad/runtime/specialize.h"

namespace evengrad {
namespace {

using NamedTensors = std::map<std::string, const ReferenceTensor*, std::less<>>;

absl::Status RunNode(const Node& node,
                     std::span<const ReferenceTensor* const> inputs,
                     const ReferenceOptions& options,
                     std::vector<ReferenceTensor>& outputs) {
  for (int i = 0; i < node.num_outputs(); ++i) {
    outputs.push_back(ReferenceTensor::Zeros(node.output_type(i)));
  }
  if (&node.op() == &TypeTokenOp()) return absl::OkStatus();
  if (IsConstant(node)) {
    outputs[0] = ToReference(node.attribute<Tensor>("value"));
    return absl::OkStatus();
  }
  if (node.op().reference) {
    return node.op().reference({.op = &node.op(),
                                .attributes = &node.attributes(),
                                .inputs = inputs,
                                .outputs = outputs,
                                .seed = options.seed,
                                .step = options.step});
  }
  if (node.op().alias) {
    outputs[0].values = inputs[0]->values;
    return absl::OkStatus();
  }
  return InvalidArgument("op '", node.op().name,
                         "' has neither a reference nor a decomposition, so "
                         "the reference executor cannot run it");
}

// The values of a graph whose types are static. Values are dropped when their
// last reader has run.
class Evaluation {
 public:
  Evaluation(const Graph& graph, const NamedTensors& sources,
             const ReferenceOptions& options)
      : graph_(graph), sources_(sources), options_(options) {}

  absl::StatusOr<std::vector<ReferenceTensor>> Run(
      std::span<const Value> wanted) {
    const size_t num_nodes = static_cast<size_t>(graph_.num_nodes());
    outputs_.resize(num_nodes);
    CountReaders(wanted);
    for (int id = 0; id < graph_.num_nodes(); ++id) {
      if (readers_[id] == 0) continue;
      const Node node = graph_.node(id);
      EVENGRAD_RETURN_IF_ERROR(Prefixed(Evaluate(node), node.ErrorPrefix()));
      for (int i = 0; i < node.num_inputs(); ++i)
        Release(node.input_id(i).node);
    }
    std::vector<ReferenceTensor> values;
    for (const Value& value : wanted) {
      values.push_back(outputs_[value.id().node][value.id().output]);
    }
    return values;
  }

 private:
  void CountReaders(std::span<const Value> wanted) {
    readers_.assign(outputs_.size(), 0);
    for (const Value& value : wanted) ++readers_[value.id().node];
    for (int id = graph_.num_nodes() - 1; id >= 0; --id) {
      if (readers_[id] == 0) continue;
      const Node node = graph_.node(id);
      for (int i = 0; i < node.num_inputs(); ++i) {
        ++readers_[node.input_id(i).node];
      }
    }
  }

  void Release(int id) {
    if (--readers_[id] == 0) outputs_[id] = {};
  }

  absl::Status Evaluate(const Node& node) {
    if (IsPlaceholder(node) || IsState(node)) {
      auto source = sources_.find(node.name());
      if (source == sources_.end()) {
        return InvalidArgument("the placeholder is not fed; expected ",
                               node.output_type().ToString());
      }
      outputs_[node.id()] = {*source->second};
      return absl::OkStatus();
    }
    std::vector<const ReferenceTensor*> inputs;
    for (int i = 0; i < node.num_inputs(); ++i) {
      const ValueId input = node.input_id(i);
      inputs.push_back(&outputs_[input.node][input.output]);
    }
    return RunNode(node, inputs, options_, outputs_[node.id()]);
  }

  const Graph& graph_;
  const NamedTensors& sources_;
  const ReferenceOptions& options_;
  std::vector<std::vector<ReferenceTensor>> outputs_;  // by node
  std::vector<int> readers_;                           // yet to run, by node
};

// OK when the tensor has as many values as its sizes say.
absl::Status CheckComplete(const ReferenceTensor& tensor) {
  EVENGRAD_ASSIGN_OR_RETURN(int64_t expected,
                            Shape(tensor.sizes).NumElements());
  if (tensor.num_elements() == expected) return absl::OkStatus();
  return InvalidArgument(tensor.num_elements(),
                         " values given for a tensor of type ",
                         tensor.type().ToString(), ", which has ", expected);
}

// What `program` fetches, then the new values of its updates.
absl::StatusOr<std::vector<ReferenceTensor>> Evaluate(
    const Program& program, const NamedTensors& sources,
    const ReferenceOptions& options) {
  std::map<int, Shape> shapes;
  const std::vector<bool> needed = NeededNodes(program);
  for (int id = 0; id < program.graph.num_nodes(); ++id) {
    const Node node = program.graph.node(id);
    if (!IsPlaceholder(node)) continue;
    if (auto it = sources.find(node.name()); it != sources.end()) {
      shapes[id] = Shape(it->second->sizes);
    }
  }
  EVENGRAD_ASSIGN_OR_RETURN(const RebuiltGraph specialized,
                            Specialize(program.graph, &needed, shapes,
                                       {.decompose = [](const OpDef& op) {
                                         return !op.reference && !op.alias;
                                       }}));
  std::vector<Value> wanted;
  for (const NamedValue& fetch : program.fetches) {
    wanted.push_back(specialized(fetch.value));
  }
  for (const StateUpdate& update : program.updates) {
    wanted.push_back(specialized(update.value));
  }
  return Evaluation(specialized.graph, sources, options).Run(wanted);
}

// The states that a program reads or updates, with the values given or, where
// there is none, those of their initializers.
class StateTable {
 public:
  StateTable(const Graph& graph, const ReferenceOptions& options)
      : graph_(graph), options_(options) {
    options_.step = 0;
  }

  absl::Status Initialize(const Node& state) {
    if (states_.count(state.name()) > 0) return absl::OkStatus();
    if (auto given = options_.states.find(state.name());
        given != options_.states.end()) {
      if (given->second.type() != state.output_type()) {
        return InvalidArgument(state.ErrorPrefix(), "the state has type ",
                               state.output_type().ToString(), ", given ",
                               given->second.type().ToString());
      }
      EVENGRAD_RETURN_IF_ERROR(
          Prefixed(CheckComplete(given->second), state.ErrorPrefix()));
      states_[state.name()] = given->second;
      return absl::OkStatus();
    }
    if (!state.initializer().valid()) {
      return InvalidArgument(state.ErrorPrefix(),
                             "the state has no initial value");
    }
    if (!in_progress_.insert(state.id()).second) {
      return InvalidArgument(state.ErrorPrefix(),
                             "the initial value of the state depends on "
                             "itself");
    }
    const Program program{.graph = graph_,
                          .fetches = {{.value = state.initializer()}}};
    EVENGRAD_RETURN_IF_ERROR(InitializeNeeded(program));
    const NamedTensors sources = Sources();
    EVENGRAD_ASSIGN_OR_RETURN(std::vector<ReferenceTensor> values,
                              Evaluate(program, sources, options_));
    states_[state.name()] = std::move(values[0]);
    return absl::OkStatus();
  }

  // Every state that `program`, which must be of this graph, depends on.
  absl::Status InitializeNeeded(const Program& program) {
    const std::vector<bool> needed = NeededNodes(program);
    for (int id = 0; id < static_cast<int>(needed.size()); ++id) {
      if (!needed[id] || !IsState(graph_.node(id))) continue;
      EVENGRAD_RETURN_IF_ERROR(Initialize(graph_.node(id)));
    }
    return absl::OkStatus();
  }

  NamedTensors Sources() const {
    NamedTensors sources;
    for (const auto& [name, tensor] : states_) sources[name] = &tensor;
    return sources;
  }
  ReferenceStates Take() { return std::move(states_); }

 private:
  const Graph graph_;
  ReferenceOptions options_;
  ReferenceStates states_;
  std::set<int> in_progress_;
};

absl::Status AddFeeds(const Graph& graph, std::span<const ReferenceFeed> feeds,
                      NamedTensors& sources) {
  for (const ReferenceFeed& feed : feeds) {
    EVENGRAD_ASSIGN_OR_RETURN(const Value value, graph.Resolve(feed.value));
    const Node node = value.node();
    if (!IsPlaceholder(node)) {
      return InvalidArgument(node.ErrorPrefix(), "only placeholders are fed, '",
                             value.name(), "' is made by op '", node.op().name,
                             "'");
    }
    if (feed.tensor.dtype != value.dtype()) {
      return InvalidArgument(node.ErrorPrefix(), "expected ",
                             value.type().ToString(), ", fed ",
                             feed.tensor.type().ToString());
    }
    EVENGRAD_RETURN_IF_ERROR(
        Prefixed(CheckComplete(feed.tensor), node.ErrorPrefix()));
    if (!sources.emplace(node.name(), &feed.tensor).second) {
      return InvalidArgument(node.ErrorPrefix(),
                             "the placeholder is fed twice");
    }
  }
  return absl::OkStatus();
}

}  // namespace

ReferenceTensor ToReference(const Tensor& tensor) {
  return {tensor.dtype(),
          {tensor.sizes().begin(), tensor.sizes().end()},
          tensor.ToDoubles()};
}

absl::StatusOr<Tensor> ToTensor(const ReferenceTensor& tensor) {
  EVENGRAD_RETURN_IF_ERROR(CheckComplete(tensor));
  EVENGRAD_ASSIGN_OR_RETURN(Tensor result, Tensor::Zeros(tensor.type()));
  for (int64_t i = 0; i < tensor.num_elements(); ++i) {
    StoreFromDouble(tensor.dtype, result.mutable_data(), i, tensor.values[i]);
  }
  return result;
}

absl::StatusOr<ReferenceResult> RunReference(
    const Program& program, std::span<const ReferenceFeed> feeds,
    const ReferenceOptions& options) {
  EVENGRAD_RETURN_IF_ERROR(VerifyProgram(program));
  Program lowered = program;
  EVENGRAD_RETURN_IF_ERROR(InferPass(lowered).status());
  Graph initialized = program.graph.Clone();
  EVENGRAD_RETURN_IF_ERROR(ResolveInitializers(initialized));
  StateTable states(initialized, options);
  EVENGRAD_RETURN_IF_ERROR(states.InitializeNeeded(program));

  NamedTensors sources = states.Sources();
  EVENGRAD_RETURN_IF_ERROR(AddFeeds(program.graph, feeds, sources));
  EVENGRAD_ASSIGN_OR_RETURN(std::vector<ReferenceTensor> values,
                            Evaluate(lowered, sources, options));
  ReferenceResult result;
  const auto first_update =
      values.begin() + static_cast<int64_t>(program.fetches.size());
  result.fetches.assign(std::make_move_iterator(values.begin()),
                        std::make_move_iterator(first_update));
  result.states = states.Take();
  auto value = first_update;
  for (const StateUpdate& update : program.updates) {
    result.states[update.state.node().name()] = std::move(*value++);
  }
  return result;
}

absl::StatusOr<std::vector<ReferenceTensor>> RunReference(
    const Graph& graph, std::span<const Value> values,
    std::span<const ReferenceFeed> feeds, const ReferenceOptions& options) {
  Program program{.graph = graph};
  for (const Value& value : values) {
    EVENGRAD_RETURN_IF_ERROR(graph.status());
    EVENGRAD_ASSIGN_OR_RETURN(Value own, graph.Resolve(value));
    program.fetches.push_back({.value = std::move(own)});
  }
  EVENGRAD_ASSIGN_OR_RETURN(ReferenceResult result,
                            RunReference(program, feeds, options));
  return std::move(result.fetches);
}

}  // namespace evengrad
