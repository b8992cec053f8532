// What kernels fetch from memory before others read it.
#ifndef EVENGRAD_RUNTIME_READ_AHEAD_H_
#define EVENGRAD_RUNTIME_READ_AHEAD_H_

#include <vector>

#include "evengrad/graph/export.h"
#include "evengrad/graph/graph.h"
#include "evengrad/ops/kernel.h"
#include "evengrad/runtime/buffer_plan.h"
#include "evengrad/runtime/fusion.h"
#include "evengrad/runtime/schedule.h"

namespace evengrad {

// By group: KernelRequest::reads_ahead of its kernel. A product fetches the
// states that the product after it reads: weights, and what an optimizer keeps
// of them, have left the caches since the step before where a program has more
// of them than fits there. Nothing where all may fit, and of large matrices
// nothing.
EVENGRAD_EXPORT std::vector<std::vector<AheadRead>> PlanReadsAhead(
    const Graph& graph, const FusionPlan& fusion, const StageSchedule& schedule,
    const BufferPlan& buffers);

}  // namespace evengrad

#endif  // EVENGRAD_RUNTIME_READ_AHEAD_H_
