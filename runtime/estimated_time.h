// How long a group takes: enough to tell what is worth a second worker.
#ifndef EVENGRAD_RUNTIME_ESTIMATED_TIME_H_
#define EVENGRAD_RUNTIME_ESTIMATED_TIME_H_

#include "evengrad/graph/export.h"
#include "evengrad/graph/graph.h"
#include "evengrad/runtime/fusion.h"

namespace evengrad {

// Nanoseconds of one core; other cores and shapes take half or twice as long. A
// function of the graph only. Requires static types.
EVENGRAD_EXPORT double EstimatedTime(const Graph& graph, const Group& group);

}  // namespace evengrad

#endif  // EVENGRAD_RUNTIME_ESTIMATED_TIME_H_
