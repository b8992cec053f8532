// Random programs that compute something, with numbers for their placeholders:
// for checks that two ways to run a program agree.
#ifndef EVENGRAD_TESTING_RANDOM_RUN_H_
#define EVENGRAD_TESTING_RANDOM_RUN_H_

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "evengrad/runtime/program.h"
#include "evengrad/runtime/reference_executor.h"
#include "evengrad/testing/op_case.h"

namespace evengrad::testing {

struct RandomRun {
  Program program = {};
  std::vector<ReferenceFeed> feeds = {};
  ReferenceStates states = {};  // what they start with
};

struct RandomRunOptions {
  int max_ops = 8;  // nodes that are made from rows; others come on top
};

// A program of ops of `rows` that read each other's outputs, placeholders,
// constants and states, with sizes that are numbers, zero or named, gradients
// where the ops have some, and updates of states. All floating values are f64,
// so that ways to compute them differ by little, and values between two ops
// are clamped to the domain of the second. The same seed gives the same run.
absl::StatusOr<RandomRun> MakeRandomRun(std::span<const OpCase> rows,
                                        uint64_t seed,
                                        RandomRunOptions options = {});

// Feeds of the same names for `program`, which was made from that of `feeds`;
// those that it does not have are left out.
std::vector<ReferenceFeed> FeedsFor(const Program& program,
                                    std::span<const ReferenceFeed> feeds);

// The text of the smallest program, a single value and what it depends on, for
// which `check` fails, and its error; of the whole one where only that fails.
std::string SmallestFailure(
    const RandomRun& run,
    const std::function<absl::Status(const RandomRun&)>& check);

}  // namespace evengrad::testing

#endif  // EVENGRAD_TESTING_RANDOM_RUN_H_
