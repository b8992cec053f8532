// Which nodes run as one kernel. The graph stays as it is: fusion is a
// partition of its nodes into groups.
#ifndef EVENGRAD_RUNTIME_FUSION_H_
#define EVENGRAD_RUNTIME_FUSION_H_

#include <cstdint>
#include <vector>

#include "evengrad/graph/export.h"
#include "evengrad/graph/graph.h"
#include "evengrad/runtime/program.h"

namespace evengrad {

enum class GroupKind : uint8_t {
  kKernel,    // one node with a kernel of its own
  kLoop,      // elementwise nodes, and what ends them (OpDef::loop_output), as
              // one fused loop
  kEpilogue,  // a node whose kernel runs the group's elementwise nodes, and
              // what counts their elements, on each part of its output
};

struct Group {
  GroupKind kind = GroupKind::kKernel;
  // An epilogue's kernel node is first; what only observations need is last.
  std::vector<int> nodes = {};
};

struct FusionPlan {
  std::vector<Group> groups = {};
  // By node: needed without the program's observations. A group may hold both.
  std::vector<bool> trained = {};
  // The group of each node; -1 for nodes that need no kernel: sources, aliases.
  std::vector<int> group_of = {};
};

// Partitions the nodes of a program with static types. A node joins the group
// of a producer when their loops have the same shape and compute type, when no
// path leaves the group and comes back, and when it would not pull part of a
// gradient into the forward pass (which would keep more values alive). Nodes
// that only observations need are grouped by themselves, and then added to a
// group that makes or reads the values they watch, so that watching changes no
// bit of what is watched. With `fuse` false every node is its own group.
EVENGRAD_EXPORT FusionPlan PlanFusion(const Program& program, bool fuse);

// In a fused loop, `node` reads each element of its input `i` only at its own
// place: before the loop stores anything there.
EVENGRAD_EXPORT bool ReadsElementByElement(const Node& node, int i);

}  // namespace evengrad

#endif  // EVENGRAD_RUNTIME_FUSION_H_
