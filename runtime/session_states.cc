#include "evengrad/runtime/session_states.h"

#include <cstring>
#include <memory>
#include <set>
#include <utility>

#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/initializers.h"
#include "evengrad/runtime/executable.h"
#include "evengrad/runtime/passes.h"

namespace evengrad {
namespace {

absl::StatusOr<std::shared_ptr<std::byte>> Allocate(int64_t bytes) {
  std::shared_ptr<std::byte> memory = AllocateAligned(bytes);
  if (memory != nullptr) return memory;
  return absl::ResourceExhaustedError(
      StrCat("no memory for initial values: ", bytes, " bytes"));
}

// Copies that lie one after the other: many small tensors then share large
// pages, which a network that does not fit the cache is soon short of. Where
// there is no memory for them, the tensors themselves.
absl::StatusOr<std::vector<Tensor>> LaidTogether(std::vector<Tensor> tensors) {
  constexpr int64_t kAlignment = 64;
  std::vector<int64_t> offsets;
  int64_t bytes = 0;
  for (const Tensor& tensor : tensors) {
    offsets.push_back(bytes);
    bytes += (tensor.byte_size() + kAlignment - 1) / kAlignment * kAlignment;
  }
  const std::shared_ptr<std::byte> slab = AllocateAligned(bytes);
  if (slab == nullptr) return tensors;
  std::vector<Tensor> copies;
  for (size_t i = 0; i < tensors.size(); ++i) {
    // Not an alias of the slab: who shares this tensor shares it alone.
    std::shared_ptr<std::byte> part(slab.get() + offsets[i],
                                    [slab](std::byte*) {});
    std::memcpy(part.get(), tensors[i].data(),
                static_cast<size_t>(tensors[i].byte_size()));
    EVENGRAD_ASSIGN_OR_RETURN(copies.emplace_back(),
                              Tensor::Wrap(tensors[i].type(), std::move(part)));
  }
  return copies;
}

// The initial value of `state` with automatic initializers resolved.
absl::StatusOr<Value> ResolvedInitial(const Value& state) {
  Graph resolved = Graph::Of(state)->Clone();
  EVENGRAD_RETURN_IF_ERROR(ResolveInitializers(resolved));
  return resolved.value(state.id()).node().initializer();
}

// Whether the nodes that make `a` and `b`, of two graphs, are alike but for
// names: equal ops, attributes and inputs, down to constants and states, which
// must have the same name.
bool SameDefinition(const Value& a, const Value& b) {
  std::vector<std::pair<Value, Value>> left = {{a, b}};
  std::set<std::pair<ValueId, ValueId>> seen;
  while (!left.empty()) {
    const auto [x, y] = left.back();
    left.pop_back();
    if (!seen.insert({x.id(), y.id()}).second) continue;
    const Node p = x.node();
    const Node q = y.node();
    if (&p.op() != &q.op() || x.id().output != y.id().output ||
        x.type() != y.type() || p.num_inputs() != q.num_inputs() ||
        p.attributes() != q.attributes() ||
        (IsState(p) && p.name() != q.name())) {
      return false;
    }
    for (int i = 0; i < p.num_inputs(); ++i) {
      left.emplace_back(p.input(i), q.input(i));
    }
  }
  return true;
}

bool ReadsStates(const Value& initial) {
  const Program program{.graph = *Graph::Of(initial),
                        .fetches = {{.value = initial}}};
  const std::vector<bool> needed = NeededNodes(program);
  for (const Value& state : States(program.graph)) {
    if (needed[state.id().node]) return true;
  }
  return false;
}

// How `tensor` differs from `other`, in parentheses: " (f32[2])", " (0.01)"; or
// nothing where the numbers are too many to read.
std::string Shown(const Tensor& tensor, const Tensor& other) {
  constexpr int64_t kMost = 4;
  if (tensor.type() != other.type())
    return StrCat(" (", tensor.ToString(), ")");
  if (tensor.num_elements() > kMost) return "";
  std::string text;
  for (double number : tensor.ToDoubles()) {
    text += StrCat(text.empty() ? "" : ", ", number);
  }
  return StrCat(" (", text, ")");
}

absl::Status Disagreement(const Value& state, const std::string& here,
                          const std::string& before) {
  return InvalidArgument(
      state.node().ErrorPrefix(), "the state '", state.name(),
      "' begins with another value in this program", here,
      " than in what the session met first", before,
      "; a session keeps one value for each name, so give the program a name "
      "(MinimizeOptions::name) for states of its own, or derive it with the "
      "same number and change that by Session::Write or a schedule");
}

}  // namespace

void SessionStates::State::Round() {
  if (!rounded_is_current) {
    const std::span<const float> from = *tensor.values<float>();
    auto* const to = static_cast<BFloat16*>(rounded.mutable_data());
    for (size_t i = 0; i < from.size(); ++i) to[i] = ToBFloat16(from[i]);
  }
  rounded_is_current = tensor.buffer().use_count() == 1;
}

SessionStates::State* SessionStates::Find(std::string_view name) {
  auto it = states_.find(name);
  return it == states_.end() ? nullptr : &it->second;
}

absl::StatusOr<SessionStates::State*> SessionStates::FindRounded(
    std::string_view name) {
  State* const state = Find(name);
  if (state == nullptr || state->tensor.dtype() != DType::kF32) {
    return absl::InternalError(StrCat("there is no f32 state '", name, "'"));
  }
  if (!state->rounded.valid()) {
    EVENGRAD_ASSIGN_OR_RETURN(
        state->rounded,
        Tensor::Zeros({DType::kBF16, state->tensor.type().shape}));
  }
  return state;
}

std::vector<std::string> SessionStates::Names() const {
  std::vector<std::string> names;
  for (const auto& [name, state] : states_) names.push_back(name);
  return names;
}

absl::StatusOr<SessionStates::Values> SessionStates::Copy() const {
  Values values;
  for (const auto& [name, state] : states_) {
    EVENGRAD_ASSIGN_OR_RETURN(values[name], state.tensor.Clone());
  }
  return values;
}

void SessionStates::Restore(const Values& values) {
  for (const auto& [name, value] : values) {
    State& state = states_.at(name);
    std::memcpy(state.tensor.mutable_data(), value.data(),
                static_cast<size_t>(value.byte_size()));
    state.rounded_is_current = false;
  }
}

absl::Status SessionStates::Add(const Graph& graph, const Initialization& how) {
  std::vector<Value> missing;
  for (const Value& state : States(graph)) {
    if (states_.count(state.node().name()) == 0) {
      missing.push_back(state);
    } else if (!IsParameter(state.node())) {
      EVENGRAD_RETURN_IF_ERROR(CheckAgrees(state, how));
    }
  }
  if (missing.empty()) return absl::OkStatus();
  Graph resolved = graph.Clone();
  EVENGRAD_RETURN_IF_ERROR(ResolveInitializers(resolved));
  Entries added;
  // An initial value may read states that have theirs already.
  while (!missing.empty()) {
    std::vector<Value> ready;
    std::vector<Value> waiting;
    for (const Value& state : missing) {
      const Value initial = resolved.node(state.id().node).initializer();
      if (!initial.valid()) {
        return InvalidArgument(
            state.node().ErrorPrefix(),
            "the state has no initial value, as in a program that has been "
            "optimized; give it one, or take the program before");
      }
      const Program program{.graph = resolved, .fetches = {{.value = initial}}};
      const std::vector<bool> needed = NeededNodes(program);
      bool waits = false;
      for (const Value& other : missing) waits |= needed[other.id().node];
      (waits ? waiting : ready).push_back(resolved.value(state.id()));
    }
    if (ready.empty()) {
      return InvalidArgument(
          waiting.front().node().ErrorPrefix(),
          "the initial value of the state depends on itself");
    }
    EVENGRAD_RETURN_IF_ERROR(AddRound(resolved, ready, how, added));
    missing = std::move(waiting);
  }
  states_.merge(added);
  return absl::OkStatus();
}

absl::Status SessionStates::AddRound(const Graph& graph,
                                     std::span<const Value> states,
                                     const Initialization& how,
                                     Entries& added) {
  Program program{.graph = graph};
  for (const Value& state : states) {
    program.fetches.push_back(
        {state.node().name(), state.node().initializer()});
  }
  const std::vector<bool> needed = NeededNodes(program);
  for (int id = 0; id < graph.num_nodes(); ++id) {
    if (needed[id] && IsPlaceholder(graph.node(id))) {
      return InvalidArgument(
          graph.node(id).ErrorPrefix(),
          "a state's initial value depends on this placeholder, which is fed "
          "only when programs run");
    }
  }
  EVENGRAD_RETURN_IF_ERROR(PrunePass(program).status());
  std::vector<Value> initial;
  for (const NamedValue& fetch : program.fetches) {
    initial.push_back(fetch.value);
  }
  EVENGRAD_ASSIGN_OR_RETURN(std::vector<Tensor> computed,
                            Compute(initial, how, &added));
  EVENGRAD_ASSIGN_OR_RETURN(std::vector<Tensor> values,
                            LaidTogether(std::move(computed)));
  for (size_t i = 0; i < states.size(); ++i) {
    const Node state = states[i].node();
    added.emplace(state.name(),
                  State{.tensor = std::move(values[i]),
                        .initial = IsParameter(state) ? Value() : initial[i]});
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Tensor>> SessionStates::Compute(
    std::span<const Value> initial, const Initialization& how, Entries* added) {
  Program program{.graph = *Graph::Of(initial.front())};
  for (const Value& value : initial) program.fetches.push_back({"", value});
  EVENGRAD_ASSIGN_OR_RETURN(std::unique_ptr<CompiledProgram> compiled,
                            Compile(program, {}, how.compile));
  EVENGRAD_ASSIGN_OR_RETURN(const std::shared_ptr<std::byte> arena,
                            Allocate(compiled->arena_bytes));
  EVENGRAD_ASSIGN_OR_RETURN(
      const std::shared_ptr<std::byte> scratch,
      Allocate(compiled->scratch_bytes * how.pool.num_threads()));
  EVENGRAD_ASSIGN_OR_RETURN(
      const std::unique_ptr<Executable> executable,
      Executable::Create(std::move(compiled), how.pool.num_threads(),
                         [&](std::string_view name) -> Tensor* {
                           if (added != nullptr) {
                             auto it = added->find(name);
                             if (it != added->end()) return &it->second.tensor;
                           }
                           State* const known = Find(name);
                           return known == nullptr ? nullptr : &known->tensor;
                         }));
  executable->BindMemory(arena.get(), scratch.get());
  EVENGRAD_ASSIGN_OR_RETURN(const std::shared_ptr<const ResultTensors> results,
                            executable->Run({}, how.seed, 0, how.pool));
  return results->fetches;
}

absl::Status SessionStates::CheckAgrees(const Value& state,
                                        const Initialization& how) {
  const Value& known = states_.find(state.node().name())->second.initial;
  Value initial = state.node().initializer();
  if (!known.valid() || !initial.valid() || SameDefinition(known, initial)) {
    return absl::OkStatus();
  }
  EVENGRAD_ASSIGN_OR_RETURN(initial, ResolvedInitial(state));
  if (SameDefinition(known, initial)) return absl::OkStatus();
  if (ReadsStates(known) || ReadsStates(initial)) {
    return Disagreement(state, "", "");
  }
  EVENGRAD_ASSIGN_OR_RETURN(const std::vector<Tensor> here,
                            Compute({&initial, 1}, how, nullptr));
  EVENGRAD_ASSIGN_OR_RETURN(const std::vector<Tensor> before,
                            Compute({&known, 1}, how, nullptr));
  if (here[0] == before[0]) return absl::OkStatus();
  return Disagreement(state, Shown(here[0], before[0]),
                      Shown(before[0], here[0]));
}

}  // namespace evengrad
