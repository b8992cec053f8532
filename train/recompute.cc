#include "evengrad/train/recompute.h"

#include <algorithm>
#include <map>
#include <memory>
#include <string_view>

#include "evengrad/graph/name_pattern.h"
#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/graph/suggest.h"
#include "evengrad/runtime/passes.h"

namespace evengrad {
namespace {

// The scope and all around it: "a/b/c", "a/b", "a".
std::vector<std::string_view> ScopesAround(std::string_view scope) {
  std::vector<std::string_view> scopes;
  while (!scope.empty()) {
    scopes.push_back(scope);
    const size_t slash = scope.rfind('/');
    scope = slash == scope.npos ? std::string_view() : scope.substr(0, slash);
  }
  return scopes;
}

bool Contains(const Recompute& region, std::string_view scope) {
  const std::vector<std::string_view> around = ScopesAround(scope);
  return std::ranges::any_of(region.scopes, [&](const std::string& pattern) {
    return std::ranges::any_of(around, [&](std::string_view candidate) {
      return MatchesPattern(pattern, candidate);
    });
  });
}

absl::Status NoSuchScope(const Graph& graph, std::string_view pattern) {
  std::vector<std::string_view> scopes;
  for (int id = 0; id < graph.num_nodes(); ++id) {
    for (std::string_view scope : ScopesAround(graph.node(id).scope())) {
      if (std::ranges::find(scopes, scope) == scopes.end()) {
        scopes.push_back(scope);
      }
    }
  }
  return InvalidArgument("recompute: no scope of the model matches '", pattern,
                         "'", DidYouMean(pattern, scopes));
}

}  // namespace

std::vector<Recompute> RecomputeLayers(const Value& loss,
                                       int layers_per_region) {
  std::vector<Recompute> regions;
  if (!loss.valid() || layers_per_region < 1) return regions;
  const Graph graph = loss.node().graph();
  const std::vector<bool> needed =
      NeededNodes({.graph = graph, .fetches = {{.value = loss}}});
  std::vector<std::string_view> layers;
  for (int id = 0; id <= loss.id().node; ++id) {
    const Node node = graph.node(id);
    const std::string_view scope = node.scope();
    if (!needed[id] || !IsParameter(node) || scope.empty() ||
        std::ranges::find(layers, scope) != layers.end()) {
      continue;
    }
    if (layers.size() % static_cast<size_t>(layers_per_region) == 0) {
      regions.emplace_back();
    }
    layers.push_back(scope);
    regions.back().scopes.emplace_back(scope);
  }
  return regions;
}

absl::StatusOr<std::function<int(const Node&)>> RegionsOf(
    const Graph& graph, std::span<const Recompute> regions) {
  // By scope: graphs have few beside their nodes.
  auto region_of = std::make_shared<std::map<std::string, int, std::less<>>>();
  std::map<std::string_view, bool> used;
  for (int id = 0; id < graph.num_nodes(); ++id) {
    const std::string_view scope = graph.node(id).scope();
    if (region_of->contains(scope)) continue;
    int found = -1;
    for (size_t r = regions.size(); r-- > 0;) {
      if (Contains(regions[r], scope)) found = static_cast<int>(r);
    }
    region_of->emplace(scope, found);
    for (const Recompute& region : regions) {
      for (const std::string& pattern : region.scopes) {
        if (Contains({.scopes = {pattern}}, scope)) used[pattern] = true;
      }
    }
  }
  for (const Recompute& region : regions) {
    if (region.scopes.empty()) {
      return InvalidArgument("recompute: a region has no scopes");
    }
    for (const std::string& pattern : region.scopes) {
      if (!used[pattern]) return NoSuchScope(graph, pattern);
    }
  }
  return std::function<int(const Node&)>([region_of](const Node& node) {
    const auto found = region_of->find(node.scope());
    return found == region_of->end() ? -1 : found->second;
  });
}

}  // namespace evengrad
