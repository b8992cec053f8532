// Which memory every value of a scheduled program lives in.
#ifndef EVENGRAD_RUNTIME_BUFFER_PLAN_H_
#define EVENGRAD_RUNTIME_BUFFER_PLAN_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "evengrad/graph/export.h"
#include "evengrad/runtime/compiled_program.h"
#include "evengrad/runtime/fusion.h"
#include "evengrad/runtime/program.h"
#include "evengrad/runtime/schedule.h"

namespace evengrad {

struct BufferPlan {
  std::vector<BufferSpec> buffers = {};
  // The buffer of each output of each node; -1 for values that exist only
  // inside a fused group, and for types without contents.
  std::vector<std::vector<int>> of_value = {};
  // By buffer: it lies where an input of the group that writes it lay.
  std::vector<bool> overwrites_input = {};
  // By buffer: only observations, and what is computed for them, read it from
  // there.
  std::vector<bool> only_watched = {};
  std::vector<BufferCopy> first_copies = {};
  std::vector<BufferCopy> last_copies = {};
  std::vector<BufferCopy> commits = {};
  std::vector<int> fetch_buffers = {};
  std::vector<std::vector<int>> observation_buffers = {};
  int64_t arena_bytes = 0;
  int64_t arena_lower_bound = 0;

  int BufferOf(ValueId value) const {
    return of_value[value.node][value.output];
  }
};

// Assigns buffers and their places in the arena. An output takes the place of a
// dying input when the group computes element by element, the arena owns the
// input, nobody gets it as a result, type and size agree, and the group is its
// last reader and the only one in its stage.
EVENGRAD_EXPORT absl::StatusOr<BufferPlan> PlanBuffers(
    const Program& program, const FusionPlan& fusion,
    const StageSchedule& schedule);

}  // namespace evengrad

#endif  // EVENGRAD_RUNTIME_BUFFER_PLAN_H_
