#include "evengrad/runtime/fusion.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "evengrad/graph/source_ops.h"
#include "evengrad/ops/expression.h"
#include "evengrad/ops/loop_output.h"
#include "evengrad/runtime/group_order.h"
#include "evengrad/runtime/passes.h"

namespace evengrad {
namespace {

constexpr size_t kMaxGroupNodes = 48;
constexpr size_t kMaxWatchedNodes = 80;  // of those, and what watches them

bool NeedsKernel(const Node& node) {
  return !node.op().is_source && !node.op().alias;
}

DType ComputeTypeOf(const Node& node) {
  std::vector<DType> types{node.output_type().dtype};
  for (int i = 0; i < node.num_inputs(); ++i) {
    types.push_back(node.input(i).dtype());
  }
  return ComputeType(types);
}

// The loop that a node runs as or can end.
struct Loop {
  Shape shape;
  DType compute_type;
  friend bool operator==(const Loop&, const Loop&) = default;
};

class Planner {
 public:
  explicit Planner(const Program& program)
      : graph_(program.graph),
        trained_(graph_.num_nodes(), false),
        order_(program.graph) {
    Program unobserved = program;
    unobserved.observations.clear();
    trained_ = NeededNodes(unobserved);
  }

  FusionPlan Plan(bool fuse) {
    plan_.group_of.assign(graph_.num_nodes(), -1);
    plan_.trained = trained_;
    for (int id = 0; id < graph_.num_nodes(); ++id) {
      const Node node = graph_.node(id);
      if (!NeedsKernel(node)) continue;
      AddGroup(node);
      if (fuse) JoinProducers(node);
    }
    FindReaders();
    for (size_t g = 0; fuse && g < plan_.groups.size(); ++g) JoinWatched(g);
    DropEmptyGroups();
    return std::move(plan_);
  }

 private:
  Group& GroupOf(int id) { return plan_.groups[plan_.group_of[id]]; }

  void AddGroup(const Node& node) {
    const bool loop = static_cast<bool>(node.op().elementwise);
    plan_.group_of[node.id()] = static_cast<int>(plan_.groups.size());
    plan_.groups.push_back(
        {loop ? GroupKind::kLoop : GroupKind::kKernel, {node.id()}});
  }

  // The loop of the group that computes `value`, when `value` is one of the
  // loop's elements.
  std::optional<Loop> LoopOf(const Value& value) {
    const Node node = value.node();
    if (node.op().elementwise) {
      return Loop{node.output_type().shape, ComputeTypeOf(node)};
    }
    if (node.op().epilogue && value.id().output == 0 &&
        value.dtype() == DType::kF32) {
      return Loop{value.shape(), DType::kF32};
    }
    return std::nullopt;
  }

  // The loop that `node` would continue: its own, or its input's where it ends
  // that.
  std::optional<Loop> LoopContinuedBy(const Node& node) {
    if (node.op().elementwise) {
      return Loop{node.output_type().shape, ComputeTypeOf(node)};
    }
    if (!node.op().loop_output) return std::nullopt;
    const DType dtype = node.input(0).dtype();
    const bool ends =
        dtype == DType::kF32 || (dtype == DType::kF64 && EndsInCount(node));
    if (!ends) return std::nullopt;
    return Loop{node.input(0).shape(), dtype};
  }

  static bool EndsInCount(const Node& node) {
    return node.op().loop_output &&
           IsCounted(node.op().loop_output(node).ending);
  }

  void JoinProducers(const Node& node) {
    const std::optional<Loop> loop = LoopContinuedBy(node);
    if (!loop.has_value()) return;
    // Later producers first: the value just computed is in the cache.
    std::vector<int> producers;
    for (int i = 0; i < node.num_inputs(); ++i) {
      const int producer = node.input_id(i).node;
      if (plan_.group_of[producer] >= 0 && LoopOf(node.input(i)) == loop) {
        producers.push_back(producer);
      }
    }
    std::sort(producers.rbegin(), producers.rend());
    for (int producer : producers) {
      const int group = plan_.group_of[node.id()];
      if (plan_.group_of[producer] != group && MayMerge(node, producer)) {
        Merge(plan_.group_of[producer], group);
      }
    }
  }

