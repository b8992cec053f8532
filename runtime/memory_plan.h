// Where in one block of memory the buffers of a schedule live.
#ifndef EVENGRAD_RUNTIME_MEMORY_PLAN_H_
#define EVENGRAD_RUNTIME_MEMORY_PLAN_H_

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "evengrad/graph/export.h"

namespace evengrad {

// A buffer that is in use from schedule position `first` to `last`, both
// included.
struct BufferLifetime {
  int64_t bytes = 0;
  int first = 0;
  int last = 0;
};

struct MemoryPlan {
  std::vector<int64_t> offsets = {};  // one a buffer, multiples of 64
  int64_t arena_bytes = 0;
  // The most bytes in use at one position: no plan can do with less.
  int64_t lower_bound = 0;
};

// Offsets such that buffers in use at the same position share no byte. A pure
// function: equal lifetimes give equal plans. The best of a few greedy orders;
// finding the least arena is NP-hard (dynamic storage allocation).
// Errors: negative bytes, last < first, a sum that overflows 64 bits.
EVENGRAD_EXPORT absl::StatusOr<MemoryPlan> PlanMemory(
    std::span<const BufferLifetime> buffers);

}  // namespace evengrad

#endif  // EVENGRAD_RUNTIME_MEMORY_PLAN_H_
