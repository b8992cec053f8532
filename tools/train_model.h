// The network that `evengrad train` trains.
#ifndef EVENGRAD_TOOLS_TRAIN_MODEL_H_
#define EVENGRAD_TOOLS_TRAIN_MODEL_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "evengrad/evengrad.h"
#include "train_options.h"

namespace evengrad::tools {

// Builds it in `graph`, whose status says what is wrong with it.
Classifier BuildClassifier(Graph& graph, int64_t features, int64_t classes,
                           const TrainOptions& options);

// The elements of all parameters. Errors: the graph's own, more than a billion.
absl::StatusOr<int64_t> CountParameters(const Graph& graph);

}  // namespace evengrad::tools

#endif  // EVENGRAD_TOOLS_TRAIN_MODEL_H_
