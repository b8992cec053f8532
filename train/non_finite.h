// What Minimize adds to a program for MinimizeOptions::non_finite and for
// conditions on updates.
#ifndef EVENGRAD_TRAIN_NON_FINITE_H_
#define EVENGRAD_TRAIN_NON_FINITE_H_

#include <cstddef>
#include <span>

#include "absl/status/status.h"
#include "evengrad/graph/graph.h"
#include "evengrad/runtime/hook.h"
#include "evengrad/runtime/program.h"

namespace evengrad {

// For kSkipStep: asks that updates be skipped unless loss and gradients, as
// derived, are finite.
absl::Status SkipNonFiniteSteps(Instrumentation& instrumentation,
                                const Program& program);

// Of Program::updates: from `first` to before `last`.
struct UpdateRange {
  size_t first = 0;
  size_t last = 0;
};

// Updates, except those in `unconditional`, keep the old value unless all
// `conditions` hold; the state "skipped_steps" counts how often. Nothing
// without conditions.
absl::Status SkipUpdates(std::span<const Value> conditions,
                         const UpdateRange& unconditional, Program& program);

// For kError: guards of the loss and of every parameter's gradient. Of the
// `constrained` ones the new value does not show a gradient that is not finite.
absl::Status AddFiniteGuards(Instrumentation& instrumentation,
                             std::span<const Value> constrained,
                             Program& program);

}  // namespace evengrad

#endif  // EVENGRAD_TRAIN_NON_FINITE_H_
