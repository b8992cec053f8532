// Trains the cells of a comparison, several at once.
#ifndef EVENGRAD_TOOLS_COMPARE_RUN_H_
#define EVENGRAD_TOOLS_COMPARE_RUN_H_

#include <atomic>
#include <vector>

#include "absl/status/status.h"
#include "compare_grid.h"
#include "evengrad/evengrad.h"

namespace evengrad::tools {

// The runs of `cells` that stand in the folder. Error: one that shares other
// settings with its comparison, or is no run.
absl::StatusOr<std::vector<ComparedRun>> ReadRuns(
    const std::vector<CompareCell>& cells, const CompareFlags& flags);

// Trains the cells that the folder does not have, each on one thread, and puts
// each into the folder when it is done, so that what is interrupted goes on
// where it was. A training that ends with an error is a result too. Ends early
// when `interrupt` becomes true.
absl::Status TrainMissing(const std::vector<CompareCell>& cells,
                          const CompareFlags& flags,
                          const std::atomic<bool>& interrupt);

}  // namespace evengrad::tools

#endif  // EVENGRAD_TOOLS_COMPARE_RUN_H_
