// How good a classifier is on a data set.
#ifndef EVENGRAD_TRAIN_EVALUATE_H_
#define EVENGRAD_TRAIN_EVALUATE_H_

#include <atomic>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "evengrad/graph/export.h"
#include "evengrad/graph/graph.h"
#include "evengrad/runtime/session.h"
#include "evengrad/train/batches.h"
#include "evengrad/train/data_set.h"
#include "evengrad/train/metrics.h"

namespace evengrad {

// The values of a classifier in its graph; or of a model without classes, such
// as an autoencoder, which has no logits and, where its loss reads none, no
// labels.
struct Classifier {
  Value inputs = {};  // placeholder f32 [batch, …]
  Value labels = {};  // placeholder i32 [batch]; invalid: not fed
  Value logits = {};  // f32 [batch, classes]; invalid: accuracies are NaN
  Value loss = {};    // scalar: a mean over the batch
};

struct Evaluation {
  double loss = 0;      // mean over the examples
  double accuracy = 0;  // share of examples whose largest logit is the label's
  int64_t examples = 0;
  // Where EvaluateOptions asks for them.
  std::optional<double> top_k_accuracy = {};  // share with the label in the top
  std::optional<ConfusionMatrix> confusion = {};
};

struct EvaluateOptions {
  int64_t batch_size = 500;
  int64_t top_k = 0;  // 0: not asked for
  bool confusion = false;
  // When it becomes true, the call ends after a batch with a CANCELLED error.
  const std::atomic<bool>* interrupt = nullptr;
};

// The feeds of a run of the classifier, and a batch put into them.
EVENGRAD_EXPORT std::vector<Feed> FeedsOf(const Classifier& classifier);
EVENGRAD_EXPORT void FeedBatch(const Batch& batch, std::vector<Feed>& feeds);

// Runs the classifier in inference mode over all of `data`, which must not be
// empty. Errors: top_k is negative; top_k or confusion without logits;
// CANCELLED.
EVENGRAD_EXPORT absl::StatusOr<Evaluation> Evaluate(
    Session& session, const Classifier& classifier, const DataSet& data,
    const EvaluateOptions& options = {});

}  // namespace evengrad

#endif  // EVENGRAD_TRAIN_EVALUATE_H_
