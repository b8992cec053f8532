#include "evengrad/autodiff/hessian_vector_product.h"

#include <optional>

#include "evengrad/autodiff/directions.h"
#include "evengrad/graph/status.h"

namespace evengrad {

absl::StatusOr<std::vector<Value>> HessianVectorProduct(
    const Value& loss, std::span<const Value> wrt,
    std::span<const Value> vectors, const GradientOptions& options) {
  const std::optional<Graph> graph = Graph::Of(loss);
  if (!graph.has_value()) {
    return InvalidArgument("the loss is an empty value, made by no op");
  }
  EVENGRAD_RETURN_IF_ERROR(graph->status());
  EVENGRAD_ASSIGN_OR_RETURN(
      const Directions own,
      ResolveDirections(*graph, wrt, vectors, "value", "vector"));
  if (own.values.empty()) return std::vector<Value>();
  EVENGRAD_ASSIGN_OR_RETURN(const std::vector<Value> gradients,
                            Gradients(loss, own.values, options));
  return Gradients(
      gradients, own.values,
      {.output_gradients = own.vectors, .zeros_for_unreached = true});
}

}  // namespace evengrad
