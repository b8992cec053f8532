#include "evengrad/autodiff/directions.h"

#include <utility>

#include "evengrad/graph/status.h"

namespace evengrad {

absl::StatusOr<std::vector<Value>> ResolveFloating(
    const Graph& graph, std::span<const Value> values, std::string_view role) {
  std::vector<Value> resolved;
  for (size_t i = 0; i < values.size(); ++i) {
    absl::StatusOr<Value> own = graph.Resolve(values[i]);
    if (!own.ok()) {
      return Prefixed(own.status(), StrCat(role, " ", i, ": "));
    }
    if (!IsFloating(own->dtype())) {
      return InvalidArgument(role, " ", i, ", '", own->name(), "', has type ",
                             own->type().ToString(),
                             "; only floating values have derivatives");
    }
    resolved.push_back(*std::move(own));
  }
  return resolved;
}

absl::StatusOr<Directions> ResolveDirections(const Graph& graph,
                                             std::span<const Value> values,
                                             std::span<const Value> vectors,
                                             std::string_view value_role,
                                             std::string_view vector_role) {
  if (values.size() != vectors.size()) {
    return InvalidArgument(vectors.size(), " ", vector_role, "(s) for ",
                           values.size(), " ", value_role,
                           "(s); give one each");
  }
  Directions directions;
  EVENGRAD_ASSIGN_OR_RETURN(directions.values,
                            ResolveFloating(graph, values, value_role));
  EVENGRAD_ASSIGN_OR_RETURN(directions.vectors,
                            ResolveFloating(graph, vectors, vector_role));
  for (size_t i = 0; i < values.size(); ++i) {
    const TensorType& expected = directions.values[i].type();
    const TensorType& found = directions.vectors[i].type();
    if (found.dtype == expected.dtype &&
        MayBeEqual(found.shape, expected.shape)) {
      continue;
    }
    return InvalidArgument(
        vector_role, " ", i, ", '", directions.vectors[i].name(),
        "', has type ", found.ToString(), ", expected ", expected.ToString(),
        " as ", value_role, " '", directions.values[i].name(), "' has");
  }
  return directions;
}

}  // namespace evengrad
