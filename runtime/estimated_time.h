// How long a group takes: enough to tell what is worth a second worker.
#ifndef EVENGRAD_RUNTIME_ESTIMATED_TIME_H_
#define EVENGRAD_RUNTIME_ESTIMATED_TIME_H_

#include "evengrad/graph/export.h"
#include "evengrad/graph/graph.h"
#include "evengrad/runtime/fusion.h"

namespace evengrad {

// Nanoseconds of one core, as products in f32 and cheap loops take them; what
// an op's cost does not tell, as of random numbers, takes longer. A function of
// the graph only. Requires static types.
EVENGRAD_EXPORT double EstimatedTime(const Graph& graph, const Group& group);

}  // namespace evengrad

#endif  // EVENGRAD_RUNTIME_ESTIMATED_TIME_H_
