// What a product fetches for the next one.
#include "evengrad/runtime/read_ahead.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/ops.h"
#include "evengrad/runtime/compiler.h"

namespace evengrad {
namespace {

// By product, the names of what it fetches of a chain of so many layers.
std::vector<std::vector<std::string>> ReadsAhead(int64_t layers,
                                                 int64_t units) {
  std::vector<std::vector<std::string>> names;
  Graph graph;
  Value x = Placeholder(graph, "x", F32({8, units}));
  for (int64_t layer = 0; layer < layers; ++layer) {
    const Value weights =
        State(graph, StrCat("w", layer),
              Constant(graph, *Tensor::Zeros(F32({units, units}))));
    x = Relu(MatMul(x, weights) + 1.0);
  }
  const absl::StatusOr<Program> program =
      Lower({.graph = graph, .fetches = {{"x", x}}}, {});
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

// 450 matrices of 40 kB.
TEST(ReadAheadTest, OfStatesThatNoCacheHoldsTheNextProducts) {
  const std::vector<std::vector<std::string>> names = ReadsAhead(450, 100);
  ASSERT_EQ(names.size(), 450u);
  for (size_t i = 0; i + 1 < names.size(); ++i) {
    EXPECT_EQ(names[i], std::vector<std::string>({StrCat("w", i + 1)}));
  }
  EXPECT_TRUE(names.back().empty());
}

TEST(ReadAheadTest, NothingOfFewStatesNorOfLargeOnes) {
  for (const std::vector<std::string>& none : ReadsAhead(100, 100)) {
    EXPECT_TRUE(none.empty());
  }
  for (const std::vector<std::string>& none : ReadsAhead(60, 300)) {
    EXPECT_TRUE(none.empty());
  }
}

}  // namespace
}  // namespace evengrad
