// Checks of an op against its table row (op_case.h): what the built-in ops go
// through, for the ops of users too. No test framework is needed; with
// GoogleTest:
//
//   TEST(Squash, KeepsItsPromises) {
//     const absl::Status status = CheckOp(SquashCase());
//     EXPECT_TRUE(status.ok()) << status;
//   }
//
// Every check returns OK or says which sample failed, and how.
#ifndef EVENGRAD_TESTING_CHECK_OP_H_
#define EVENGRAD_TESTING_CHECK_OP_H_

#include <span>
#include <string_view>

#include "absl/status/status.h"
#include "evengrad/testing/op_case.h"

namespace evengrad::testing {

// The definition is complete: a name that no built-in op has, a one-line
// summary, a reference or a decomposition; a gradient, where the row says so,
// and samples.
absl::Status CheckDefinition(const OpCase& row);

// The type rule infers the same for named sizes as for numbers, takes unknown
// ones for any, and accepts the row's element types and no others.
absl::Status CheckTypeRule(const OpCase& row);

// Each of the row's mistakes gives an error with the expected text, after the
// user's line and the node's name.
absl::Status CheckErrors(const OpCase& row);

// Kernels agree with the reference in every element type, unfused and fused
// with neighbours; those of the gradient too, in f32 and f64.
absl::Status CheckKernels(const OpCase& row);

// The row's points: known values and derivatives.
absl::Status CheckPoints(const OpCase& row);

// Inputs without elements run, and agree with the reference.
absl::Status CheckEmptyInputs(const OpCase& row);

// With NaN, infinities, signed zeros and, for elementwise ops, very large and
// small numbers among the elements, kernel and reference agree.
absl::Status CheckNonFiniteInputs(const OpCase& row);

// Two runs, and runs with one and two threads, give the same bits.
absl::Status CheckDeterminism(const OpCase& row);

// See check_gradient.h; for every sample.
absl::Status CheckGradients(const OpCase& row);
absl::Status CheckSecondGradients(const OpCase& row);

struct OpCheck {
  std::string_view name;
  absl::Status (*run)(const OpCase& row);
};
// All of the above.
std::span<const OpCheck> OpChecks();

// All of them; the first error, after the names of op and check.
absl::Status CheckOp(const OpCase& row);

}  // namespace evengrad::testing

#endif  // EVENGRAD_TESTING_CHECK_OP_H_
