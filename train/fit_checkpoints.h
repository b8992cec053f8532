// The checkpoints of one call of Fit: when they are due, and whether the run
// that goes on is the one that was saved.
#ifndef EVENGRAD_TRAIN_FIT_CHECKPOINTS_H_
#define EVENGRAD_TRAIN_FIT_CHECKPOINTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "evengrad/runtime/program.h"
#include "evengrad/runtime/session.h"
#include "evengrad/train/checkpoint_directory.h"
#include "evengrad/train/training_loop.h"
#include "evengrad/train/training_position.h"

namespace evengrad {

class FitCheckpoints {
 public:
  // Without a directory in `options`, nothing is ever loaded or saved.
  static absl::StatusOr<FitCheckpoints> Open(const CheckpointOptions& options,
                                             Session& session,
                                             const Program& program);

  // Where the run with this plan starts: at the newest checkpoint when it
  // resumes, and `epochs` are those that were complete by then. Error: the
  // checkpoint's plan is another one, which the message tells.
  absl::StatusOr<TrainingPosition> Start(const TrainingPlan& plan,
                                         std::vector<EpochReport>& epochs);

  // Each saves when it is due there and `position` has not been saved yet.
  absl::Status AfterStep(const TrainingPosition& position,
                         const std::vector<EpochReport>& epochs);
  absl::Status AfterEpoch(const TrainingPosition& position,
                          const std::vector<EpochReport>& epochs);
  absl::Status AtEnd(const TrainingPosition& position,
                     const std::vector<EpochReport>& epochs);

  bool resumed() const { return resumed_; }
  // The path of the newest one that was saved; empty where none was.
  const std::string& newest() const { return newest_; }

 private:
  FitCheckpoints(const CheckpointOptions& options, Session& session,
                 const Program& program)
      : options_(options), session_(&session), program_(&program) {}

  CheckpointOptions options_;
  Session* session_;
  const Program* program_;
  std::optional<CheckpointDirectory> directory_;
  bool resumed_ = false;
  std::string newest_;
  std::pair<int64_t, int64_t> saved_ = {0, 0};  // epoch and batch
};

}  // namespace evengrad

#endif  // EVENGRAD_TRAIN_FIT_CHECKPOINTS_H_
