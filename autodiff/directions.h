// Values and the directions in which they change, checked against each other.
#ifndef EVENGRAD_AUTODIFF_DIRECTIONS_H_
#define EVENGRAD_AUTODIFF_DIRECTIONS_H_

#include <span>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "evengrad/graph/graph.h"

namespace evengrad {

// The same values in `graph`. Errors, which call value i "<role> i": one of
// another graph, one that is not floating.
absl::StatusOr<std::vector<Value>> ResolveFloating(
    const Graph& graph, std::span<const Value> values, std::string_view role);

struct Directions {
  std::vector<Value> values = {};
  std::vector<Value> vectors = {};  // one a value, of its type
};

// Both in `graph`. Errors: as above; another number of vectors than of values,
// a vector of another type than its value.
absl::StatusOr<Directions> ResolveDirections(const Graph& graph,
                                             std::span<const Value> values,
                                             std::span<const Value> vectors,
                                             std::string_view value_role,
                                             std::string_view vector_role);

}  // namespace evengrad

#endif  // EVENGRAD_AUTODIFF_DIRECTIONS_H_