  static bool IsGradient(const Node& node) { return node.gradient_of() >= 0; }

  bool MayMerge(const Node& node, int producer) {
    const Group& into = GroupOf(producer);
    const Group& from = GroupOf(node.id());
    const Node first = graph_.node(into.nodes.front());
    return into.nodes.size() + from.nodes.size() <= kMaxGroupNodes &&
           (!IsGradient(node) || IsGradient(first)) &&
           trained_[node.id()] == trained_[producer] && Fit(into, from);
  }

  // As one kernel, `into` and then `from` compute what they did.
  bool Fit(const Group& into, const Group& from) {
    return FitInOneKernel(into, from) &&
           !order_.HasDetour(into.nodes.front(), from.nodes.front());
  }

  bool FitInOneKernel(const Group& into, const Group& from) {
    // One kernel a group, and epilogues have no sums along axes.
    const bool kinds_fit =
        into.kind == GroupKind::kLoop
            ? from.kind != GroupKind::kEpilogue
            : graph_.node(into.nodes.front()).op().epilogue && MayTrail(from);
    return kinds_fit && !ReadsOwnEnding(into, from) &&
           !ReadsNarrower(from, into) && !ReadsNarrower(into, from);
  }

  bool MayTrail(const Group& group) {
    return std::ranges::all_of(group.nodes, [&](int id) {
      const Node node = graph_.node(id);
      return node.op().elementwise || EndsInCount(node);
    });
  }

  // A group that only watches joins the loop that computes or reads the values
  // it watches: they need not be stored, or read again, for it. It has no part
  // in how those are computed: nor in how a sum is cut into blocks, which
  // follows from rows.
  void JoinWatched(size_t watching) {
    const Group& group = plan_.groups[watching];
    if (group.nodes.empty() || trained_[group.nodes.front()] ||
        !MayTrail(group)) {
      return;
    }
    const std::optional<Loop> loop =
        LoopContinuedBy(graph_.node(group.nodes.front()));
    if (!loop.has_value() || ReadsRows(group, *loop)) return;
    for (int watched : LoopsWatched(group, *loop)) {
      const Group& into = plan_.groups[watched];
      if (into.nodes.size() + group.nodes.size() <= kMaxWatchedNodes &&
          MayRunWith(group, watched) && FitInOneKernel(into, group)) {
        return Absorb(watched, static_cast<int>(watching));
      }
    }
  }

  // Reads neither single elements nor such that have the loop's shape.
  bool ReadsRows(const Group& group, const Loop& loop) {
    return std::ranges::any_of(group.nodes, [&](int id) {
      const Node node = graph_.node(id);
      for (int i = 0; i < node.num_inputs(); ++i) {
        const Shape& shape = node.input(i).shape();
        if (!(shape == loop.shape) && shape.NumElements().value_or(0) != 1) {
          return true;
        }
      }
      return false;
    });
  }

  // The groups with this loop that make a value which `group` reads, then those
  // that read one, too, element by element.
  std::vector<int> LoopsWatched(const Group& group, const Loop& loop) {
    std::vector<int> makers;
    std::vector<int> readers;
    for (int id : group.nodes) {
      const Node node = graph_.node(id);
      for (int i = 0; i < node.num_inputs(); ++i) {
        const Value input = node.input(i);
        const int maker = plan_.group_of[input.id().node];
        if (maker >= 0 && trained_[input.id().node] && LoopOf(input) == loop) {
          makers.push_back(maker);
        }
        for (int reader : readers_[input.id()]) {
          const int loop_of_reader = plan_.group_of[reader];
          if (LoopContinuedBy(graph_.node(reader)) == loop &&
              plan_.groups[loop_of_reader].kind != GroupKind::kKernel) {
            readers.push_back(loop_of_reader);
          }
        }
      }
    }
    makers.insert(makers.end(), readers.begin(), readers.end());
    return makers;
  }

  void FindReaders() {
    for (int id = 0; id < graph_.num_nodes(); ++id) {
      const Node node = graph_.node(id);
      if (!trained_[id]) continue;
      for (int i = 0; i < node.num_inputs(); ++i) {
        if (ReadsElementByElement(node, i)) {
          readers_[node.input_id(i)].push_back(id);
        }
      }
    }
  }

