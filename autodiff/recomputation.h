// Values that the gradient computes again instead of keeping them.
#ifndef EVENGRAD_AUTODIFF_RECOMPUTATION_H_
#define EVENGRAD_AUTODIFF_RECOMPUTATION_H_

#include <functional>
#include <map>
#include <span>
#include <vector>

#include "evengrad/graph/export.h"
#include "evengrad/graph/graph.h"

namespace evengrad {

// Nodes of regions are copied where the gradient reaches the region. The copies
// read those values from outside the region that the originals read, through
// run_after: they run when the gradient has arrived. What the originals made is
// then no longer needed by the time the forward pass has left the region (Chen
// et al., "Training Deep Nets with Sublinear Memory Cost", 2016).
//
// Nodes of the gradient's own are never copied, nor are sources and ops with
// effects. Random nodes draw the same numbers again.
class Recomputation {
 public:
  // `region_of` gives the region (0 or more) of a node, or -1.
  Recomputation(const Graph& graph,
                const std::function<int(const Node&)>& region_of);

  // The node of which the gradient rule of `node` is to read inputs and
  // outputs, once one of `output_gradients` is known: its copy, or itself.
  Node StandIn(const Node& node, std::span<const Value> output_gradients);

 private:
  Value TriggerFor(const Value& output_gradient);
  void CopyRegion(int region, const Value& trigger);
  bool Copy(const Node& node, int region, const Value& trigger,
            std::map<ValueId, Value>& delayed);

  Graph graph_;
  std::vector<int> region_of_;             // by node
  std::vector<std::vector<int>> regions_;  // their nodes, in order
  std::vector<bool> copied_;               // by region
  std::map<int, Node> copies_;             // by node
  int last_trigger_ = -1;                  // a node
};

}  // namespace evengrad

#endif  // EVENGRAD_AUTODIFF_RECOMPUTATION_H_
