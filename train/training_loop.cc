#include "evengrad/train/training_loop.h"

#include <array>
#include <chrono>
#include <cmath>
#include <utility>

#include "evengrad/graph/status.h"
#include "evengrad/train/batches.h"
#include "evengrad/train/fit_checkpoints.h"

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
               Batches batches, FitCheckpoints checkpoints)
      : session_(session),
        training_(training),
        classifier_(classifier),
        options_(options),
        batches_(std::move(batches)),
        checkpoints_(std::move(checkpoints)),
        feeds_{Feed{.value = classifier.inputs},
               Feed{.value = classifier.labels}} {}

  absl::StatusOr<FitResult> Run(const TrainingPlan& plan) {
    EVENGRAD_ASSIGN_OR_RETURN(loss_index_,
                              FetchIndex(training_, classifier_.loss, "loss"));
    EVENGRAD_ASSIGN_OR_RETURN(
        logits_index_, FetchIndex(training_, classifier_.logits, "logits"));
    EVENGRAD_RETURN_IF_ERROR(Start(plan));
    while (position_.epoch <= options_.epochs) {
      const auto start = std::chrono::steady_clock::now();
      EVENGRAD_ASSIGN_OR_RETURN(EpochReport report, RunEpoch());
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
      position_ = {.epoch = report.epoch + 1,
                   .steps = position_.steps,
                   .plan = std::move(position_.plan)};
      EVENGRAD_RETURN_IF_ERROR(
          checkpoints_.AfterEpoch(position_, result_.epochs));
    }
    EVENGRAD_RETURN_IF_ERROR(checkpoints_.AtEnd(position_, result_.epochs));
    result_.steps = position_.steps;
    result_.checkpoint = checkpoints_.newest();
    return std::move(result_);
  }

 private:
  // Takes the place of a checkpoint, where the run goes on from one.
  absl::Status Start(const TrainingPlan& plan) {
    EVENGRAD_ASSIGN_OR_RETURN(position_,
                              checkpoints_.Start(plan, result_.epochs));
    result_.steps = position_.steps;
    if (!checkpoints_.resumed() || !options_.on_resume) return absl::OkStatus();
    return options_.on_resume(result_);
  }

  // The batches of the epoch that are left, or those until the interruption.
  absl::StatusOr<EpochReport> RunEpoch() {
    TrainingPosition& at = position_;
    StepReport so_far = {.epoch = at.epoch, .steps = batches_.per_epoch()};
    auto update = [&] {
      so_far.step = at.batch;
      so_far.loss = at.loss_sum / static_cast<double>(at.examples);
      so_far.accuracy =
          static_cast<double>(at.correct) / static_cast<double>(at.examples);
    };
    batches_.StartEpoch(at.epoch, at.batch);
    while (const Batch* batch = batches_.Next()) {
      so_far.step = at.batch + 1;
      EVENGRAD_ASSIGN_OR_RETURN(const Evaluation step,
                                RunStep(*batch, so_far, at.correct));
      at.loss_sum += step.loss * static_cast<double>(step.examples);
      at.examples += step.examples;
      ++at.batch;
      ++at.steps;
      update();
      if (options_.on_step) options_.on_step(so_far);
      EVENGRAD_RETURN_IF_ERROR(checkpoints_.AfterStep(at, result_.epochs));
      if (options_.interrupt != nullptr && options_.interrupt->load()) {
        result_.interrupted = true;
        break;
      }
    }
    update();
    return EpochReport{.epoch = at.epoch,
                       .train_loss = so_far.loss,
                       .train_accuracy = so_far.accuracy};
  }

  // One step; adds the examples it got right to `correct`.
  absl::StatusOr<Evaluation> RunStep(const Batch& batch, const StepReport& at,
                                     int64_t& correct) {
    feeds_[0].tensor = batch.inputs;
    feeds_[1].tensor = batch.labels;
    EVENGRAD_ASSIGN_OR_RETURN(const RunResult result,
                              session_.Run(training_, feeds_));
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
  FitCheckpoints checkpoints_;
  TrainingPosition position_;
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
