#include "evengrad/train/training_loop.h"

#include <array>
#include <chrono>
#include <cmath>
#include <utility>

#include "evengrad/graph/status.h"
#include "evengrad/train/batches.h"
#include "evengrad/train/state_drivers.h"

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

absl::Status CheckOptions(const FitOptions& options) {
  if (options.epochs < 1) {
    return InvalidArgument("Fit: ", options.epochs,
                           " epochs, expected at least 1");
  }
  if (options.early_stopping.has_value()) {
    EVENGRAD_RETURN_IF_ERROR(CheckEarlyStopping(*options.early_stopping));
  }
  if (options.plateau.has_value()) {
    EVENGRAD_RETURN_IF_ERROR(CheckReduceOnPlateau(*options.plateau));
  }
  if (options.validation.has_value()) return absl::OkStatus();
  if (options.early_stopping.has_value() || options.plateau.has_value()) {
    return InvalidArgument(
        "Fit: ", options.plateau.has_value() ? "a plateau" : "early stopping",
        " watches the validation; give FitOptions::validation");
  }
  return absl::OkStatus();
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
               Feed{.value = classifier.labels}},
        counter_(options.early_stopping.value_or(EarlyStopping{}).monitor,
                 options.early_stopping.value_or(EarlyStopping{}).min_delta) {}

  absl::StatusOr<FitResult> Run() {
    EVENGRAD_ASSIGN_OR_RETURN(loss_index_,
                              FetchIndex(training_, classifier_.loss, "loss"));
    EVENGRAD_ASSIGN_OR_RETURN(
        logits_index_, FetchIndex(training_, classifier_.logits, "logits"));
    EVENGRAD_ASSIGN_OR_RETURN(
        drivers_, StateDrivers::Create(session_, training_, options_,
                                       batches_.per_epoch()));
    for (int64_t epoch = 1; epoch <= options_.epochs; ++epoch) {
      const auto start = std::chrono::steady_clock::now();
      EVENGRAD_ASSIGN_OR_RETURN(EpochReport report, RunEpoch(epoch));
      if (result_.interrupted) break;
      if (options_.validation.has_value()) {
        EVENGRAD_ASSIGN_OR_RETURN(
            report.validation,
            Evaluate(session_, classifier_, *options_.validation));
        drivers_.EndEpoch(*report.validation);
        EVENGRAD_RETURN_IF_ERROR(Watch(report));
      }
      report.seconds = SecondsSince(start);
      result_.epochs.push_back(report);
      if (options_.on_epoch) {
        EVENGRAD_RETURN_IF_ERROR(options_.on_epoch(report));
      }
      if (result_.stopped_early) break;
    }
    EVENGRAD_RETURN_IF_ERROR(best_.Restore(session_));
    return std::move(result_);
  }

 private:
  // Early stopping: keeps the states of the best epoch, says when to end.
  absl::Status Watch(const EpochReport& report) {
    if (!options_.early_stopping.has_value()) return absl::OkStatus();
    const EarlyStopping& stopping = *options_.early_stopping;
    if (counter_.Improved(*report.validation)) {
      result_.best_epoch = report.epoch;
      if (stopping.restore_best) {
        EVENGRAD_RETURN_IF_ERROR(
            best_.Take(session_, *Graph::Of(classifier_.loss)));
      }
    }
    result_.stopped_early = counter_.epochs_without() >= stopping.patience;
    return absl::OkStatus();
  }

  // All batches of an epoch, or those until the interruption.
  absl::StatusOr<EpochReport> RunEpoch(int64_t epoch) {
    StepReport so_far = {.epoch = epoch, .steps = batches_.per_epoch()};
    double loss_sum = 0;
    int64_t correct = 0, examples = 0;
    batches_.StartEpoch(epoch);
    while (const Batch* batch = batches_.Next()) {
      ++so_far.step;
      EVENGRAD_ASSIGN_OR_RETURN(const Evaluation step,
                                RunStep(*batch, so_far, correct));
      loss_sum += step.loss * static_cast<double>(step.examples);
      examples += step.examples;
      so_far.loss = loss_sum / static_cast<double>(examples);
      so_far.accuracy =
          static_cast<double>(correct) / static_cast<double>(examples);
      if (options_.on_step) options_.on_step(so_far);
      if (options_.interrupt != nullptr && options_.interrupt->load()) {
        result_.interrupted = true;
        break;
      }
    }
    return EpochReport{.epoch = epoch,
                       .train_loss = so_far.loss,
                       .train_accuracy = so_far.accuracy,
                       .learning_rate = drivers_.ValueOf("learning_rate")};
  }

  // One step; adds the examples it got right to `correct`.
  absl::StatusOr<Evaluation> RunStep(const Batch& batch, const StepReport& at,
                                     int64_t& correct) {
    feeds_[0].tensor = batch.inputs;
    feeds_[1].tensor = batch.labels;
    EVENGRAD_RETURN_IF_ERROR(drivers_.StartStep(result_.steps));
    EVENGRAD_ASSIGN_OR_RETURN(const RunResult result,
                              session_.Run(training_, feeds_));
    ++result_.steps;
    const Tensor& loss = result.values()[loss_index_];
    const double value = LoadAsDouble(loss.dtype(), loss.data(), 0);
    if (!std::isfinite(value)) {
      return absl::OutOfRangeError(
          StrCat("the loss is ", value, " at step ", at.step, " of epoch ",
                 at.epoch, "; lower the learning rate or clip the gradients"));
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
  StateDrivers drivers_;
  PlateauCounter counter_;
  StateCopies best_;
  size_t loss_index_ = 0;
  size_t logits_index_ = 0;
  FitResult result_;
};

}  // namespace

absl::StatusOr<FitResult> Fit(Session& session, const Program& training,
                              const Classifier& classifier, const DataSet& data,
                              const FitOptions& options) {
  EVENGRAD_RETURN_IF_ERROR(CheckOptions(options));
  EVENGRAD_ASSIGN_OR_RETURN(Batches batches,
                            Batches::Create(data, {.size = options.batch_size,
                                                   .shuffle = options.shuffle,
                                                   .seed = options.seed}));
  return TrainingLoop(session, training, classifier, options,
                      std::move(batches))
      .Run();
}

}  // namespace evengrad
