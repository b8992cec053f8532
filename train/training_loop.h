// The loop around a training program: epochs, batches, and what they came to.
//
//   absl::StatusOr<FitResult> result =
//       Fit(session, *training, classifier, split.training,
//           {.epochs = 10, .validation = split.validation});
#ifndef EVENGRAD_TRAIN_TRAINING_LOOP_H_
#define EVENGRAD_TRAIN_TRAINING_LOOP_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "evengrad/graph/export.h"
#include "evengrad/runtime/program.h"
#include "evengrad/runtime/session.h"
#include "evengrad/train/checkpoint_directory.h"
#include "evengrad/train/data_set.h"
#include "evengrad/train/early_stopping.h"
#include "evengrad/train/evaluate.h"
#include "evengrad/train/schedules.h"

namespace evengrad {

// Where an epoch is after a step. Loss and accuracy are means over the epoch's
// examples so far, each measured while the network was being trained; a step
// whose loss is not finite has no part in them when the program skips it.
struct StepReport {
  int64_t epoch = 0;  // 1 for the first
  int64_t step = 0;   // of the epoch, 1 for the first
  int64_t steps = 0;  // of an epoch
  double loss = 0;
  double accuracy = 0;
};

struct EpochReport {
  int64_t epoch = 0;
  double train_loss = 0;
  double train_accuracy = 0;
  std::optional<Evaluation> validation = {};
  // Of the last step, where a schedule or a plateau drives "learning_rate".
  std::optional<double> learning_rate = {};
  // Of the epoch, with its validation; unknown of one before the checkpoint
  // from which a run goes on.
  std::optional<double> seconds = {};
};

struct FitResult;

struct FitOptions {
  int64_t epochs = 1;
  int64_t batch_size = 32;
  bool shuffle = true;
  uint64_t seed = 0;  // of the order of the examples
  std::optional<DataSet> validation = {};
  // States that are written before each step, each by one schedule at most.
  // Their time starts at 0 with the first step of this call.
  std::vector<ScheduledState> schedules = {};
  // Both watch `validation`, which must be given.
  std::optional<ReduceOnPlateau> plateau = {};
  std::optional<EarlyStopping> early_stopping = {};
  // Called after every step and every epoch. An error of on_epoch stops the
  // training with its message.
  std::function<void(const StepReport&)> on_step = {};
  std::function<absl::Status(const EpochReport&)> on_epoch = {};
  // When it becomes true, the training ends after the step under way.
  const std::atomic<bool>* interrupt = nullptr;
  // Where and how often the run is saved, and whether it goes on. A run that
  // was cut anywhere and goes on gives the same losses and states, bit for bit,
  // as one that was not cut.
  CheckpointOptions checkpoints = {};
  // Called once when the run goes on from a checkpoint, with what had been done
  // by then. An error stops the training with its message.
  std::function<absl::Status(const FitResult& so_far)> on_resume = {};
};

struct FitResult {
  // Those that were completed, before a checkpoint that was resumed too.
  std::vector<EpochReport> epochs = {};
  std::string checkpoint = {};  // path of the last one saved, if any
  bool interrupted = false;
  bool stopped_early = false;
  // The epoch that early stopping found best; 0 where it did not look.
  int64_t best_epoch = 0;
  int64_t steps = 0;
};

// Trains. `training` must fetch "loss" and classifier.logits, where there are
// logits, and be a program of the classifier's graph. Errors: an epoch count
// below 1, a fetch that is missing, a schedule's mistake or value that is not
// finite, a driven state that the program does not have, a validation that is
// watched and not given, an accuracy that is watched without logits,
// checkpoints beside an early stopping that restores the best epoch (they do
// not hold its parameters), those of checkpoints and of the runs: under
// NonFinitePolicy::kError a loss or a gradient that is not finite.
EVENGRAD_EXPORT absl::StatusOr<FitResult> Fit(Session& session,
                                              const Program& training,
                                              const Classifier& classifier,
                                              const DataSet& data,
                                              const FitOptions& options = {});

}  // namespace evengrad

#endif  // EVENGRAD_TRAIN_TRAINING_LOOP_H_
