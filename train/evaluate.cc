#include "evengrad/train/evaluate.h"

#include <limits>
#include <vector>

#include "evengrad/graph/status.h"
#include "evengrad/train/batches.h"

namespace evengrad {
namespace {

absl::Status CheckOptions(const Classifier& classifier,
                          const EvaluateOptions& options) {
  if (options.top_k < 0) {
    return InvalidArgument("Evaluate: top ", options.top_k,
                           ", expected at least 1, or 0 for none");
  }
  if (classifier.logits.valid() || (options.top_k == 0 && !options.confusion)) {
    return absl::OkStatus();
  }
  return InvalidArgument(
      "Evaluate: without logits there are no top classes and no confusion");
}

// Counts what `options` ask for in one batch.
absl::Status AddMetrics(const Tensor& logits, const Tensor& labels,
                        const EvaluateOptions& options, int64_t& in_top,
                        Evaluation& total) {
  if (options.top_k > 0) {
    EVENGRAD_ASSIGN_OR_RETURN(const int64_t found,
                              CountInTopK(logits, labels, options.top_k));
    in_top += found;
  }
  if (!options.confusion) return absl::OkStatus();
  if (!total.confusion.has_value()) {
    total.confusion.emplace(logits.rank() == 2 ? logits.sizes()[1] : 0);
  }
  return total.confusion->Add(logits, labels);
}

}  // namespace

std::vector<Feed> FeedsOf(const Classifier& classifier) {
  std::vector<Feed> feeds = {{.value = classifier.inputs}};
  if (classifier.labels.valid()) feeds.push_back({.value = classifier.labels});
  return feeds;
}

void FeedBatch(const Batch& batch, std::vector<Feed>& feeds) {
  feeds[0].tensor = batch.inputs;
  if (feeds.size() > 1) feeds[1].tensor = batch.labels;
}

absl::StatusOr<Evaluation> Evaluate(Session& session,
                                    const Classifier& classifier,
                                    const DataSet& data,
                                    const EvaluateOptions& options) {
  EVENGRAD_ASSIGN_OR_RETURN(
      Batches batches,
      Batches::Create(data, {.size = options.batch_size, .shuffle = false}));
  EVENGRAD_RETURN_IF_ERROR(CheckOptions(classifier, options));
  const bool has_logits = classifier.logits.valid();
  std::vector<Value> fetched = {classifier.loss};
  if (has_logits) fetched.push_back(classifier.logits);
  std::vector<Feed> feeds = FeedsOf(classifier);
  Evaluation total;
  int64_t correct = 0, in_top = 0;
  while (const Batch* batch = batches.Next()) {
    if (options.interrupt != nullptr && options.interrupt->load()) {
      return absl::CancelledError("the evaluation was interrupted");
    }
    FeedBatch(*batch, feeds);
    EVENGRAD_ASSIGN_OR_RETURN(const RunResult result,
                              session.Run(fetched, feeds));
    EVENGRAD_ASSIGN_OR_RETURN(const double loss,
                              result.Scalar(classifier.loss));
    total.loss += loss * static_cast<double>(batch->size());
    total.examples += batch->size();
    if (!has_logits) continue;
    EVENGRAD_ASSIGN_OR_RETURN(const int64_t matches,
                              CountCorrect(result.values()[1], batch->labels));
    correct += matches;
    EVENGRAD_RETURN_IF_ERROR(
        AddMetrics(result.values()[1], batch->labels, options, in_top, total));
  }
  total.loss /= static_cast<double>(total.examples);
  total.accuracy = has_logits ? static_cast<double>(correct) /
                                    static_cast<double>(total.examples)
                              : std::numeric_limits<double>::quiet_NaN();
  if (options.top_k > 0) {
    total.top_k_accuracy =
        static_cast<double>(in_top) / static_cast<double>(total.examples);
  }
  return total;
}

}  // namespace evengrad
