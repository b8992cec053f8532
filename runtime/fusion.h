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
  kLoop,      // elementwise nodes, and sums that end them, as one fused loop
  kEpilogue,  // a node whose kernel runs the group's elementwise nodes on each
              // part of its output
};

struct Group {
  GroupKind kind = GroupKind::kKernel;
  std::vector<int> nodes = {};  // in order; an epilogue's kernel node is first
};

struct FusionPlan {
  std::vector<Group> groups = {};
  // By node: needed without the program's observations. Nodes of a group agree.
  std::vector<bool> trained = {};
  // The group of each node; -1 for nodes that need no kernel: sources, aliases.
  std::vector<int> group_of = {};
};

// Partitions the nodes of a program with static types. A node joins the group
// of a producer when their loops have the same shape and compute type, when no
// path leaves the group and comes back, and when it would not pull part of a
// gradient into the forward pass (which would keep more values alive). Values
// that only observations need are grouped by themselves, so that watching
// changes no bit of what is watched. With `fuse` false every node is its own
// group.
EVENGRAD_EXPORT FusionPlan PlanFusion(const Program& program, bool fuse);

}  // namespace evengrad

#endif  // EVENGRAD_RUNTIME_FUSION_H_
