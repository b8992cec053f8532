// Regions of a model whose values are computed again for the gradient instead
// of being kept: less memory for more time.
//
//   Minimize(loss, optimizer, {.recompute = {{.scopes = {"block1"}},
//                                            {.scopes = {"block2"}}}});
//   Minimize(loss, optimizer, {.recompute = RecomputeLayers(loss, 4)});
#ifndef EVENGRAD_TRAIN_RECOMPUTE_H_
#define EVENGRAD_TRAIN_RECOMPUTE_H_

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "evengrad/graph/export.h"
#include "evengrad/graph/graph.h"

namespace evengrad {

// One region: what is made in these scopes, and in those below them. Patterns
// of full names ('*' stands for any characters, '?' for one) stand for all
// scopes they match, of which each is still part of the one region.
struct Recompute {
  std::vector<std::string> scopes = {};
};

// A region for each `layers_per_region` layers that `loss` depends on, in the
// order of the forward pass; a layer is a scope in which a parameter was made.
// For n equal layers about sqrt(n) a region need the least memory: the values
// between regions are kept, and those of one region are there at a time.
// Empty for an invalid loss or fewer than one layer a region.
EVENGRAD_EXPORT std::vector<Recompute> RecomputeLayers(const Value& loss,
                                                       int layers_per_region);

// For GradientOptions::recompute. Errors: a region without scopes, a scope that
// matches no node of the graph; a node belongs to the first region that
// matches.
EVENGRAD_EXPORT absl::StatusOr<std::function<int(const Node&)>> RegionsOf(
    const Graph& graph, std::span<const Recompute> regions);

}  // namespace evengrad

#endif  // EVENGRAD_TRAIN_RECOMPUTE_H_
