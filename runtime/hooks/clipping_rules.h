// What the hooks that clip gradients share.
#ifndef EVENGRAD_RUNTIME_HOOKS_CLIPPING_RULES_H_
#define EVENGRAD_RUNTIME_HOOKS_CLIPPING_RULES_H_

#include <string_view>

#include "absl/status/status.h"
#include "evengrad/graph/graph.h"
#include "evengrad/runtime/hook.h"

namespace evengrad {

// `value` in another element type; itself where it has it.
Value InType(const Value& value, DType dtype);

// The sum of the squares of all gradients as hooks have left them, f64[].
Value SumOfSquaredGradients(Instrumentation& instrumentation);

// Replaces every gradient by its product with `scale` (f64[]).
absl::Status ScaleGradients(Instrumentation& instrumentation,
                            const Value& scale);

// What a clipping hook did in a step. The norms are given as their squares.
struct ClippedStep {
  Value squared_norm = {};          // f64[]
  Value squared_clipped_norm = {};  // f64[]
  Value acted = {};                 // bool[]: a gradient was changed
};

// Keeps the states of ClippingReport in the current scope.
absl::Status ReportClipping(Instrumentation& instrumentation,
                            const ClippedStep& step);

// A state named `name` in the current scope that starts as `initial` of
// `dtype`.
Value AddScalarState(Instrumentation& instrumentation, std::string_view name,
                     double initial, DType dtype);

// "ClipByNorm: the largest norm is -1, expected a finite number above 0"
// unless `number` is one.
absl::Status CheckPositive(std::string_view hook, std::string_view what,
                           double number);

}  // namespace evengrad

#endif  // EVENGRAD_RUNTIME_HOOKS_CLIPPING_RULES_H_
