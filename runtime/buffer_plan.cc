#include "evengrad/runtime/buffer_plan.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/runtime/memory_plan.h"

namespace evengrad {
namespace {

// When a buffer is first written and last read, in stages.
struct Lifetime {
  int first = 0;
  int last = 0;
};

class Planner {
 public:
  Planner(const Program& program, const FusionPlan& fusion,
          const StageSchedule& schedule)
      : program_(program),
        graph_(program.graph),
        fusion_(fusion),
        schedule_(schedule),
        end_(static_cast<int>(schedule.stages.size())) {}

  absl::StatusOr<BufferPlan> Plan() {
    FindReaders();
    for (int id = 0; id < graph_.num_nodes(); ++id) {
      const Node node = graph_.node(id);
      EVENGRAD_RETURN_IF_ERROR(Prefixed(CheckSizes(node), node.ErrorPrefix()));
      AddOutputs(node);
    }
    PlaceStatesInPlace();
    AddResults();
    AddCommits();
    for (const std::vector<int>& stage : schedule_.stages) {
      for (int group : stage) OverwriteDyingInputs(group);
    }
    EVENGRAD_RETURN_IF_ERROR(PlaceInArena());
    return std::move(plan_);
  }

 private:
  int StageOf(int group) const { return schedule_.stage_of[group]; }
  int GroupOf(const Value& value) const {
    return fusion_.group_of[value.id().node];
  }

  // What has contents has a size that can be counted, and an alias has that of
  // its input.
  absl::Status CheckSizes(const Node& node) const {
    const bool has_contents = node.op().is_source || node.op().alias ||
                              fusion_.group_of[node.id()] >= 0;
    for (int i = 0; has_contents && i < node.num_outputs(); ++i) {
      EVENGRAD_ASSIGN_OR_RETURN(const int64_t bytes,
                                node.output_type(i).ByteSize());
      if (!node.op().alias) continue;
      EVENGRAD_ASSIGN_OR_RETURN(const int64_t shared,
                                node.input(0).type().ByteSize());
      if (bytes == shared) continue;
      return InvalidArgument("output ", node.output_type(i).ToString(),
                             " of an alias has another size than its input ",
                             node.input(0).type().ToString());
    }
    return absl::OkStatus();
  }

  // Who reads each value, aliases followed.
  void FindReaders() {
    for (int id = 0; id < graph_.num_nodes(); ++id) {
      const Node node = graph_.node(id);
      const int group = fusion_.group_of[id];
      if (group < 0) continue;
      for (int i = 0; i < node.num_inputs(); ++i) {
        const Value input = WithoutAliases(node.input(i));
        readers_[input.id()].insert(group);
        if (fusion_.trained[id]) trained_readers_[input.id()].insert(group);
      }
    }
    FindKept();
  }

  // The values that must exist when the run ends.
  void FindKept() {
    auto keep = [&](const Value& value) {
      kept_.insert(WithoutAliases(value).id());
    };
    for (const NamedValue& fetch : program_.fetches) keep(fetch.value);
    for (const StateUpdate& update : program_.updates) keep(update.value);
    for (const FiniteGuard& guard : program_.guards) keep(guard.value);
    kept_unobserved_ = kept_;
    for (const ObservedValues& observed : program_.observations) {
      for (const Value& value : observed.values) keep(value);
    }
  }

  bool OnlyWatched(const Value& value, int group) {
    return kept_unobserved_.count(value.id()) == 0 &&
           std::ranges::none_of(trained_readers_[value.id()],
                                [&](int reader) { return reader != group; });
  }

  int AddBuffer(BufferKind kind, const TensorType& type,
                const std::string& name, Lifetime lifetime) {
    plan_.buffers.push_back({.kind = kind,
                             .type = type,
                             .name = name,
                             .bytes = type.ByteSize().value_or(0)});
    plan_.only_watched.push_back(false);
    lifetimes_.push_back(lifetime);
    return static_cast<int>(plan_.buffers.size()) - 1;
  }

  void AddOutputs(const Node& node) {
    std::vector<int>& buffers = plan_.of_value.emplace_back();
    for (int i = 0; i < node.num_outputs(); ++i) {
      buffers.push_back(BufferFor(node.output(i)));
    }
  }

