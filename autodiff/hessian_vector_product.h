// Second derivatives along given directions.
#ifndef EVENGRAD_AUTODIFF_HESSIAN_VECTOR_PRODUCT_H_
#define EVENGRAD_AUTODIFF_HESSIAN_VECTOR_PRODUCT_H_

#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "evengrad/autodiff/gradients.h"
#include "evengrad/graph/export.h"
#include "evengrad/graph/graph.h"

namespace evengrad {

// The Hessian of `loss` times `vectors`, never the Hessian itself:
//
//   result[i] = sum over k of  d² loss / (d wrt[i] d wrt[k]) · vectors[k]
//
// with the type of wrt[i]. Two reverse passes (Pearlmutter, "Fast exact
// multiplication by the Hessian", 1994, has the same cost): the vectors, which
// have the types of `wrt`, are the output gradients of the second one and count
// as constants in it. Zeros where the gradient does not depend on wrt[i].
//
// Errors: those of Gradients, also of the second pass; numbers or types of
// vectors that do not match.
EVENGRAD_EXPORT absl::StatusOr<std::vector<Value>> HessianVectorProduct(
    const Value& loss, std::span<const Value> wrt,
    std::span<const Value> vectors, const GradientOptions& options = {});

}  // namespace evengrad

#endif  // EVENGRAD_AUTODIFF_HESSIAN_VECTOR_PRODUCT_H_
