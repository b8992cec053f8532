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
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "evengrad/graph/export.h"
#include "evengrad/runtime/program.h"
#include "evengrad/runtime/session.h"
#include "evengrad/train/data_set.h"
#include "evengrad/train/evaluate.h"

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
  double seconds = 0;  // of the epoch, with its validation
};

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
};

struct FitResult {
  std::vector<EpochReport> epochs = {};  // those that were completed
  bool interrupted = false;
  int64_t steps = 0;
};

// Trains. `training` must fetch "loss" and classifier.logits, and be a program
// of the classifier's graph. Errors: an epoch count below 1, a fetch that is
// missing, a loss that is no longer finite, those of the runs.
EVENGRAD_EXPORT absl::StatusOr<FitResult> Fit(Session& session,
                                              const Program& training,
                                              const Classifier& classifier,
                                              const DataSet& data,
                                              const FitOptions& options = {});

}  // namespace evengrad

#endif  // EVENGRAD_TRAIN_TRAINING_LOOP_H_