  int BufferFor(const Value& value) {
    const Node node = value.node();
    if (node.op().alias) return plan_.BufferOf(node.input_id(0));
    const Lifetime whole{-1, end_};
    if (IsPlaceholder(node)) {
      return AddBuffer(BufferKind::kFeed, value.type(), node.name(), whole);
    }
    if (IsState(node)) {
      return AddBuffer(BufferKind::kState, value.type(), node.name(), whole);
    }
    if (IsConstant(node)) {
      const int buffer =
          AddBuffer(BufferKind::kConstant, value.type(), node.name(), whole);
      plan_.buffers[buffer].constant = node.attribute<Tensor>("value");
      return buffer;
    }
    const int group = GroupOf(value);
    if (group < 0) return -1;  // a type without contents
    const int stage = StageOf(group);
    Lifetime lifetime{stage, kept_.count(value.id()) > 0 ? end_ : stage};
    bool read_outside = kept_.count(value.id()) > 0;
    for (int reader : readers_[value.id()]) {
      read_outside |= reader != group;
      lifetime.last = std::max(lifetime.last, StageOf(reader));
    }
    const bool inside = fusion_.groups[group].kind != GroupKind::kKernel;
    if (inside && !read_outside) return -1;
    const int buffer =
        AddBuffer(BufferKind::kArena, value.type(), node.name(), lifetime);
    plan_.only_watched[buffer] = OnlyWatched(value, group);
    return buffer;
  }

  void PlaceStatesInPlace() {
    for (size_t u = 0; u < program_.updates.size(); ++u) {
      if (!schedule_.in_place[u]) continue;
      const StateUpdate& update = program_.updates[u];
      const int buffer = plan_.BufferOf(update.value.id());
      plan_.buffers[buffer].kind = BufferKind::kState;
      plan_.buffers[buffer].name = update.state.node().name();
    }
  }

  // Copies `value` into `to` where that is possible first: a source may be
  // overwritten during the run, anything else is complete at its end.
  void AddCopy(const Value& value, int to) {
    const BufferCopy copy{plan_.BufferOf(value.id()), to,
                          plan_.buffers[to].bytes};
    const bool source = GroupOf(WithoutAliases(value)) < 0;
    (source ? plan_.first_copies : plan_.last_copies).push_back(copy);
  }

  // The buffer in which the caller gets `value`: the kernel's own where the
  // arena would have held it, else a copy.
  int ResultFor(const Value& value) {
    const int own = plan_.BufferOf(value.id());
    if (own >= 0 && plan_.buffers[own].kind == BufferKind::kArena &&
        plan_.buffers[own].type == value.type()) {
      plan_.buffers[own].kind = BufferKind::kResult;
      return own;
    }
    const int result = AddBuffer(BufferKind::kResult, value.type(),
                                 value.node().name(), {-1, end_});
    AddCopy(value, result);
    return result;
  }

  void AddResults() {
    for (const NamedValue& fetch : program_.fetches) {
      plan_.fetch_buffers.push_back(ResultFor(fetch.value));
    }
    for (const ObservedValues& observed : program_.observations) {
      std::vector<int>& buffers = plan_.observation_buffers.emplace_back();
      for (const Value& value : observed.values) {
        buffers.push_back(ResultFor(value));
      }
    }
  }

  // New state values that were not written in place. One that is itself a
  // source goes through the arena, since its own state may change.
  void AddCommits() {
    for (size_t u = 0; u < program_.updates.size(); ++u) {
      if (schedule_.in_place[u]) continue;
      const StateUpdate& update = program_.updates[u];
      int from = plan_.BufferOf(update.value.id());
      const bool stable = plan_.buffers[from].kind == BufferKind::kArena ||
                          plan_.buffers[from].kind == BufferKind::kResult;
      if (!stable) {
        const int staged = AddBuffer(BufferKind::kArena, update.value.type(),
                                     update.value.node().name(), {-1, end_});
        AddCopy(update.value, staged);
        from = staged;
      }
      const int to = plan_.BufferOf(update.state.id());
      plan_.commits.push_back({from, to, plan_.buffers[to].bytes});
    }
  }

