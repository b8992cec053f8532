#include "evengrad/runtime/read_ahead.h"

#include <map>
#include <string>

#include "evengrad/graph/op_def.h"
#include "evengrad/runtime/memory_limit.h"

namespace evengrad {
namespace {

// What a core may hope for of a cache that it shares: asking for what is there
// already costs a few percent of a step.
constexpr int64_t kCachedBytes = 16 << 20;
// Less may as well be waited for.
constexpr int64_t kLeastBytes = 1 << 10;
// More would push out of a core's own cache what is in use.
constexpr int64_t kMostBytes = 64 << 10;

// Has arithmetic enough to do something beside it.
bool IsProduct(const Node& node) {
  if (!node.op().cost) return false;
  const Cost cost = node.op().cost(node);
  return cost.flops > cost.bytes;
}

// By name; the new value of a state has a buffer of its own.
std::map<std::string, AheadRead> StatesOf(const Graph& graph,
                                          const Group& group,
                                          const BufferPlan& buffers) {
  std::map<std::string, AheadRead> states;
  for (int id : group.nodes) {
    const Node node = graph.node(id);
    for (int i = 0; i < node.num_inputs(); ++i) {
      const int buffer = buffers.BufferOf(node.input_id(i));
      if (buffer < 0) continue;
      const BufferSpec& spec = buffers.buffers[buffer];
      if (spec.kind != BufferKind::kState) continue;
      states.emplace(spec.name, AheadRead{buffer, spec.bytes});
    }
  }
  return states;
}

}  // namespace

std::vector<std::vector<AheadRead>> PlanReadsAhead(
    const Graph& graph, const FusionPlan& fusion, const StageSchedule& schedule,
    const BufferPlan& buffers) {
  std::vector<std::vector<AheadRead>> planned(fusion.groups.size());
  if (MemoryOf(buffers).states <= kCachedBytes) return planned;
  int before = -1;  // the product before
  std::map<std::string, AheadRead> read;
  for (const std::vector<int>& stage : schedule.stages) {
    for (int g : stage) {
      const Group& group = fusion.groups[g];
      if (!IsProduct(graph.node(group.nodes.front()))) continue;
      std::map<std::string, AheadRead> states = StatesOf(graph, group, buffers);
      for (const auto& [name, state] : states) {
        if (before >= 0 && !read.contains(name) && state.bytes >= kLeastBytes &&
            state.bytes <= kMostBytes) {
          planned[before].push_back(state);
        }
      }
      before = g;
      read = std::move(states);
    }
  }
  return planned;
}

}  // namespace evengrad
