#include "evengrad/runtime/passes.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/hash/hash.h"
#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/runtime/rebuild.h"
#include "evengrad/runtime/rebuild_program.h"

namespace evengrad {
namespace {

using Replacement = absl::StatusOr<std::optional<std::vector<Value>>>;

// The rule of a node that is to be rewritten by `rule`; null where there is
// none or `keeps` (unless null) is true for the node.
const RewriteFunction* RuleOf(const Node& node, RewriteFunction OpDef::*rule,
                              bool (*keeps)(const Node& node)) {
  const RewriteFunction& rewrite = node.op().*rule;
  return !rewrite || (keeps != nullptr && keeps(node)) ? nullptr : &rewrite;
}

// Whether some node would be rewritten: tried on a copy, which costs a fraction
// of rebuilding the graph.
absl::StatusOr<bool> AnyRewrites(const Graph& graph,
                                 RewriteFunction OpDef::*rule,
                                 bool (*keeps)(const Node& node)) {
  std::optional<Graph> scratch;
  for (int id = 0; id < graph.num_nodes(); ++id) {
    const RewriteFunction* const rewrite = RuleOf(graph.node(id), rule, keeps);
    if (rewrite == nullptr) continue;
    if (!scratch.has_value()) scratch = graph.Clone();
    const std::vector<Value> values = (*rewrite)(scratch->node(id));
    EVENGRAD_RETURN_IF_ERROR(scratch->status());
    if (!values.empty()) return true;
  }
  return false;
}

// Applies the rewrite rule `rule` of each op that has it, but for the nodes for
// which `keeps` (unless null) is true.
absl::StatusOr<bool> Rewrite(Program& program, RewriteFunction OpDef::*rule,
                             bool (*keeps)(const Node& node) = nullptr) {
  EVENGRAD_ASSIGN_OR_RETURN(const bool any,
                            AnyRewrites(program.graph, rule, keeps));
  if (!any) return false;
  EVENGRAD_RETURN_IF_ERROR(RebuildProgram(
      program, nullptr,
      [&](const Node& node, std::span<const Value> inputs,
          Graph& graph) -> Replacement {
        const RewriteFunction* const rewrite = RuleOf(node, rule, keeps);
        if (rewrite == nullptr) return std::optional<std::vector<Value>>();
        const Node copy = graph.AddNamed(node.op(), inputs, node.attributes(),
                                         node.name(), node.location());
        if (!copy.valid()) return graph.status();
        const LocationScope location(graph, node.location());
        const NameScope scope(graph, node.name());
        std::vector<Value> values = (*rewrite)(copy);
        EVENGRAD_RETURN_IF_ERROR(graph.status());
        if (values.empty()) {
          for (int i = 0; i < copy.num_outputs(); ++i) {
            values.push_back(copy.output(i));
          }
        }
        return std::optional<std::vector<Value>>(std::move(values));
      }));
  return true;
}

// A node that draws random numbers, or one of the gradient of such a node:
// dropout's gradient scales by what training scaled by.
bool Draws(const Node& node) {
  const int forward = node.gradient_of();
  return node.op().random ||
         (forward >= 0 && node.graph().node(forward).op().random);
}

// What must be equal for two nodes to compute the same.
struct NodeKey {
  const OpDef* op;
  const Attributes* attributes;
  std::vector<ValueId> inputs;
  size_t hash;

