// --schedule and --warm-up.
#ifndef EVENGRAD_TOOLS_SCHEDULE_FLAGS_H_
#define EVENGRAD_TOOLS_SCHEDULE_FLAGS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "evengrad/evengrad.h"
#include "optimizer_flags.h"

namespace evengrad::tools {

struct ScheduleFlags {
  // "step:0.5:10" and the like; lengths are in epochs.
  std::string schedule = "constant";
  double warm_up = 0;  // epochs
  int64_t epochs = 1;  // of the training
};

struct ScheduleChoice {
  std::vector<ScheduledState> schedules = {};
  std::optional<ReduceOnPlateau> plateau = {};
  bool spans_epochs = false;  // other epochs would change the rates
};

// Schedules that start at, or with 1cycle rise to, the optimizer's rate.
absl::StatusOr<ScheduleChoice> ParseSchedule(const ScheduleFlags& flags,
                                             const OptimizerChoice& optimizer);

}  // namespace evengrad::tools

#endif  // EVENGRAD_TOOLS_SCHEDULE_FLAGS_H_
