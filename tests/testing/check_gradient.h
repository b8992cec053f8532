// Checks of an op's gradient against difference quotients.
#ifndef EVENGRAD_TESTING_CHECK_GRADIENT_H_
#define EVENGRAD_TESTING_CHECK_GRADIENT_H_

#include <cstdint>

#include "absl/status/status.h"
#include "evengrad/graph/op_def.h"
#include "evengrad/testing/op_case.h"

namespace evengrad::testing {

struct GradientCheckOptions {
  double step = 1e-6;
  // |gradient - quotient| <= absolute + relative * |quotient|, element by
  // element.
  double absolute = 1e-5;
  double relative = 1e-3;
  uint64_t seed = 1;  // of the elements and the output gradients
};

// OK when the gradient of `op` agrees with central differences of its reference
// in double, for random output gradients and every element of every floating
// input, and when it is the same for sizes that are numbers, named and unknown.
// An error names the worst element: "gradient of input 0 at [1,2] is 0.5,
// difference quotient 0.25".
absl::Status CheckGradient(const OpDef& op, const OpSample& sample,
                           const GradientCheckOptions& options = {});

// The same for the gradient of the gradient: with G the gradient of the op and
// random v, that of the sum of G * v with respect to the inputs and the output
// gradients.
absl::Status CheckSecondGradient(const OpDef& op, const OpSample& sample,
                                 const GradientCheckOptions& options = {});

// OK when the gradient is zero everywhere.
absl::Status CheckStoppedGradient(const OpDef& op, const OpSample& sample);

}  // namespace evengrad::testing

#endif  // EVENGRAD_TESTING_CHECK_GRADIENT_H_
