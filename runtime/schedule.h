// When each group runs, and where the new values of states go.
#ifndef EVENGRAD_RUNTIME_SCHEDULE_H_
#define EVENGRAD_RUNTIME_SCHEDULE_H_

#include <vector>

#include "absl/status/statusor.h"
#include "evengrad/graph/export.h"
#include "evengrad/runtime/fusion.h"
#include "evengrad/runtime/program.h"

namespace evengrad {

struct StageSchedule {
  // Stages run one after the other; the groups of a stage do not depend on each
  // other and may run side by side. Indices into FusionPlan::groups.
  std::vector<std::vector<int>> stages = {};
  std::vector<int> stage_of = {};  // by group
  // By update: the new value is written straight into the state's memory,
  // because every reader of the old one has run or reads it element by element.
  std::vector<bool> in_place = {};
};

// A topological order of the groups. Among groups that may run, the one whose
// first node is earliest goes first. A group that no other waits for, such as a
// parameter's gradient with its update, runs beside the next stage that takes
// half as long or longer, or some stages later; few of them are put off so.
// What reads an alias waits for all inputs of the alias. A group that writes a
// state in place waits for the state's other readers; where that is impossible,
// the new value is stored elsewhere and committed at the end. A group with
// effects (OpDef::has_effects) has a stage of its own, and no state is written
// before it. Error (internal): groups that depend on each other in a circle.
EVENGRAD_EXPORT absl::StatusOr<StageSchedule> PlanSchedule(
    const Program& program, const FusionPlan& fusion);

// `value` with aliases (reshapes) followed to the value whose memory it is.
EVENGRAD_EXPORT Value WithoutAliases(Value value);

}  // namespace evengrad

#endif  // EVENGRAD_RUNTIME_SCHEDULE_H_
