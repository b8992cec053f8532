// Copies of graphs in which some nodes are replaced: what passes are made of.
#ifndef EVENGRAD_RUNTIME_REBUILD_H_
#define EVENGRAD_RUNTIME_REBUILD_H_

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "evengrad/graph/export.h"
#include "evengrad/graph/graph.h"

namespace evengrad {

// A new graph, and where the old one's values are in it.
struct EVENGRAD_EXPORT RebuiltGraph {
  Graph graph = {};
  // By old node: the new place of each output; empty for a dropped node.
  std::vector<absl::InlinedVector<ValueId, 1>> places = {};

  // The value that stands for an old one; invalid where it was dropped.
  Value operator()(ValueId old) const;
  Value operator()(const Value& old) const { return (*this)(old.id()); }
  // The new node that stands for an old one; -1 where it was dropped.
  int NodeId(int old) const;
};

// Values of `graph` that stand for the outputs of `node` (a node of the old
// graph whose inputs are `inputs` in the new one), or nothing to copy the node.
// Nodes that it adds inherit the node's source line and gradient link.
using ReplaceFunction =
    std::function<absl::StatusOr<std::optional<std::vector<Value>>>(
        const Node& node, std::span<const Value> inputs, Graph& graph)>;

struct RebuildOptions {
  // States keep their initializers and training updates; else they become plain
  // leaves.
  bool keep_initializers = false;
};

// Copies the nodes of `graph` with keep[id] (all where `keep` is null) into a
// new graph, in order. Copies keep name, attributes, source line and gradient
// link; types are inferred anew, so a graph that became wrong is an error with
// the user's line. Should a replacement have taken a later node's name, that
// node's gets a number.
// Errors: the graph's own, those of `replace` and of type rules, a kept node
// that reads a dropped one, a replacement of another type or graph.
EVENGRAD_EXPORT absl::StatusOr<RebuiltGraph> RebuildGraph(
    const Graph& graph, const std::vector<bool>* keep = nullptr,
    const ReplaceFunction& replace = {}, RebuildOptions options = {});

// `name`, or `name` with the first number that makes it free in `graph` (and in
// `other`, unless null).
EVENGRAD_EXPORT std::string FreeName(const Graph& graph, std::string_view name,
                                     const Graph* other = nullptr);

}  // namespace evengrad

#endif  // EVENGRAD_RUNTIME_REBUILD_H_
