#include "evengrad/runtime/schedule.h"

#include <algorithm>
#include <functional>
#include <map>
#include <queue>
#include <set>
#include <utility>

#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/runtime/estimated_time.h"

namespace evengrad {
namespace {

// Bounds how much memory of independent branches is alive at once.
constexpr size_t kMaxStageGroups = 8;
// And how much of what groups read that are put off: so many, for so many
// stages.
constexpr size_t kMaxPostponed = 2;
constexpr int kMaxStagesWaited = 8;
// What takes less, in nanoseconds, is not worth putting off.
constexpr double kLeastPostponed = 1000;

class Scheduler {
 public:
  Scheduler(const Program& program, const FusionPlan& fusion)
      : program_(program),
        fusion_(fusion),
        successors_(fusion.groups.size()),
        waits_for_(fusion.groups.size(), 0),
        held_by_(fusion.groups.size()) {}

  absl::StatusOr<StageSchedule> Plan() {
    for (const Group& group : fusion_.groups) {
      times_.push_back(EstimatedTime(program_.graph, group));
    }
    FindDependencies();
    FindGuardMakers();
    FindUpdatesInPlace();
    schedule_.stage_of.assign(fusion_.groups.size(), -1);
    for (size_t g = 0; g < fusion_.groups.size(); ++g) MarkIfReady(g);
    size_t done = 0;
    while (done < fusion_.groups.size()) {
      if (ready_.empty() && postponed_.empty()) {
        EVENGRAD_RETURN_IF_ERROR(ReleaseOne());
      }
      done += RunStage();
    }
    return std::move(schedule_);
  }

 private:
  using ByFirstNode = std::pair<int, int>;  // first node, group

  struct Postponed {
    int group;
    int since;  // stage
  };

  // A writer in place waits for a reader of the old value.
  struct Hold {
    int update;
    int reader;
  };

  void FindDependencies() {
    for (size_t g = 0; g < fusion_.groups.size(); ++g) {
      std::set<int> producers;
      for (int id : fusion_.groups[g].nodes) {
        const Node node = program_.graph.node(id);
        for (int i = 0; i < node.num_inputs(); ++i) {
          AddProducers(node.input(i), producers);
          const Value input = WithoutAliases(node.input(i));
          if (IsState(input.node())) readers_[input.id().node].insert(g);
        }
        if (node.op().has_effects) effects_.insert(static_cast<int>(g));
      }
      producers.erase(static_cast<int>(g));
      for (int producer : producers) successors_[producer].push_back(g);
      waits_for_[g] = static_cast<int>(producers.size());
      producers_.push_back(std::move(producers));
    }
  }

  // The groups that must have run before `value` is read: of an alias, those of
  // all its inputs.
  void AddProducers(const Value& value, std::set<int>& producers) {
    const Node node = value.node();
    if (const int group = fusion_.group_of[node.id()]; group >= 0) {
      producers.insert(group);
    }
    for (int i = 0; node.op().alias && i < node.num_inputs(); ++i) {
      AddProducers(node.input(i), producers);
    }
  }

  // The groups that make guards before updates, and what those depend on: they
  // run before the test, so they may overwrite no state.
  void FindGuardMakers() {
    std::vector<int> pending;
    for (const FiniteGuard& guard : program_.guards) {
      const int maker = fusion_.group_of[WithoutAliases(guard.value).id().node];
      if (!guard.before_updates || maker < 0) continue;
      if (guard_makers_.insert(maker).second) pending.push_back(maker);
    }
    before_guards_ = guard_makers_;
    while (!pending.empty()) {
      const int group = pending.back();
      pending.pop_back();
      for (int producer : producers_[group]) {
        if (before_guards_.insert(producer).second) pending.push_back(producer);
      }
    }
  }

  // An update is written in place when the group that makes the value may, and
  // every other reader of the state runs before: those readers hold the group.
  void FindUpdatesInPlace() {
    std::set<ValueId> taken;
    schedule_.in_place.assign(program_.updates.size(), false);
    for (size_t u = 0; u < program_.updates.size(); ++u) {
      const StateUpdate& update = program_.updates[u];
      const int writer = fusion_.group_of[update.value.id().node];
      if (writer < 0 || before_guards_.contains(writer) ||
          !MayOverwrite(writer, update) ||
          !taken.insert(update.value.id()).second ||
          IsComparedWithOld(writer, update)) {
        continue;
      }
      schedule_.in_place[u] = true;
      WaitForGuards(writer);
      // Effects come before any update: one that fails leaves states alone.
      std::set<int> readers = readers_[update.state.id().node];
      readers.insert(effects_.begin(), effects_.end());
      for (int reader : readers) {
        if (reader == writer) continue;
        held_by_[writer].push_back({static_cast<int>(u), reader});
        ++waits_for_[writer];
        holds_[reader].push_back(writer);
      }
    }
  }

  // Whether a reader of the old value needs the new one, too: to write that in
  // place, each would wait for the other.
  bool IsComparedWithOld(int writer, const StateUpdate& update) {
    return std::ranges::any_of(
        readers_[update.state.id().node], [&](int reader) {
          return reader != writer && producers_[reader].contains(writer);
        });
  }

  // A writer in place runs after the guards before updates have been tested.
  void WaitForGuards(int writer) {
    if (!guarded_.insert(writer).second) return;
    for (int maker : guard_makers_) successors_[maker].push_back(writer);
    waits_for_[writer] += static_cast<int>(guard_makers_.size());
  }

