// A compiled program held against the reference executor, node by node.
#ifndef EVENGRAD_TOOLS_COMPARE_RUNS_H_
#define EVENGRAD_TOOLS_COMPARE_RUNS_H_

#include <cstdint>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "evengrad/evengrad.h"
#include "evengrad/runtime/reference_executor.h"

namespace evengrad::tools {

// |found - expected| <= absolute * largest |expected| of the value
//                       + relative * |expected|.
struct CompareOptions {
  double absolute = 1e-5;
  double relative = 1e-3;
};

struct CompareReport {
  int values = 0;               // that were compared
  std::string worst = {};       // the node with the largest difference
  double worst_difference = 0;  // in units of the tolerance
  // Empty where all agree; else the first node that differs, with its op, an
  // element, and what was expected of it.
  std::string difference = {};

  // "12 values agree with the reference; the largest difference, 0.01 of the
  // tolerance, is at logits/matmul".
  std::string ToString() const;
};

// The program by the reference executor, with the session's states.
absl::StatusOr<ReferenceResult> RunReferenceLike(const Session& session,
                                                 const Program& program,
                                                 std::span<const Feed> feeds,
                                                 uint64_t seed);

// First the results as the program computes them, then every value on the way
// to them: in the graph's order, so that what is named comes before all that
// its difference reaches.
absl::StatusOr<CompareReport> CompareRuns(Session& session,
                                          const Program& program,
                                          std::span<const Feed> feeds,
                                          uint64_t seed,
                                          const CompareOptions& options);

}  // namespace evengrad::tools

#endif  // EVENGRAD_TOOLS_COMPARE_RUNS_H_
