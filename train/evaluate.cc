#include "evengrad/train/evaluate.h"

#include <algorithm>
#include <array>
#include <span>

#include "evengrad/graph/status.h"
#include "evengrad/train/batches.h"

namespace evengrad {
namespace {

template <typename T>
int64_t CountMatches(const T* logits, int64_t classes,
                     std::span<const int32_t> labels) {
  int64_t correct = 0;
  for (const int32_t label : labels) {
    if (std::max_element(logits, logits + classes) - logits == label) {
      ++correct;
    }
    logits += classes;
  }
  return correct;
}

}  // namespace

absl::StatusOr<int64_t> CountCorrect(const Tensor& logits,
                                     const Tensor& labels) {
  EVENGRAD_ASSIGN_OR_RETURN(const std::span<const int32_t> expected,
                            labels.values<int32_t>());
  if (logits.rank() != 2 || labels.rank() != 1 ||
      logits.sizes()[0] != labels.sizes()[0] || logits.sizes()[1] == 0) {
    return InvalidArgument("logits of type ", logits.ToString(),
                           " do not fit labels of type ", labels.ToString());
  }
  const int64_t classes = logits.sizes()[1];
  if (logits.dtype() == DType::kF64) {
    return CountMatches(static_cast<const double*>(logits.data()), classes,
                        expected);
  }
  EVENGRAD_ASSIGN_OR_RETURN(const std::span<const float> values,
                            logits.values<float>());
  return CountMatches(values.data(), classes, expected);
}

absl::StatusOr<Evaluation> Evaluate(Session& session,
                                    const Classifier& classifier,
                                    const DataSet& data,
                                    const EvaluateOptions& options) {
  EVENGRAD_ASSIGN_OR_RETURN(
      Batches batches,
      Batches::Create(data, {.size = options.batch_size, .shuffle = false}));
  const std::array<Value, 2> fetched = {classifier.loss, classifier.logits};
  std::array<Feed, 2> feeds = {Feed{.value = classifier.inputs},
                               Feed{.value = classifier.labels}};
  Evaluation total;
  int64_t correct = 0;
  while (const Batch* batch = batches.Next()) {
    feeds[0].tensor = batch->inputs;
    feeds[1].tensor = batch->labels;
    EVENGRAD_ASSIGN_OR_RETURN(const RunResult result,
                              session.Run(fetched, feeds));
    EVENGRAD_ASSIGN_OR_RETURN(const double loss,
                              result.Scalar(classifier.loss));
    EVENGRAD_ASSIGN_OR_RETURN(const int64_t matches,
                              CountCorrect(result.values()[1], batch->labels));
    total.loss += loss * static_cast<double>(batch->size());
    total.examples += batch->size();
    correct += matches;
  }
  total.loss /= static_cast<double>(total.examples);
  total.accuracy =
      static_cast<double>(correct) / static_cast<double>(total.examples);
  return total;
}

}  // namespace evengrad
