#include "evengrad/graph/verifier.h"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/graph/user_code.h"

namespace evengrad {
namespace {

absl::Status VerifyTypes(const Node& node) {
  std::vector<TensorType> inputs;
  inputs.reserve(static_cast<size_t>(node.num_inputs()));
  for (int i = 0; i < node.num_inputs(); ++i) {
    inputs.push_back(node.input(i).type());
  }
  absl::StatusOr<std::vector<TensorType>> types = CallUser(
      [&] { return StrCat("infer_type of op '", node.op().name, "'"); },
      [&] {
        return node.op().infer_type(
            InferContext(node.op(), inputs, node.attributes()));
      });
  if (!types.ok()) return types.status();
  if (types->size() != static_cast<size_t>(node.num_outputs())) {
    return InvalidArgument("has ", node.num_outputs(),
                           " output(s), its type rule gives ", types->size());
  }
  for (int i = 0; i < node.num_outputs(); ++i) {
    if (node.output_type(i) == (*types)[i]) continue;
    return InvalidArgument("output ", i, " has type ",
                           node.output_type(i).ToString(),
                           ", its type rule gives ", (*types)[i].ToString());
  }
  return absl::OkStatus();
}

absl::Status VerifyNode(const Node& node, VerifyOptions options) {
  for (int i = 0; i < node.num_inputs(); ++i) {
    const ValueId input = node.input_id(i);
    if (input.node < 0 || input.node >= node.id() || input.output < 0 ||
        input.output >= node.graph().node(input.node).num_outputs()) {
      return InvalidArgument("input ", i, " is not an earlier value");
    }
  }
  absl::StatusOr<Attributes> complete =
      CompleteAttributes(node.op().attributes, node.attributes());
  if (!complete.ok()) return complete.status();
  if (complete->size() != node.attributes().size()) {
    return InvalidArgument("attributes are missing");
  }
  if (options.states_need_initializers && IsState(node) &&
      !node.initializer().valid()) {
    return InvalidArgument("the state has no initial value");
  }
  return VerifyTypes(node);
}

}  // namespace

absl::Status VerifyGraph(const Graph& graph, VerifyOptions options) {
  EVENGRAD_RETURN_IF_ERROR(graph.status());
  absl::flat_hash_set<absl::string_view> names;
  names.reserve(static_cast<size_t>(graph.num_nodes()));
  for (int id = 0; id < graph.num_nodes(); ++id) {
    const Node node = graph.node(id);
    if (!names.insert(internal::ForAbsl(node.name())).second) {
      return InvalidArgument(node.ErrorPrefix(), "the name is not unique");
    }
    EVENGRAD_RETURN_IF_ERROR(
        Prefixed(VerifyNode(node, options), node.ErrorPrefix()));
  }
  if (const Node state = FindCircularInitializer(graph); state.valid()) {
    return InvalidArgument(
        state.ErrorPrefix(),
        "the initial value of the state depends on the state itself");
  }
  return absl::OkStatus();
}

// A walk in depth from each state, with a stack of its own.
Node FindCircularInitializer(const Graph& graph) {
  enum class Mark : uint8_t { kNew, kOpen, kDone };
  std::vector<Mark> marks(static_cast<size_t>(graph.num_nodes()), Mark::kNew);
  // Nodes whose inputs are being visited, and how many have been.
  std::vector<std::pair<int, int>> open;
  // False for a node that is being visited.
  auto visit = [&](int id) {
    if (marks[id] != Mark::kNew) return marks[id] == Mark::kDone;
    marks[id] = Mark::kOpen;
    open.emplace_back(id, 0);
    return true;
  };
  for (int state = 0; state < graph.num_nodes(); ++state) {
    if (!graph.node(state).initializer().valid()) continue;
    visit(state);
    while (!open.empty()) {
      auto& [id, visited] = open.back();
      const Node node = graph.node(id);
      const Value initial = node.initializer();
      if (visited == (initial.valid() ? 1 : node.num_inputs())) {
        marks[id] = Mark::kDone;
        open.pop_back();
        continue;
      }
      const int i = visited++;
      const int next =
          initial.valid() ? initial.id().node : node.input_id(i).node;
      if (visit(next)) continue;
      // The circle is the open nodes from `next` on; a state closes it.
      auto on_circle =
          std::ranges::find(open, next, &std::pair<int, int>::first);
      while (!graph.node(on_circle->first).initializer().valid()) ++on_circle;
      return graph.node(on_circle->first);
    }
  }
  return Node();
}

}  // namespace evengrad
