// Losses, composed of ops: scalars to minimize, or losses one an example.
//
// They are what PyTorch's functions of similar names compute, reductions
// included. Mistakes (shapes that differ, options out of range) are kept as the
// graph's status; nothing broadcasts.
#ifndef EVENGRAD_OPS_LOSSES_H_
#define EVENGRAD_OPS_LOSSES_H_

#include <cstdint>
#include <optional>

#include "evengrad/graph/export.h"
#include "evengrad/graph/graph.h"
#include "evengrad/graph/source_location.h"

namespace evengrad {

enum class LossReduction : uint8_t {
  kMean,  // weighted, where there are class weights and labels
  kSum,
  kNone,  // the losses themselves
};

// ---- Classification ---------------------------------------------------------

struct SparseCrossEntropyOptions {
  LossReduction reduction = LossReduction::kMean;
  // The target is (1 - label_smoothing) at the label plus label_smoothing /
  // classes everywhere (Szegedy et al., 2016). In [0, 1].
  double label_smoothing = 0;
  // f[classes], of the logits' type: the loss of class c is multiplied by
  // element c. The mean divides by the sum of the labels' weights.
  Value class_weights = {};
  // Examples with this label count neither in the loss nor in the mean.
  std::optional<int64_t> ignore_index = {};
};

// -log softmax(logits)[label]: logits f[batch, classes], labels i32 or i64
// [batch] -> f[] or f[batch]. A label outside [0, classes) that is not ignored
// makes the loss NaN, and so does a mean of no examples.
EVENGRAD_EXPORT Value
SparseSoftmaxCrossEntropy(const Value& logits, const Value& labels,
                          const SparseCrossEntropyOptions& options = {},
                          SourceLocation location = Here());

struct CrossEntropyOptions {
  LossReduction reduction = LossReduction::kMean;
  double label_smoothing = 0;  // as above
  Value class_weights = {};    // the mean does not divide by them
};

// -sum over classes of target * log softmax(logits): logits and targets, which
// are probabilities, f[…, classes] -> f[] or f[…].
EVENGRAD_EXPORT Value SoftmaxCrossEntropy(
    const Value& logits, const Value& targets,
    const CrossEntropyOptions& options = {}, SourceLocation location = Here());

struct NegativeLogLikelihoodOptions {
  LossReduction reduction = LossReduction::kMean;
  Value class_weights = {};                  // as of SparseCrossEntropyOptions
  std::optional<int64_t> ignore_index = {};  // likewise
};

// -log_probabilities[label]: f[batch, classes], labels i32 or i64 [batch] ->
// f[] or f[batch]. Labels as above.
EVENGRAD_EXPORT Value
NegativeLogLikelihood(const Value& log_probabilities, const Value& labels,
                      const NegativeLogLikelihoodOptions& options = {},
                      SourceLocation location = Here());

struct SigmoidCrossEntropyOptions {
  LossReduction reduction = LossReduction::kMean;
  double positive_weight = 1;  // of the targets' share: finite, not negative
};

// -(w * t * log sigmoid(x) + (1 - t) * log(1 - sigmoid(x))), without overflow
// or cancellation: logits x and targets t in [0, 1], of one shape.
EVENGRAD_EXPORT Value
SigmoidCrossEntropy(const Value& logits, const Value& targets,
                    const SigmoidCrossEntropyOptions& options = {},
                    SourceLocation location = Here());

// The share of rows whose largest logit is at the label's place, as f32[].
EVENGRAD_EXPORT Value Accuracy(const Value& logits, const Value& labels,
                               SourceLocation location = Here());

// ---- Regression -------------------------------------------------------------

// With d = prediction - target, element by element; both of one shape.

// d^2.
EVENGRAD_EXPORT Value
MeanSquaredError(const Value& predictions, const Value& targets,
                 LossReduction reduction = LossReduction::kMean,
                 SourceLocation location = Here());
// |d|; its derivative at 0 is 0.
EVENGRAD_EXPORT Value
MeanAbsoluteError(const Value& predictions, const Value& targets,
                  LossReduction reduction = LossReduction::kMean,
                  SourceLocation location = Here());

struct HuberOptions {
  LossReduction reduction = LossReduction::kMean;
  double delta = 1;  // positive and finite
};
// d^2 / 2 where |d| <= delta, else delta * (|d| - delta / 2) (Huber, 1964).
EVENGRAD_EXPORT Value Huber(const Value& predictions, const Value& targets,
                            const HuberOptions& options = {},
                            SourceLocation location = Here());

}  // namespace evengrad

#endif  // EVENGRAD_OPS_LOSSES_H_
