// Forward-mode derivatives.
#ifndef EVENGRAD_AUTODIFF_JVP_H_
#define EVENGRAD_AUTODIFF_JVP_H_

#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "evengrad/graph/export.h"
#include "evengrad/graph/graph.h"

namespace evengrad {

// Jacobian-vector product: the change of each output when the inputs change in
// the direction of `tangents`,
//
//   result[i] = sum over k of  d outputs[i] / d inputs[k] · tangents[k]
//
// with the type of outputs[i]; zeros where an output depends on no input.
// Tangents have the types of their inputs.
//
// Needs no derivatives but those of Gradients: the gradient of the outputs is a
// linear function of the outputs' own gradients, and its transpose is the
// Jacobian (Townsend, "A new trick for calculating Jacobian vector products",
// 2017). What only the first of the two passes computes is dropped when the
// program is compiled.
//
// Errors: those of Gradients, also of the second pass; numbers or types of
// tangents that do not match the inputs.
EVENGRAD_EXPORT absl::StatusOr<std::vector<Value>> Jvp(
    std::span<const Value> outputs, std::span<const Value> inputs,
    std::span<const Value> tangents);

}  // namespace evengrad

#endif  // EVENGRAD_AUTODIFF_JVP_H_
