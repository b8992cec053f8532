// Writes the states that schedules and plateaus drive, step by step.
#ifndef EVENGRAD_TRAIN_STATE_DRIVERS_H_
#define EVENGRAD_TRAIN_STATE_DRIVERS_H_

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "evengrad/graph/tensor.h"
#include "evengrad/runtime/session.h"
#include "evengrad/train/early_stopping.h"
#include "evengrad/train/schedules.h"
#include "evengrad/train/training_loop.h"

namespace evengrad {

class StateDrivers {
 public:
  StateDrivers() = default;

  // The drivers that `options` ask for. Gives the program's states their first
  // values where something is driven. The session must outlive the drivers.
  // Errors: see Fit.
  static absl::StatusOr<StateDrivers> Create(Session& session,
                                             const Program& program,
                                             const FitOptions& options,
                                             int64_t steps_per_epoch);

  // Before step `step`, 0 for the first: writes what has changed. Error: a
  // value that is not finite.
  absl::Status StartStep(int64_t step);
  // After an epoch: the plateau sees the figures.
  void EndEpoch(const Evaluation& validation);
  // What was last written to the state; empty where nothing drives it.
  std::optional<double> ValueOf(std::string_view state) const;

 private:
  struct Driver {
    ScheduledState scheduled;
    std::optional<PlateauFactor> plateau = {};
    Tensor tensor = {};
    std::optional<double> written = {};
  };
  absl::Status Add(ScheduledState scheduled);
  // The driver of that state, or null.
  Driver* Find(std::string_view state);

  Session* session_ = nullptr;
  double steps_per_epoch_ = 1;
  std::vector<Driver> drivers_;
};

}  // namespace evengrad

#endif  // EVENGRAD_TRAIN_STATE_DRIVERS_H_
