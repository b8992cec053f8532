// What a product fetches for the next one.
#include "evengrad/runtime/read_ahead.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/ops.h"
#include "evengrad/runtime/compiler.h"
#include "evengrad/train/minimize.h"
#include "evengrad/train/optimizers.h"

namespace evengrad {
namespace {

using Names = std::vector<std::string>;

// A chain of so many layers, with weights that start as zeros.
Value Layers(Graph& graph, int64_t layers, int64_t units) {
  Value x = Placeholder(graph, "x", F32({8, units}));
  for (int64_t layer = 0; layer < layers; ++layer) {
    const Value weights =
        Parameter(graph, StrCat("w", layer),
                  Constant(graph, *Tensor::Zeros(F32({units, units}))));
    x = Relu(MatMul(x, weights) + 1.0);
  }
  return x;
}

// By product, the names of what it fetches.
std::vector<Names> ReadsAhead(const Program& training) {
  std::vector<Names> names;
  const absl::StatusOr<Program> program = Lower(training, {});
  EXPECT_TRUE(program.ok()) << program.status();
  if (!program.ok()) return names;
  const FusionPlan fusion = PlanFusion(*program, true);
  const auto schedule = PlanSchedule(*program, fusion);
  EXPECT_TRUE(schedule.ok()) << schedule.status();
  if (!schedule.ok()) return names;
  const auto buffers = PlanBuffers(*program, fusion, *schedule);
  EXPECT_TRUE(buffers.ok()) << buffers.status();
  if (!buffers.ok()) return names;
  const auto reads =
      PlanReadsAhead(program->graph, fusion, *schedule, *buffers);
  for (const std::vector<int>& stage : schedule->stages) {
    for (const int group : stage) {
      const Node first =
          program->graph.node(fusion.groups[group].nodes.front());
      if (first.op().name != "matmul") {
        EXPECT_TRUE(reads[group].empty());
        continue;
      }
      names.emplace_back();
      for (const AheadRead& read : reads[group]) {
        const BufferSpec& buffer = buffers->buffers[read.buffer];
        EXPECT_EQ(read.bytes, buffer.bytes);
        names.back().push_back(buffer.name);
      }
    }
  }
  return names;
}

std::vector<Names> ReadsAheadOfLayers(int64_t layers, int64_t units) {
  Graph graph;
  const Value x = Layers(graph, layers, units);
  return ReadsAhead({.graph = graph, .fetches = {{"x", x}}});
}

// 450 matrices of 40 kB.
TEST(ReadAheadTest, OfStatesThatNoCacheHoldsTheNextProducts) {
  const std::vector<Names> names = ReadsAheadOfLayers(450, 100);
  ASSERT_EQ(names.size(), 450u);
  for (size_t i = 0; i + 1 < names.size(); ++i) {
    EXPECT_EQ(names[i], Names({StrCat("w", i + 1)}));
  }
  EXPECT_TRUE(names.back().empty());
}

TEST(ReadAheadTest, NothingOfFewStatesNorOfLargeOnes) {
  for (const Names& none : ReadsAheadOfLayers(100, 100)) {
    EXPECT_TRUE(none.empty());
  }
  for (const Names& none : ReadsAheadOfLayers(60, 300)) {
    EXPECT_TRUE(none.empty());
  }
}

// Weights and two moments: each once, however many buffers they have.
TEST(ReadAheadTest, EachStateOfAnOptimizerOnce) {
  Graph graph;
  const Value loss = ReduceMean(Layers(graph, 150, 100));
  const absl::StatusOr<Program> training =
      Minimize(loss, Adam{.learning_rate = 0.1});
  ASSERT_TRUE(training.ok()) << training.status();
  size_t most = 0;
  for (Names names : ReadsAhead(*training)) {
    most = std::max(most, names.size());
    std::sort(names.begin(), names.end());
    EXPECT_EQ(std::unique(names.begin(), names.end()), names.end());
  }
  EXPECT_EQ(most, 3u);  // of a product that weights, two moments follow
}

}  // namespace
}  // namespace evengrad
