// Checks that a graph is what its ops say it is.
#ifndef EVENGRAD_GRAPH_VERIFIER_H_
#define EVENGRAD_GRAPH_VERIFIER_H_

#include "absl/status/status.h"
#include "evengrad/graph/export.h"
#include "evengrad/graph/graph.h"

namespace evengrad {

// OK when the graph's own status is OK, every input comes before its reader,
// names are unique, attributes are complete and in range, every type is what
// the op's rule infers, and every state has an initializer of its type.
EVENGRAD_EXPORT absl::Status VerifyGraph(const Graph& graph);

}  // namespace evengrad

#endif  // EVENGRAD_GRAPH_VERIFIER_H_