  // Whether `group` may write the new value of a state over the old one: it
  // does not read the state, or only element by element at the same place, and
  // cannot fail.
  bool MayOverwrite(int group, const StateUpdate& update) {
    if (effects_.contains(group)) return false;
    const ValueId state = update.state.id();
    if (readers_[state.node].count(group) == 0) return true;
    const Group& members = fusion_.groups[group];
    if (!update.value.node().op().elementwise ||
        !(update.value.type() == update.state.type())) {
      return false;
    }
    for (int id : members.nodes) {
      const Node node = program_.graph.node(id);
      for (int i = 0; i < node.num_inputs(); ++i) {
        if (!(WithoutAliases(node.input(i)).id() == state)) continue;
        if (!ReadsElementByElement(node, i) || !(node.input_id(i) == state)) {
          return false;
        }
      }
    }
    return true;
  }

  void MarkIfReady(int group) {
    if (waits_for_[group] == 0 && schedule_.stage_of[group] < 0) {
      ready_.push({fusion_.groups[group].nodes.front(), group});
    }
  }

  // Nobody waits for it, and it takes a while: it may run later, which only
  // keeps its inputs alive.
  bool MayWait(int group) const {
    return successors_[group].empty() && !holds_.contains(group) &&
           !effects_.contains(group) && times_[group] >= kLeastPostponed;
  }

  // The groups that are ready, but for those put off.
  std::vector<int> TakeReady(int index) {
    std::vector<int> stage;
    while (!ready_.empty() && stage.size() < kMaxStageGroups) {
      const int group = ready_.top().second;
      const bool alone = effects_.contains(group);
      if (alone && !stage.empty()) break;
      ready_.pop();
      if (MayWait(group) && postponed_.size() < kMaxPostponed) {
        postponed_.push_back({group, index});
        continue;
      }
      stage.push_back(group);
      if (alone) break;
    }
    return stage;
  }

  // Beside them what was put off, where they take long enough: the product that
  // makes a weight's gradient, and its update, keep a worker busy while another
  // computes the next product of the chain through the layers, rather than the
  // little that stands between two of those.
  void AddPostponed(int index, std::vector<int>& stage) {
    if (postponed_.empty()) return;
    if (!stage.empty() && effects_.contains(stage.front())) return;
    double time = 0;
    for (int group : stage) time += times_[group];
    const bool nothing_else = stage.empty();
    std::erase_if(postponed_, [&](const Postponed& postponed) {
      const bool now = nothing_else || times_[postponed.group] <= 2 * time ||
                       index - postponed.since >= kMaxStagesWaited;
      if (!now || stage.size() >= kMaxStageGroups) return false;
      stage.push_back(postponed.group);
      return true;
    });
    std::ranges::sort(stage, {}, [&](int group) {
      return fusion_.groups[group].nodes.front();
    });
  }

  size_t RunStage() {
    const int index = static_cast<int>(schedule_.stages.size());
    std::vector<int> stage = TakeReady(index);
    AddPostponed(index, stage);
    for (int group : stage) schedule_.stage_of[group] = index;
    for (int group : stage) {
      for (int successor : successors_[group]) Release(successor);
      for (int writer : holds_[group]) {
        if (schedule_.stage_of[writer] < 0) ReleaseHold(writer, group);
      }
    }
    schedule_.stages.push_back(std::move(stage));
    return schedule_.stages.back().size();
  }

  void Release(int group) {
    --waits_for_[group];
    MarkIfReady(group);
  }

  void ReleaseHold(int writer, int reader) {
    auto& holds = held_by_[writer];
    auto it = std::find_if(holds.begin(), holds.end(),
                           [&](const Hold& h) { return h.reader == reader; });
    if (it == holds.end()) return;
    holds.erase(it);
    Release(writer);
  }

  // Every group left waits: some reader of an old state needs its new value.
  // Gives up writing in place for the earliest group that only readers hold.
  absl::Status ReleaseOne() {
    int chosen = -1;
    for (size_t g = 0; g < fusion_.groups.size(); ++g) {
      const bool held_only =
          schedule_.stage_of[g] < 0 && !held_by_[g].empty() &&
          waits_for_[g] == static_cast<int>(held_by_[g].size());
      if (held_only &&
          (chosen < 0 || fusion_.groups[g].nodes.front() <
                             fusion_.groups[chosen].nodes.front())) {
        chosen = static_cast<int>(g);
      }
    }
    if (chosen < 0) {
      return absl::InternalError(
          "the fused groups of the program depend on each other in a circle");
    }
    for (const Hold& hold : held_by_[chosen]) {
      schedule_.in_place[hold.update] = false;
    }
    held_by_[chosen].clear();
    waits_for_[chosen] = 0;
    MarkIfReady(chosen);
    return absl::OkStatus();
  }

  const Program& program_;
  const FusionPlan& fusion_;
  StageSchedule schedule_;
  std::vector<Postponed> postponed_;
  std::vector<double> times_;  // estimated, by group
  std::vector<std::vector<int>> successors_;
  std::vector<int> waits_for_;              // producers and holds, by group
  std::vector<std::vector<Hold>> held_by_;  // by writer
  std::vector<std::set<int>> producers_;    // by group
  std::set<int> guard_makers_;
  std::set<int> before_guards_;
  std::set<int> guarded_;                  // writers that wait for guards
  std::map<int, std::vector<int>> holds_;  // writers, by reader
  std::map<int, std::set<int>> readers_;   // groups, by state node
  std::set<int> effects_;                  // groups with OpDef::has_effects
  std::priority_queue<ByFirstNode, std::vector<ByFirstNode>,
                      std::greater<ByFirstNode>>
      ready_;
};

}  // namespace

Value WithoutAliases(Value value) {
  while (value.node().op().alias) value = value.node().input(0);
  return value;
}

absl::StatusOr<StageSchedule> PlanSchedule(const Program& program,
                                           const FusionPlan& fusion) {
  return Scheduler(program, fusion).Plan();
}

}  // namespace evengrad
