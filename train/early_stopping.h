// What Fit does when the validation stops getting better: training ends, or the
// learning rate falls.
//
//   Fit(session, *training, model, data,
//       {.epochs = 100,
//        .validation = split.validation,
//        .early_stopping = EarlyStopping{.patience = 10},
//        .plateau = ReduceOnPlateau{.factor = 0.5, .patience = 5}});
#ifndef EVENGRAD_TRAIN_EARLY_STOPPING_H_
#define EVENGRAD_TRAIN_EARLY_STOPPING_H_

#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "evengrad/graph/export.h"
#include "evengrad/graph/graph.h"
#include "evengrad/graph/tensor.h"
#include "evengrad/runtime/session.h"
#include "evengrad/train/evaluate.h"

namespace evengrad {

// The figure of the validation that is watched.
enum class Monitor : uint8_t {
  kLoss,      // better when smaller
  kAccuracy,  // better when larger
};

// Ends the training after `patience` epochs in a row that were not better than
// the best one by more than `min_delta`. A figure that is not finite is never
// better. With `restore_best`, the model's states (parameters, running
// statistics; not the optimizer's) are those of the best epoch when the
// training ends, whether it was stopped, interrupted or came to its last epoch.
struct EarlyStopping {
  int64_t patience = 10;
  double min_delta = 0;
  Monitor monitor = Monitor::kLoss;
  bool restore_best = true;
};

// Multiplies the state by `factor`, down to `minimum`, after `patience` epochs
// in a row that were not better than the best one by more than `min_delta`;
// then counts anew, from the last of `cooldown` epochs on. As Keras'
// ReduceLROnPlateau; PyTorch's waits one epoch longer for the same patience.
// Where a schedule drives the state too, the factors apply to what it says.
struct ReduceOnPlateau {
  double factor = 0.1;
  int64_t patience = 10;
  double min_delta = 1e-4;
  int64_t cooldown = 0;
  double minimum = 0;
  Monitor monitor = Monitor::kLoss;
  std::string state = "learning_rate";
};

// Errors: a patience below 1, a min_delta, cooldown or minimum that is negative
// or not finite, a factor outside (0, 1).
EVENGRAD_EXPORT absl::Status CheckEarlyStopping(const EarlyStopping& options);
EVENGRAD_EXPORT absl::Status CheckReduceOnPlateau(
    const ReduceOnPlateau& options);

// Counts the epochs since a figure was last better.
class EVENGRAD_EXPORT PlateauCounter {
 public:
  PlateauCounter(Monitor monitor, double min_delta)
      : monitor_(monitor), min_delta_(min_delta) {}

  // Takes the figures of an epoch. True when they are better than all before.
  bool Improved(const Evaluation& validation);
  int64_t epochs_without() const { return epochs_without_; }
  void Restart() { epochs_without_ = 0; }

 private:
  Monitor monitor_;
  double min_delta_;
  double best_ = std::numeric_limits<double>::infinity();
  int64_t epochs_without_ = 0;
};

// The factor that a plateau puts on a state.
class EVENGRAD_EXPORT PlateauFactor {
 public:
  explicit PlateauFactor(const ReduceOnPlateau& options)
      : options_(options), counter_(options.monitor, options.min_delta) {}

  // Takes the figures of an epoch. True when the factor became smaller.
  bool Reduced(const Evaluation& validation);
  // `value` after all reductions.
  double Apply(double value) const;

 private:
  ReduceOnPlateau options_;
  PlateauCounter counter_;
  int64_t cooldown_left_ = 0;
  double factor_ = 1;
};

// Copies of the states of a graph.
class EVENGRAD_EXPORT StateCopies {
 public:
  absl::Status Take(const Session& session, const Graph& graph);
  // Writes them back; nothing where none were taken.
  absl::Status Restore(Session& session) const;

 private:
  std::vector<std::pair<Value, Tensor>> copies_;
};

}  // namespace evengrad

#endif  // EVENGRAD_TRAIN_EARLY_STOPPING_H_
