// Checks that a graph is what its ops say it is.
#ifndef EVENGRAD_GRAPH_VERIFIER_H_
#define EVENGRAD_GRAPH_VERIFIER_H_

#include "absl/status/status.h"
#include "evengrad/graph/export.h"
#include "evengrad/graph/graph.h"

namespace evengrad {

struct VerifyOptions {
  // False for graphs that a compiler has lowered: their states are leaves.
  bool states_need_initializers = true;
};

// OK when the graph's own status is OK, every input comes before its reader,
// names are unique, attributes are complete and in range, every type is what
// the op's rule infers, and every state has an initializer of its type that
// does not depend on the state itself.
EVENGRAD_EXPORT absl::Status VerifyGraph(const Graph& graph,
                                         VerifyOptions options = {});

// The first state whose initial value depends on the state itself, by way of
// the initial values of other states too; not valid where there is none.
EVENGRAD_EXPORT Node FindCircularInitializer(const Graph& graph);

}  // namespace evengrad

#endif  // EVENGRAD_GRAPH_VERIFIER_H_
