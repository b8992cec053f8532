#include "evengrad/runtime/estimated_time.h"

#include "evengrad/graph/graph.h"
#include "evengrad/graph/source_ops.h"
#include "evengrad/ops/ops.h"
#include "gtest/gtest.h"

namespace evengrad {
namespace {

double TimeOf(const Value& value) {
  return EstimatedTime(value.node().graph(), {.nodes = {value.id().node}});
}

TEST(EstimatedTimeTest, CountsArithmeticAndElements) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({100, 100}));
  const Value y = Placeholder(graph, "y", F32({100, 1000}));
  const double product = TimeOf(MatMul(x, x));  // 2 MFLOP
  EXPECT_GT(product, 5e3);
  EXPECT_LT(product, 50e3);
  EXPECT_GT(TimeOf(MatMul(x, y)), 9 * product);
  EXPECT_LT(TimeOf(Exp(x)), product / 10);
  EXPECT_GT(TimeOf(Exp(y)), 5 * TimeOf(Exp(x)));
  // What is read counts, where little is written; not what is left out.
  EXPECT_GT(TimeOf(ReduceSum(y)), 5 * TimeOf(ReduceSum(x)));
  EXPECT_LT(TimeOf(Slice(y, {{.axis = 0, .stop = 1}})), TimeOf(Exp(x)));
}

TEST(EstimatedTimeTest, AddsTheNodesOfAGroup) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({1000, 100}));
  const Value first = Exp(x);
  const Value second = Tanh(first);
  const double both =
      EstimatedTime(graph, {.nodes = {first.id().node, second.id().node}});
  EXPECT_GT(both, 1.5 * TimeOf(first));
  EXPECT_LT(both, TimeOf(first) + TimeOf(second));
}

}  // namespace
}  // namespace evengrad
