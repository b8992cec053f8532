// A topological order of groups of nodes, kept while groups are merged, so that
// the search for a circle looks only at what lies between two groups.
#ifndef EVENGRAD_RUNTIME_GROUP_ORDER_H_
#define EVENGRAD_RUNTIME_GROUP_ORDER_H_

#include <vector>

#include "evengrad/graph/graph.h"

namespace evengrad {

// At first every node of a graph is a group by itself, in the order of ids
// (sources and aliases too, since paths lead through them). A group is named by
// any of its nodes.
class GroupOrder {
 public:
  explicit GroupOrder(const Graph& graph);

  // True when a path leads from `from` to `to` through a third group: merged,
  // the two would depend on themselves. Expects `from` before `to`, or one of
  // them to be no producer of the other.
  bool HasDetour(int from, int to);
  // Requires that HasDetour is false.
  void Merge(int from, int to);

 private:
  int GroupOf(int node) const { return group_of_[node]; }
  // The groups behind `lowest` in the order that `group` depends on, or that
  // depend on `group` and come before `highest`. `group` is not among them.
  std::vector<int> Ancestors(int group, int lowest, int except);
  std::vector<int> Descendants(int group, int highest, int except);
  void NextSearch();

  std::vector<std::vector<int>> inputs_;   // of nodes, by node
  std::vector<std::vector<int>> readers_;  // by node
  std::vector<int> group_of_;              // by node
  std::vector<std::vector<int>> members_;  // by group
  std::vector<int> place_;                 // in the order, by group
  std::vector<int> seen_;                  // the search that saw a group last
  int search_ = 0;
};

}  // namespace evengrad

#endif  // EVENGRAD_RUNTIME_GROUP_ORDER_H_
