#include "evengrad/runtime/group_order.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <vector>

#include "evengrad/graph/source_ops.h"
#include "evengrad/ops/ops.h"

namespace evengrad {
namespace {

// The plain search: merging the two makes a circle.
bool MakesCircle(const Graph& graph, const std::vector<int>& group_of, int a,
                 int b) {
  std::vector<int> merged = group_of;
  for (int& group : merged) {
    if (group == group_of[b]) group = group_of[a];
  }
  std::set<int> pending;
  std::set<int> done;
  auto push_inputs = [&](int group) {
    for (int id = 0; id < graph.num_nodes(); ++id) {
      if (merged[id] != group) continue;
      const Node node = graph.node(id);
      for (int i = 0; i < node.num_inputs(); ++i) {
        const int next = merged[node.input_id(i).node];
        if (next != group) pending.insert(next);
      }
    }
  };
  const int start = merged[a];
  push_inputs(start);
  while (!pending.empty()) {
    const int group = *pending.begin();
    pending.erase(pending.begin());
    if (group == start) return true;
    if (done.insert(group).second) push_inputs(group);
  }
  return false;
}

TEST(GroupOrderTest, FindsWhatThePlainSearchFinds) {
  std::mt19937 random(11);
  int merges = 0;
  int circles = 0;
  for (int round = 0; round < 150; ++round) {
    Graph graph;
    std::vector<Value> values = {Placeholder(graph, "x", F32({2}))};
    const int count = 4 + static_cast<int>(random() % 24);
    for (int i = 0; i < count; ++i) {
      const Value& a = values[random() % values.size()];
      const Value& b = values[values.size() - 1 -
                              random() % std::min<size_t>(values.size(), 4)];
      values.push_back(a * b);
    }
    GroupOrder order(graph);
    std::vector<int> group_of;
    for (int id = 0; id < graph.num_nodes(); ++id) group_of.push_back(id);
    // As fusion does: each node, in order, joins some of its producers.
    for (int id = 0; id < graph.num_nodes(); ++id) {
      const Node node = graph.node(id);
      for (int i = 0; i < node.num_inputs(); ++i) {
        const int producer = node.input_id(i).node;
        if (group_of[producer] == group_of[id] || random() % 3 == 0) continue;
        const bool circle = MakesCircle(graph, group_of, producer, id);
        ASSERT_EQ(order.HasDetour(producer, id), circle)
            << "round " << round << ", " << producer << " and " << id;
        circles += circle ? 1 : 0;
        if (circle) continue;
        order.Merge(producer, id);
        ++merges;
        const int from = group_of[id];
        for (int& group : group_of) {
          if (group == from) group = group_of[producer];
        }
      }
    }
  }
  EXPECT_GT(merges, 500);
  EXPECT_GT(circles, 100);
}

}  // namespace
}  // namespace evengrad
