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
#include "evengrad/train/evaluate.h"

namespace evengrad {

// Where an epoch is after a step. Loss and accuracy are means over the epoch's
// examples so far, each measured while the network was being trained.
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
  double seconds = 0;  // of the epoch, with its validation
};

struct FitResult;

struct FitOptions {
  int64_t epochs = 1;
  int64_t batch_size = 32;
  bool shuffle = true;
  uint64_t seed = 0;  // of the order of the examples
  std::optional<DataSet> validation = {};
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
  // Those that were completed, before a checkpoint that was resumed too (their
  // seconds are 0).
  std::vector<EpochReport> epochs = {};
  std::string checkpoint = {};  // path of the last one saved, if any
  bool interrupted = false;
  int64_t steps = 0;
};

// Trains. `training` must fetch "loss" and classifier.logits, and be a program
// of the classifier's graph. Errors: those of checkpoints, an epoch count below
// 1, a fetch that is missing, a loss that is no longer finite, those of the
// runs.
EVENGRAD_EXPORT absl::StatusOr<FitResult> Fit(Session& session,
                                              const Program& training,
                                              const Classifier& classifier,
                                              const DataSet& data,
                                              const FitOptions& options = {});

}  // namespace evengrad

#endif  // EVENGRAD_TRAIN_TRAINING_LOOP_H_
