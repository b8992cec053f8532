// A checkpoint: a session and the place of its training, in one file.
//
//   absl::Status saved = SaveCheckpoint(session, training, "run.safetensors");
//   …
//   absl::StatusOr<TrainingPosition> position =
//       LoadCheckpoint(session, training, "run.safetensors");
//
// Fit does both by itself (FitOptions::checkpoints). The file is a safetensors
// file that other programs can read: each state under its full name, the rest
// under names that start with '#' and in the metadata.
#ifndef EVENGRAD_TRAIN_CHECKPOINT_H_
#define EVENGRAD_TRAIN_CHECKPOINT_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "evengrad/graph/export.h"
#include "evengrad/runtime/program.h"
#include "evengrad/runtime/session.h"
#include "evengrad/train/training_position.h"

namespace evengrad {

// Writes all states of the session (parameters, running statistics, what
// optimizers and hooks keep), its random counters, the memory of the program's
// hooks, and `position`. The file is written from the states' own memory and
// replaces one of that name at once (AtomicFile); equal runs give equal files.
EVENGRAD_EXPORT absl::Status SaveCheckpoint(
    const Session& session, const Program& program, const std::string& path,
    const TrainingPosition& position = {});

// The inverse, for a program of the same states and hooks: afterwards the
// session goes on, bit for bit, as the saved one would have. Everything is
// checked, each tensor's checksum too, before anything changes.
//
// Errors name the file: it cannot be read, is damaged, was saved by a run of
// another plan than `plan` (where one is given), has states that the session
// has not, or the other way round, or of another type; the same for hooks.
EVENGRAD_EXPORT absl::StatusOr<TrainingPosition> LoadCheckpoint(
    Session& session, const Program& program, const std::string& path,
    const TrainingPlan* plan = nullptr);

}  // namespace evengrad

#endif  // EVENGRAD_TRAIN_CHECKPOINT_H_
