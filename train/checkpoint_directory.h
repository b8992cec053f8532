// The folder in which a run keeps its checkpoints.
#ifndef EVENGRAD_TRAIN_CHECKPOINT_DIRECTORY_H_
#define EVENGRAD_TRAIN_CHECKPOINT_DIRECTORY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "evengrad/graph/export.h"
#include "evengrad/runtime/program.h"
#include "evengrad/runtime/session.h"
#include "evengrad/train/training_position.h"

namespace evengrad {

struct CheckpointOptions {
  std::string directory = {};  // made where it is missing; empty: none is kept
  // Steps between checkpoints; 0: one at the end of each epoch. There is one at
  // the end and at an interruption in any case.
  int64_t every = 0;
  int64_t keep = 3;  // the newest so many; 0: all
  // Go on from the newest checkpoint; from the start where there is none.
  bool resume = false;
  // In words: what else of the run (options of the program) must be the same
  // when it goes on.
  std::string run = {};
};

// Files "checkpoint-<steps>.safetensors". One program at a time: the folder is
// locked while it is open.
class EVENGRAD_EXPORT CheckpointDirectory {
 public:
  // Makes the folder, and removes what a killed program left half written.
  // Errors: the system's, with the path; a negative `every` or `keep`; another
  // program has the folder open; it has checkpoints, and `resume` is false.
  static absl::StatusOr<CheckpointDirectory> Open(
      const CheckpointOptions& options);
  CheckpointDirectory(CheckpointDirectory&& other) noexcept
      : options_(std::move(other.options_)),
        descriptor_(std::exchange(other.descriptor_, -1)) {}
  CheckpointDirectory& operator=(CheckpointDirectory&&) = delete;
  ~CheckpointDirectory();

  // The paths of the checkpoints, oldest first.
  absl::StatusOr<std::vector<std::string>> List() const;
  // Loads the newest one, where there is any. See LoadCheckpoint; an error says
  // which one comes before.
  absl::StatusOr<std::optional<TrainingPosition>> LoadNewest(
      Session& session, const Program& program,
      const TrainingPlan* plan = nullptr) const;
  // Saves a checkpoint, and when it is on the disk removes the oldest beyond
  // `keep`. Returns its path.
  absl::StatusOr<std::string> Save(const Session& session,
                                   const Program& program,
                                   const TrainingPosition& position) const;

 private:
  CheckpointDirectory(CheckpointOptions options, int descriptor)
      : options_(std::move(options)), descriptor_(descriptor) {}
  absl::Status RemovePartialFiles() const;

  CheckpointOptions options_;
  int descriptor_;  // of the folder; holds the lock
};

}  // namespace evengrad

#endif  // EVENGRAD_TRAIN_CHECKPOINT_DIRECTORY_H_