  // The group reads what `watched` makes and reads, and what never changes: it
  // can run when that runs, and delays nothing.
  bool MayRunWith(const Group& group, int watched) {
    return std::ranges::all_of(group.nodes, [&](int id) {
      const Node node = graph_.node(id);
      for (int i = 0; i < node.num_inputs(); ++i) {
        const Value input = node.input(i);
        const int maker = plan_.group_of[input.id().node];
        const bool own =
            maker >= 0 && (maker == watched || &plan_.groups[maker] == &group);
        const bool stays =
            IsConstant(input.node()) || IsPlaceholder(input.node());
        if (!own && !stays && !Reads(plan_.groups[watched], input))
          return false;
      }
      return true;
    });
  }

  bool Reads(const Group& group, const Value& value) {
    return std::ranges::any_of(group.nodes, [&](int id) {
      const Node node = graph_.node(id);
      for (int i = 0; i < node.num_inputs(); ++i) {
        if (node.input(i) == value) return true;
      }
      return false;
    });
  }

  // A loop computes in one type. A value of a narrower one, such as bf16, is
  // rounded, or cut off, only when it is stored, and is to be read from there.
  bool ReadsNarrower(const Group& readers, const Group& producers) {
    return std::ranges::any_of(readers.nodes, [&](int id) {
      const Node node = graph_.node(id);
      if (!node.op().elementwise) return false;  // an ending reads its type
      const DType computed = ComputeTypeOf(node);
      for (int i = 0; i < node.num_inputs(); ++i) {
        const DType stored = node.input(i).dtype();
        if (stored != computed && stored != DType::kBool &&
            std::ranges::count(producers.nodes, node.input_id(i).node) > 0) {
          return true;
        }
      }
      return false;
    });
  }

  // A sum, or a summary, is complete only when its loop has ended.
  bool ReadsOwnEnding(const Group& into, const Group& from) {
    for (int id : from.nodes) {
      const Node node = graph_.node(id);
      for (int i = 0; i < node.num_inputs(); ++i) {
        const int input = node.input_id(i).node;
        if (graph_.node(input).op().loop_output &&
            std::count(into.nodes.begin(), into.nodes.end(), input) > 0) {
          return true;
        }
      }
    }
    return false;
  }

  void Merge(int into, int from) {
    order_.Merge(plan_.groups[into].nodes.front(),
                 plan_.groups[from].nodes.front());
    Absorb(into, from);
  }

  void Absorb(int into, int from) {
    Group& target = plan_.groups[into];
    if (target.kind == GroupKind::kKernel) target.kind = GroupKind::kEpilogue;
    for (int id : plan_.groups[from].nodes) {
      plan_.group_of[id] = into;
      target.nodes.push_back(id);
    }
    plan_.groups[from].nodes.clear();
    // An epilogue's kernel node stays first, and what watches comes last; the
    // rest is in order of ids.
    const bool has_kernel = target.kind == GroupKind::kEpilogue;
    std::ranges::sort(target.nodes.begin() + (has_kernel ? 1 : 0),
                      target.nodes.end(), {},
                      [&](int id) { return std::pair(!trained_[id], id); });
  }

  void DropEmptyGroups() {
    std::vector<Group> groups;
    for (Group& group : plan_.groups) {
      if (group.nodes.empty()) continue;
      for (int id : group.nodes) {
        plan_.group_of[id] = static_cast<int>(groups.size());
      }
      groups.push_back(std::move(group));
    }
    plan_.groups = std::move(groups);
  }

  Graph graph_;
  std::vector<bool> trained_;  // needed without observations
  // Trained nodes that read a value element by element.
  std::map<ValueId, std::vector<int>> readers_;
  GroupOrder order_;
  FusionPlan plan_;
};

}  // namespace

bool ReadsElementByElement(const Node& node, int i) {
  if (node.op().loop_output) return i == 0;
  return node.op().elementwise &&
         node.input(i).shape() == node.output_type().shape;
}

FusionPlan PlanFusion(const Program& program, bool fuse) {
  return Planner(program).Plan(fuse);
}

}  // namespace evengrad