  friend bool operator==(const NodeKey& a, const NodeKey& b) {
    return a.hash == b.hash && a.op == b.op && a.inputs == b.inputs &&
           *a.attributes == *b.attributes;
  }
  template <typename H>
  friend H AbslHashValue(H state, const NodeKey& key) {
    return H::combine(std::move(state), key.hash);
  }
};

size_t HashOf(const AttributeValue& value) {
  if (const auto* integer = std::get_if<int64_t>(&value)) {
    return absl::HashOf(*integer);
  }
  if (const auto* number = std::get_if<double>(&value)) {
    return absl::HashOf(*number);
  }
  if (const auto* tensor = std::get_if<Tensor>(&value);
      tensor != nullptr && tensor->num_elements() > 0) {
    return absl::HashOf(tensor->num_elements(),
                        LoadAsDouble(tensor->dtype(), tensor->data(), 0));
  }
  return value.index();
}

NodeKey KeyOf(const Node& node, std::vector<ValueId> inputs) {
  NodeKey key{&node.op(), &node.attributes(), std::move(inputs), 0};
  size_t hash = absl::HashOf(key.op);
  for (const ValueId& input : key.inputs) {
    hash = absl::HashOf(hash, input.node, input.output);
  }
  for (const auto& [name, value] : *key.attributes) {
    hash = absl::HashOf(hash, HashOf(value));
  }
  key.hash = hash;
  return key;
}

// Attribute equality as == sees it merges 0.0 with -0.0; such nodes stay apart.
bool HasNegativeZero(const Attributes& attributes) {
  return std::any_of(attributes.begin(), attributes.end(), [](const auto& a) {
    const auto* number = std::get_if<double>(&a.second);
    return number != nullptr && *number == 0 && std::signbit(*number);
  });
}

bool MayShare(const Node& node) {
  return !node.op().random && !node.op().has_effects && !IsPlaceholder(node) &&
         !IsState(node) && !HasNegativeZero(node.attributes());
}

// By node: the first one that computes the same.
std::vector<int> FirstEqualNodes(const Graph& graph) {
  std::vector<int> first(static_cast<size_t>(graph.num_nodes()));
  absl::flat_hash_map<NodeKey, int> known;
  for (int id = 0; id < graph.num_nodes(); ++id) {
    first[id] = id;
    const Node node = graph.node(id);
    if (!MayShare(node)) continue;
    std::vector<ValueId> inputs;
    for (int i = 0; i < node.num_inputs(); ++i) {
      const ValueId input = node.input_id(i);
      inputs.push_back({first[input.node], input.output});
    }
    first[id] =
        known.try_emplace(KeyOf(node, std::move(inputs)), id).first->second;
  }
  return first;
}

}  // namespace

absl::Status RebuildProgram(Program& program, const std::vector<bool>* keep,
                            const ReplaceFunction& replace) {
  EVENGRAD_ASSIGN_OR_RETURN(RebuiltGraph rebuilt,
                            RebuildGraph(program.graph, keep, replace));
  ForEachRoot(program, [&](Value& value) { value = rebuilt(value); });
  program.graph = std::move(rebuilt.graph);
  return absl::OkStatus();
}

std::vector<bool> NeededNodes(const Program& program) {
  std::vector<bool> needed(program.graph.num_nodes(), false);
  ForEachRoot(const_cast<Program&>(program),
              [&](Value& value) { needed[value.id().node] = true; });
  for (int id = program.graph.num_nodes() - 1; id >= 0; --id) {
    if (!needed[id]) continue;
    const Node node = program.graph.node(id);
    for (int i = 0; i < node.num_inputs(); ++i) {
      needed[node.input_id(i).node] = true;
    }
  }
  return needed;
}

absl::StatusOr<bool> InferPass(Program& program) {
  if (program.mode == Mode::kTraining) return false;
  return Rewrite(program, &OpDef::inference,
                 program.mode == Mode::kMonteCarlo ? Draws : nullptr);
}

absl::StatusOr<bool> SimplifyPass(Program& program) {
  return Rewrite(program, &OpDef::simplify);
}

absl::StatusOr<bool> SharePass(Program& program) {
  const std::vector<int> first = FirstEqualNodes(program.graph);
  bool changed = false;
  for (int id = 0; id < program.graph.num_nodes(); ++id) {
    changed |= first[id] != id;
  }
  if (!changed) return false;
  // The values of nodes that others are equal to, in the new graph.
  absl::flat_hash_map<int, std::vector<Value>> known;
  for (int id = 0; id < program.graph.num_nodes(); ++id) {
    if (first[id] != id) known[first[id]] = {};
  }
  EVENGRAD_RETURN_IF_ERROR(RebuildProgram(
      program, nullptr,
      [&](const Node& node, std::span<const Value> inputs,
          Graph& graph) -> Replacement {
        const auto it = known.find(first[node.id()]);
        if (it == known.end()) return std::optional<std::vector<Value>>();
        std::vector<Value>& values = it->second;
        if (values.empty()) {
          const Node copy = graph.Add(node.op(), inputs, node.attributes(),
                                      {.name = node.name()});
          if (!copy.valid()) return graph.status();
          for (int i = 0; i < copy.num_outputs(); ++i) {
            values.push_back(copy.output(i));
          }
        }
        return std::optional<std::vector<Value>>(values);
      }));
  return true;
}

absl::StatusOr<bool> PrunePass(Program& program) {
  const std::vector<bool> needed = NeededNodes(program);
  if (std::count(needed.begin(), needed.end(), false) == 0) return false;
  EVENGRAD_RETURN_IF_ERROR(RebuildProgram(program, &needed, nullptr));
  return true;
}

std::span<const Pass> CompilerPasses() {
  static constexpr Pass kPasses[] = {{"fold", FoldPass},
                                     {"simplify", SimplifyPass},
                                     {"share", SharePass},
                                     {"prune", PrunePass}};
  return kPasses;
}

}  // namespace evengrad
