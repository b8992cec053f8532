#include "evengrad/runtime/fusion.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "evengrad/graph/source_ops.h"
#include "evengrad/ops/expression.h"
#include "evengrad/runtime/group_order.h"
#include "evengrad/runtime/passes.h"

namespace evengrad {
namespace {

constexpr size_t kMaxGroupNodes = 48;

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

  // The loop that `node` would continue: its own, or, for a sum, its input's.
  std::optional<Loop> LoopContinuedBy(const Node& node) {
    if (node.op().elementwise) {
      return Loop{node.output_type().shape, ComputeTypeOf(node)};
    }
    if (node.op().sum_reduction && node.input(0).dtype() == DType::kF32) {
      return Loop{node.input(0).shape(), DType::kF32};
    }
    return std::nullopt;
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
    if (into.nodes.size() + from.nodes.size() > kMaxGroupNodes) return false;
    const Node first = graph_.node(into.nodes.front());
    if (IsGradient(node) && !IsGradient(first)) return false;
    if (trained_[node.id()] != trained_[producer]) return false;
    const bool has_kernel =
        into.kind == GroupKind::kEpilogue || into.kind == GroupKind::kKernel;
    if (has_kernel &&
        (from.kind != GroupKind::kLoop || !AllElementwise(from.nodes))) {
      return false;  // one kernel a group, and epilogues do not sum
    }
    if (!has_kernel && from.kind == GroupKind::kEpilogue) return false;
    return !ReadsOwnSum(into, from) && !ReadsNarrower(from, into) &&
           !ReadsNarrower(into, from) &&
           !order_.HasDetour(into.nodes.front(), from.nodes.front());
  }

  bool AllElementwise(const std::vector<int>& nodes) {
    return std::all_of(nodes.begin(), nodes.end(), [&](int id) {
      return static_cast<bool>(graph_.node(id).op().elementwise);
    });
  }

  // A loop computes in one type. A value of a narrower one, such as bf16, is
  // rounded, or cut off, only when it is stored, and is to be read from there.
  bool ReadsNarrower(const Group& readers, const Group& producers) {
    return std::ranges::any_of(readers.nodes, [&](int id) {
      const Node node = graph_.node(id);
      if (!node.op().elementwise) return false;  // sums are f32
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

  // A sum is complete only when its loop has ended.
  bool ReadsOwnSum(const Group& into, const Group& from) {
    for (int id : from.nodes) {
      const Node node = graph_.node(id);
      for (int i = 0; i < node.num_inputs(); ++i) {
        const int input = node.input_id(i).node;
        if (graph_.node(input).op().sum_reduction &&
            std::count(into.nodes.begin(), into.nodes.end(), input) > 0) {
          return true;
        }
      }
    }
    return false;
  }

  void Merge(int into, int from) {
    Group& target = plan_.groups[into];
    order_.Merge(target.nodes.front(), plan_.groups[from].nodes.front());
    if (target.kind == GroupKind::kKernel) target.kind = GroupKind::kEpilogue;
    for (int id : plan_.groups[from].nodes) {
      plan_.group_of[id] = into;
      target.nodes.push_back(id);
    }
    plan_.groups[from].nodes.clear();
    // An epilogue's kernel node stays first; the rest is in order of ids.
    std::sort(
        target.nodes.begin() + (target.kind == GroupKind::kEpilogue ? 1 : 0),
        target.nodes.end());
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
  GroupOrder order_;
  FusionPlan plan_;
};

}  // namespace

FusionPlan PlanFusion(const Program& program, bool fuse) {
  return Planner(program).Plan(fuse);
}

}  // namespace evengrad
