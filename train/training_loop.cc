#include "evengrad/train/training_loop.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "evengrad/graph/status.h"
#include "evengrad/graph/user_code.h"
#include "evengrad/train/batches.h"
#include "evengrad/train/fit_checkpoints.h"
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

// Accuracies are NaN without logits, and never better than another.
absl::Status CheckMonitor(const Classifier& classifier, Monitor monitor,
                          std::string_view who) {
  if (monitor != Monitor::kAccuracy || classifier.logits.valid()) {
    return absl::OkStatus();
  }
  return InvalidArgument("Fit: ", who,
                         " watches the accuracy, and the model has no logits "
                         "to take it from; set Classifier::logits, or watch "
                         "Monitor::kLoss");
}

absl::Status CheckOptions(const Classifier& classifier,
                          const FitOptions& options) {
  if (options.epochs < 1) {
    return InvalidArgument("Fit: ", options.epochs,
                           " epochs, expected at least 1");
  }
  if (options.early_stopping.has_value()) {
    EVENGRAD_RETURN_IF_ERROR(CheckEarlyStopping(*options.early_stopping));
    EVENGRAD_RETURN_IF_ERROR(CheckMonitor(
        classifier, options.early_stopping->monitor, "early stopping"));
    if (options.early_stopping->restore_best &&
        !options.checkpoints.directory.empty()) {
      return InvalidArgument(
          "Fit: early stopping restores the parameters of the best epoch, "
          "which checkpoints do not hold; leave out one of them, or set "
          "EarlyStopping::restore_best to false");
    }
  }
  if (options.plateau.has_value()) {
    EVENGRAD_RETURN_IF_ERROR(CheckReduceOnPlateau(*options.plateau));
    EVENGRAD_RETURN_IF_ERROR(
        CheckMonitor(classifier, options.plateau->monitor, "a plateau"));
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
               Batches batches, FitCheckpoints checkpoints)
      : session_(session),
        training_(training),
        classifier_(classifier),
        options_(options),
        batches_(std::move(batches)),
        checkpoints_(std::move(checkpoints)),
        feeds_(FeedsOf(classifier)),
        counter_(options.early_stopping.value_or(EarlyStopping{}).monitor,
                 options.early_stopping.value_or(EarlyStopping{}).min_delta) {}

  absl::StatusOr<FitResult> Run(const TrainingPlan& plan) {
    EVENGRAD_ASSIGN_OR_RETURN(loss_index_,
                              FetchIndex(training_, classifier_.loss, "loss"));
    if (classifier_.logits.valid()) {
      EVENGRAD_ASSIGN_OR_RETURN(
          logits_index_, FetchIndex(training_, classifier_.logits, "logits"));
    }
    // Before a checkpoint is read: schedules multiply what the program starts
    // with.
    EVENGRAD_ASSIGN_OR_RETURN(
        drivers_, StateDrivers::Create(session_, training_, options_,
                                       batches_.per_epoch()));
    EVENGRAD_RETURN_IF_ERROR(Start(plan));
    while (position_.epoch <= options_.epochs && !result_.stopped_early) {
      const auto start = std::chrono::steady_clock::now();
      EVENGRAD_ASSIGN_OR_RETURN(EpochReport report, RunEpoch());
      if (result_.interrupted) break;
      if (options_.validation.has_value()) {
        absl::StatusOr<Evaluation> validation =
            Evaluate(session_, classifier_, *options_.validation,
                     {.interrupt = options_.interrupt});
        // The position is that behind the epoch's last step: who goes on from
        // there validates.
        result_.interrupted =
            absl::IsCancelled(validation.status()) && IsInterrupted();
        if (result_.interrupted) break;
        EVENGRAD_RETURN_IF_ERROR(validation.status());
        report.validation = *std::move(validation);
        drivers_.EndEpoch(*report.validation);
        EVENGRAD_RETURN_IF_ERROR(Watch(report));
      }
      report.seconds = SecondsSince(start);
      result_.epochs.push_back(report);
      if (options_.on_epoch) {
        EVENGRAD_RETURN_IF_ERROR(
            CallUser("on_epoch", [&] { return options_.on_epoch(report); }));
      }
      position_ = {.epoch = report.epoch + 1,
                   .steps = position_.steps,
                   .plan = std::move(position_.plan)};
      EVENGRAD_RETURN_IF_ERROR(
          checkpoints_.AfterEpoch(position_, result_.epochs));
      result_.interrupted = IsInterrupted() && !result_.stopped_early &&
                            position_.epoch <= options_.epochs;
      if (result_.interrupted) break;
    }
    EVENGRAD_RETURN_IF_ERROR(checkpoints_.AtEnd(position_, result_.epochs));
    EVENGRAD_RETURN_IF_ERROR(best_.Restore(session_));
    result_.steps = position_.steps;
    result_.checkpoint = checkpoints_.newest();
    return std::move(result_);
  }

 private:
  bool IsInterrupted() const {
    return options_.interrupt != nullptr && options_.interrupt->load();
  }

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

  // Takes the place of a checkpoint, where the run goes on from one.
  absl::Status Start(const TrainingPlan& plan) {
    EVENGRAD_ASSIGN_OR_RETURN(position_,
                              checkpoints_.Start(plan, result_.epochs));
    result_.steps = position_.steps;
    // What plateaus and early stopping had seen.
    for (const EpochReport& report : result_.epochs) {
      if (!report.validation.has_value()) continue;
      drivers_.EndEpoch(*report.validation);
      EVENGRAD_RETURN_IF_ERROR(Watch(report));
    }
    if (!checkpoints_.resumed() || !options_.on_resume) return absl::OkStatus();
    return CallUser("on_resume", [&] { return options_.on_resume(result_); });
  }

  // The batches of the epoch that are left, or those until the interruption.
  absl::StatusOr<EpochReport> RunEpoch() {
    TrainingPosition& at = position_;
    StepReport so_far = {.epoch = at.epoch, .steps = batches_.per_epoch()};
    auto update = [&] {
      // Of no example, if all steps were skipped: NaN.
      const auto counted = static_cast<double>(at.examples);
      so_far.step = at.batch;
      so_far.loss = at.loss_sum / counted;
      so_far.accuracy = classifier_.logits.valid()
                            ? static_cast<double>(at.correct) / counted
                            : std::numeric_limits<double>::quiet_NaN();
    };
    batches_.StartEpoch(at.epoch, at.batch);
    while (const Batch* batch = batches_.Next()) {
      EVENGRAD_ASSIGN_OR_RETURN(const Evaluation step,
                                RunStep(*batch, at.correct));
      at.loss_sum += step.loss * static_cast<double>(step.examples);
      at.examples += step.examples;
      ++at.batch;
      ++at.steps;
      update();
      if (options_.on_step) {
        EVENGRAD_RETURN_IF_ERROR(
            CallUser("on_step", [&] { options_.on_step(so_far); }));
      }
      EVENGRAD_RETURN_IF_ERROR(checkpoints_.AfterStep(at, result_.epochs));
      result_.interrupted = IsInterrupted();
      if (result_.interrupted) break;
    }
    update();
    return EpochReport{.epoch = at.epoch,
                       .train_loss = so_far.loss,
                       .train_accuracy = so_far.accuracy,
                       .learning_rate = drivers_.ValueOf("learning_rate")};
  }

  // One step; adds the examples it got right to `correct`.
  absl::StatusOr<Evaluation> RunStep(const Batch& batch, int64_t& correct) {
    FeedBatch(batch, feeds_);
    EVENGRAD_RETURN_IF_ERROR(drivers_.StartStep(position_.steps));
    EVENGRAD_ASSIGN_OR_RETURN(const RunResult result,
                              session_.Run(training_, feeds_));
    const Tensor& loss = result.values()[loss_index_];
    const double value = LoadAsDouble(loss.dtype(), loss.data(), 0);
    // Under kError the session has refused such a step.
    if (!std::isfinite(value) &&
        training_.non_finite.policy == NonFinitePolicy::kSkipStep) {
      return Evaluation{};  // no part of the means
    }
    if (logits_index_.has_value()) {
      EVENGRAD_ASSIGN_OR_RETURN(
          const int64_t matches,
          CountCorrect(result.values()[*logits_index_], batch.labels));
      correct += matches;
    }
    return Evaluation{.loss = value, .examples = batch.size()};
  }

  Session& session_;
  const Program& training_;
  const Classifier& classifier_;
  const FitOptions& options_;
  Batches batches_;
  FitCheckpoints checkpoints_;
  TrainingPosition position_;
  std::vector<Feed> feeds_;
  StateDrivers drivers_;
  PlateauCounter counter_;
  StateCopies best_;
  size_t loss_index_ = 0;
  std::optional<size_t> logits_index_;
  FitResult result_;
};

}  // namespace

absl::StatusOr<FitResult> Fit(Session& session, const Program& training,
                              const Classifier& classifier, const DataSet& data,
                              const FitOptions& options) {
  EVENGRAD_RETURN_IF_ERROR(CheckOptions(classifier, options));
  EVENGRAD_ASSIGN_OR_RETURN(Batches batches,
                            Batches::Create(data, {.size = options.batch_size,
                                                   .shuffle = options.shuffle,
                                                   .seed = options.seed}));
  EVENGRAD_ASSIGN_OR_RETURN(
      FitCheckpoints checkpoints,
      FitCheckpoints::Open(options.checkpoints, session, training));
  return TrainingLoop(session, training, classifier, options,
                      std::move(batches), std::move(checkpoints))
      .Run({.batch_size = options.batch_size,
            .shuffle = options.shuffle,
            .seed = options.seed,
            .data_size = data.size(),
            .run = options.checkpoints.run});
}

}  // namespace evengrad
