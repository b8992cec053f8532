// The network that `evengrad train` trains: one that its flags describe, or one
// from a file.
#ifndef EVENGRAD_TOOLS_TRAIN_MODEL_H_
#define EVENGRAD_TOOLS_TRAIN_MODEL_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "evengrad/evengrad.h"
#include "train_options.h"

namespace evengrad::tools {

// Builds it in `graph`, whose status says what is wrong with it.
Classifier BuildClassifier(Graph& graph, int64_t features, int64_t classes,
                           const TrainOptions& options);

// A model that was read from a file, ready to be trained.
struct LoadedClassifier {
  Classifier classifier;
  std::vector<int64_t> example_sizes;  // of one of the images
};

// The file's model: inputs "images", f32 with numbers for all sizes but the
// first, and "labels", i32 or i64; the result or node "loss", a floating
// scalar, and, where there is one, "logits". Error: one of them is missing or
// of another type.
absl::StatusOr<LoadedClassifier> LoadClassifier(const std::string& path);

// The elements of all parameters. Errors: the graph's own, more than a billion.
absl::StatusOr<int64_t> CountParameters(const Graph& graph);

}  // namespace evengrad::tools

#endif  // EVENGRAD_TOOLS_TRAIN_MODEL_H_
