// Where a loop over a data set is: what it must know, besides the session's
// states, to go on as if it had not been cut.
#ifndef EVENGRAD_TRAIN_TRAINING_POSITION_H_
#define EVENGRAD_TRAIN_TRAINING_POSITION_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "evengrad/formats/named_tensor.h"
#include "evengrad/formats/safetensors_header.h"
#include "evengrad/graph/export.h"
#include "evengrad/runtime/session.h"

namespace evengrad {

// What the order of the examples follows from, and what the run is.
struct TrainingPlan {
  int64_t batch_size = 32;
  bool shuffle = true;
  uint64_t seed = 0;
  int64_t data_size = 0;
  // In words: options that a run which goes on must share.
  std::string run = {};

  friend bool operator==(const TrainingPlan&, const TrainingPlan&) = default;
};

struct TrainingPosition {
  int64_t epoch = 1;  // under way, 1 for the first
  int64_t batch = 0;  // of it, that were done
  int64_t steps = 0;  // of all epochs
  // Over the batches of the epoch: the sum of each example's loss, the examples
  // that were right, and all.
  double loss_sum = 0;
  int64_t correct = 0;
  int64_t examples = 0;
  TrainingPlan plan = {};
  // Whatever else the loop keeps, under names of its own.
  std::vector<NamedTensor> kept = {};
};

// OK when a run with `plan` may go on where one with `saved` was; otherwise the
// error says what differs.
absl::Status CheckSamePlan(const TrainingPlan& saved, const TrainingPlan& plan);

// The position and the random counters as the metadata of a checkpoint; `kept`
// is not part of it. Numbers read back as they were, bit for bit.
EVENGRAD_EXPORT SafetensorsMetadata FormatCheckpointMetadata(
    const TrainingPosition& position, const RandomCounters& counters);

struct CheckpointMetadata {
  TrainingPosition position = {};
  RandomCounters counters = {};
};

// The inverse. Errors: no checkpoint, a later version of the format, an entry
// that is missing, no number or out of its range. Entries it does not know are
// left alone.
EVENGRAD_EXPORT absl::StatusOr<CheckpointMetadata> ParseCheckpointMetadata(
    const SafetensorsMetadata& metadata);

}  // namespace evengrad

#endif  // EVENGRAD_TRAIN_TRAINING_POSITION_H_
