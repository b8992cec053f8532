// Figures of a classifier beyond its loss.
#ifndef EVENGRAD_TRAIN_METRICS_H_
#define EVENGRAD_TRAIN_METRICS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "evengrad/graph/export.h"
#include "evengrad/graph/tensor.h"

namespace evengrad {

// Of `logits` (f32 or f64 [n, classes]) and `labels` (i32 [n]); an error where
// the types differ from that.

// The number of rows whose first largest element is at the place of the label.
EVENGRAD_EXPORT absl::StatusOr<int64_t> CountCorrect(const Tensor& logits,
                                                     const Tensor& labels);

// The number of rows with the label among the `k` largest elements; of equal
// elements the first counts as larger, so that k = 1 is CountCorrect. A label
// whose logit is NaN, or that is no class, is not among them. Error: k < 1.
EVENGRAD_EXPORT absl::StatusOr<int64_t> CountInTopK(const Tensor& logits,
                                                    const Tensor& labels,
                                                    int64_t k);

// How often each class was taken for each.
class EVENGRAD_EXPORT ConfusionMatrix {
 public:
  ConfusionMatrix() = default;  // of no class
  explicit ConfusionMatrix(int64_t classes)
      : classes_(classes), counts_(classes * classes, 0) {}

  // Counts every row. Error: another number of classes, a label out of range.
  absl::Status Add(const Tensor& logits, const Tensor& labels);

  int64_t classes() const { return classes_; }
  // Examples of class `label` that were taken for `predicted`. Both are in
  // [0, classes()).
  int64_t count(int64_t label, int64_t predicted) const {
    return counts_[label * classes_ + predicted];
  }
  int64_t examples() const;
  // The share on the diagonal. NaN without examples.
  double Accuracy() const;
  // The share of right answers among the examples of the class, and among those
  // taken for it. NaN where there are none.
  double Recall(int64_t label) const;
  double Precision(int64_t predicted) const;
  // A table: a row a label, a column a predicted class, and recalls.
  std::string ToString() const;

 private:
  int64_t classes_ = 0;
  std::vector<int64_t> counts_;  // [label, predicted]
};

}  // namespace evengrad

#endif  // EVENGRAD_TRAIN_METRICS_H_