  // Elementwise reads by `group` of each buffer; false for buffers that it also
  // reads in another way.
  std::map<int, bool> InputsReadInPlace(int group) {
    std::map<int, bool> inputs;
    for (int id : fusion_.groups[group].nodes) {
      const Node node = graph_.node(id);
      for (int i = 0; i < node.num_inputs(); ++i) {
        const int buffer = plan_.BufferOf(node.input_id(i));
        if (buffer < 0 || GroupOf(node.input(i)) == group) continue;
        const bool in_place =
            ReadsElementByElement(node, i) &&
            node.input(i).type() == plan_.buffers[buffer].type;
        auto [it, inserted] = inputs.emplace(buffer, in_place);
        it->second = it->second && in_place;
      }
    }
    return inputs;
  }

  void OverwriteDyingInputs(int group) {
    if (fusion_.groups[group].kind == GroupKind::kKernel) return;
    const int stage = StageOf(group);
    std::vector<int> dying;
    for (const auto& [buffer, in_place] : InputsReadInPlace(group)) {
      const int owner = Owner(buffer);
      if (in_place && plan_.buffers[owner].kind == BufferKind::kArena &&
          lifetimes_[owner].last == stage && SoleReader(buffer, group)) {
        dying.push_back(owner);
      }
    }
    for (int id : fusion_.groups[group].nodes) {
      const Node node = graph_.node(id);
      const int output = plan_.of_value[id][0];
      if (!node.op().elementwise || output < 0 ||
          plan_.buffers[output].kind != BufferKind::kArena) {
        continue;
      }
      auto it = std::find_if(dying.begin(), dying.end(), [&](int buffer) {
        return plan_.buffers[buffer].type == node.output_type();
      });
      if (it == dying.end()) continue;
      lifetimes_[*it].last = lifetimes_[output].last;
      shares_[output] = *it;
      dying.erase(it);
    }
  }

  // No other group of the stage reads the buffer.
  bool SoleReader(int buffer, int group) {
    for (int other : schedule_.stages[StageOf(group)]) {
      if (other == group) continue;
      for (int id : fusion_.groups[other].nodes) {
        const Node node = graph_.node(id);
        for (int i = 0; i < node.num_inputs(); ++i) {
          const int read = plan_.BufferOf(node.input_id(i));
          if (read >= 0 && Owner(read) == Owner(buffer)) return false;
        }
      }
    }
    return true;
  }

  // The buffer whose place `buffer` takes.
  int Owner(int buffer) const {
    auto it = shares_.find(buffer);
    return it == shares_.end() ? buffer : it->second;
  }

  absl::Status PlaceInArena() {
    std::vector<BufferLifetime> placed;
    std::vector<int> index_of(plan_.buffers.size(), -1);
    for (size_t b = 0; b < plan_.buffers.size(); ++b) {
      if (plan_.buffers[b].kind != BufferKind::kArena) continue;
      if (Owner(static_cast<int>(b)) != static_cast<int>(b)) continue;
      index_of[b] = static_cast<int>(placed.size());
      placed.push_back({.bytes = plan_.buffers[b].bytes,
                        .first = lifetimes_[b].first + 1,
                        .last = lifetimes_[b].last + 1});
    }
    EVENGRAD_ASSIGN_OR_RETURN(MemoryPlan memory, PlanMemory(placed));
    for (size_t b = 0; b < plan_.buffers.size(); ++b) {
      if (plan_.buffers[b].kind != BufferKind::kArena) continue;
      plan_.buffers[b].offset =
          memory.offsets[index_of[Owner(static_cast<int>(b))]];
    }
    plan_.arena_bytes = memory.arena_bytes;
    plan_.arena_lower_bound = memory.lower_bound;
    plan_.overwrites_input.assign(plan_.buffers.size(), false);
    for (const auto& [output, input] : shares_) {
      plan_.overwrites_input[output] = true;
    }
    return absl::OkStatus();
  }

  const Program& program_;
  const Graph& graph_;
  const FusionPlan& fusion_;
  const StageSchedule& schedule_;
  const int end_;
  BufferPlan plan_;
  std::vector<Lifetime> lifetimes_;           // by buffer
  std::map<ValueId, std::set<int>> readers_;  // groups
  std::map<ValueId, std::set<int>> trained_readers_;
  std::set<ValueId> kept_;             // until the end
  std::set<ValueId> kept_unobserved_;  // but for observations
  std::map<int, int> shares_;          // output -> input's buffer
};

}  // namespace

absl::StatusOr<BufferPlan> PlanBuffers(const Program& program,
                                       const FusionPlan& fusion,
                                       const StageSchedule& schedule) {
  return Planner(program, fusion, schedule).Plan();
}

}  // namespace evengrad
