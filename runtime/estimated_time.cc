#include "evengrad/runtime/estimated_time.h"

#include <algorithm>

#include "evengrad/graph/op_def.h"
#include "evengrad/graph/tensor_type.h"

namespace evengrad {
namespace {

// Of products of a hundred rows and columns, and of fused loops, by node and
// element; what a kernel takes to begin.
constexpr double kFlopsPerNanosecond = 150;
constexpr double kElementsPerNanosecond = 40;
constexpr double kBegin = 30;

double ElementsOf(const TensorType& type) {
  return static_cast<double>(type.shape.NumElements().value_or(0));
}

double TimeOf(const Node& node) {
  double elements = 0;
  for (int i = 0; i < node.num_outputs(); ++i) {
    elements += ElementsOf(node.output_type(i));
  }
  // In a loop, what other nodes made is still in registers.
  if (node.op().elementwise || !node.op().cost) {
    return elements / kElementsPerNanosecond;
  }
  const Cost cost = node.op().cost(node);
  return std::max({elements / kElementsPerNanosecond,
                   cost.bytes / sizeof(float) / kElementsPerNanosecond,
                   cost.flops / kFlopsPerNanosecond});
}

}  // namespace

double EstimatedTime(const Graph& graph, const Group& group) {
  double time = kBegin;
  for (const int id : group.nodes) time += TimeOf(graph.node(id));
  return time;
}

}  // namespace evengrad
