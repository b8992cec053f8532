#include "evengrad/train/training_loop.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <utility>

#include "evengrad/graph/status.h"
#include "evengrad/train/batches.h"

namespace evengrad {
namespace {

double SecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
      .count();
}

// The place of `value` among the fetches of `program`.
absl::StatusOr<size_t> FetchIndex(const Program& program, const Value& value,
                                  std::string_view name) {
  EVENGRAD_ASSIGN_OR_RETURN(const Value own, program.graph.Resolve(value));
  for (size_t i = 0; i < program.fetches.size(); ++i) {
    if (program.fetches[i].value == own) return i;
  }
  return InvalidArgument("Fit: the training program does not fetch the ", name,
                         " ('", own.name(),
                         "'); add it to MinimizeOptions::fetches");
}

class TrainingLoop {
 public:
  TrainingLoop(Session& session, const Program& training,
               const Classifier& classifier, const FitOptions& options,
               Batches batches)
      : session_(session),
        training_(training),
        classifier_(classifier),
        options_(options),
        batches_(std::move(batches)),
        feeds_{Feed{.value = classifier.inputs},
               Feed{.value = classifier.labels}} {}

  absl::StatusOr<FitResult> Run() {
    EVENGRAD_ASSIGN_OR_RETURN(loss_index_,
                              FetchIndex(training_, classifier_.loss, "loss"));
    EVENGRAD_ASSIGN_OR_RETURN(
        logits_index_, FetchIndex(training_, classifier_.logits, "logits"));
    for (int64_t epoch = 1; epoch <= options_.epochs; ++epoch) {
      const auto start = std::chrono::steady_clock::now();
      EVENGRAD_ASSIGN_OR_RETURN(EpochReport report, RunEpoch(epoch));
      if (result_.interrupted) break;
      if (options_.validation.has_value()) {
        EVENGRAD_ASSIGN_OR_RETURN(
            report.validation,
            Evaluate(session_, classifier_, *options_.validation));
      }
      report.seconds = SecondsSince(start);
      result_.epochs.push_back(report);
      if (options_.on_epoch) {
        EVENGRAD_RETURN_IF_ERROR(options_.on_epoch(report));
      }
    }
    return std::move(result_);
  }

 private:
  // All batches of an epoch, or those until the interruption.
  absl::StatusOr<EpochReport> RunEpoch(int64_t epoch) {
    StepReport so_far = {.epoch = epoch, .steps = batches_.per_epoch()};
    double loss_sum = 0;
    int64_t correct = 0, examples = 0;
    batches_.StartEpoch(epoch);
    while (const Batch* batch = batches_.Next()) {
      ++so_far.step;
      EVENGRAD_ASSIGN_OR_RETURN(const Evaluation step,
                                RunStep(*batch, correct));
      loss_sum += step.loss * static_cast<double>(step.examples);
      examples += step.examples;
      const auto counted = static_cast<double>(std::max<int64_t>(examples, 1));
      so_far.loss = loss_sum / counted;
      so_far.accuracy = static_cast<double>(correct) / counted;
      if (options_.on_step) options_.on_step(so_far);
      if (options_.interrupt != nullptr && options_.interrupt->load()) {
        result_.interrupted = true;
        break;
      }
    }
    return EpochReport{.epoch = epoch,
                       .train_loss = so_far.loss,
                       .train_accuracy = so_far.accuracy};
  }

  // One step; adds the examples it got right to `correct`.
  absl::StatusOr<Evaluation> RunStep(const Batch& batch, int64_t& correct) {
    feeds_[0].tensor = batch.inputs;
    feeds_[1].tensor = batch.labels;
    EVENGRAD_ASSIGN_OR_RETURN(const RunResult result,
                              session_.Run(training_, feeds_));
    ++result_.steps;
    const Tensor& loss = result.values()[loss_index_];
    const double value = LoadAsDouble(loss.dtype(), loss.data(), 0);
    // Under kError the session has refused such a step.
    if (!std::isfinite(value) &&
        training_.non_finite.policy == NonFinitePolicy::kSkipStep) {
      return Evaluation{};  // no part of the means
    }
    EVENGRAD_ASSIGN_OR_RETURN(
        const int64_t matches,
        CountCorrect(result.values()[logits_index_], batch.labels));
    correct += matches;
    return Evaluation{.loss = value, .examples = batch.size()};
  }

  Session& session_;
  const Program& training_;
  const Classifier& classifier_;
  const FitOptions& options_;
  Batches batches_;
  std::array<Feed, 2> feeds_;
  size_t loss_index_ = 0;
  size_t logits_index_ = 0;
  FitResult result_;
};

}  // namespace

absl::StatusOr<FitResult> Fit(Session& session, const Program& training,
                              const Classifier& classifier, const DataSet& data,
                              const FitOptions& options) {
  if (options.epochs < 1) {
    return InvalidArgument("Fit: ", options.epochs,
                           " epochs, expected at least 1");
  }
  EVENGRAD_ASSIGN_OR_RETURN(Batches batches,
                            Batches::Create(data, {.size = options.batch_size,
                                                   .shuffle = options.shuffle,
                                                   .seed = options.seed}));
  return TrainingLoop(session, training, classifier, options,
                      std::move(batches))
      .Run();
}

}  // namespace evengrad
