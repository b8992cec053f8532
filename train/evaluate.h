// How good a classifier is on a data set.
#ifndef EVENGRAD_TRAIN_EVALUATE_H_
#define EVENGRAD_TRAIN_EVALUATE_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "evengrad/graph/export.h"
#include "evengrad/graph/graph.h"
#include "evengrad/graph/tensor.h"
#include "evengrad/runtime/session.h"
#include "evengrad/train/data_set.h"

namespace evengrad {

// The values of a classifier in its graph.
struct Classifier {
  Value inputs = {};  // placeholder f32 [batch, …]
  Value labels = {};  // placeholder i32 [batch]
  Value logits = {};  // f32 [batch, classes]
  Value loss = {};    // scalar: a mean over the batch
};

struct Evaluation {
  double loss = 0;      // mean over the examples
  double accuracy = 0;  // share of examples whose largest logit is the label's
  int64_t examples = 0;
};

struct EvaluateOptions {
  int64_t batch_size = 500;
};

// Runs the classifier in inference mode over all of `data`, which must not be
// empty.
EVENGRAD_EXPORT absl::StatusOr<Evaluation> Evaluate(
    Session& session, const Classifier& classifier, const DataSet& data,
    const EvaluateOptions& options = {});

// The number of rows of `logits` (f32 or f64 [n, classes]) whose first largest
// element is at the place of the label (i32 [n]). Error: other types.
EVENGRAD_EXPORT absl::StatusOr<int64_t> CountCorrect(const Tensor& logits,
                                                     const Tensor& labels);

}  // namespace evengrad

#endif  // EVENGRAD_TRAIN_EVALUATE_H_
