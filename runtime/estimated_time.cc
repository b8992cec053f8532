#include "evengrad/runtime/estimated_time.h"

#include <algorithm>
#include <cstdint>

#include "evengrad/graph/op_def.h"

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
  for (int i = 0; i < node.num_inputs(); ++i) {
    elements = std::max(elements, ElementsOf(node.input(i).type()));
  }
  for (int i = 0; i < node.num_outputs(); ++i) {
    elements = std::max(elements, ElementsOf(node.output_type(i)));
  }
  const double flops = node.op().cost ? node.op().cost(node).flops : 0;
  return std::max(elements / kElementsPerNanosecond,
                  flops / kFlopsPerNanosecond);
}

}  // namespace

double EstimatedTime(const Graph& graph, const Group& group) {
  double time = kBegin;
  for (const int id : group.nodes) time += TimeOf(graph.node(id));
  return time;
}

}  // namespace evengrad
