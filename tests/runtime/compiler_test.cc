#include "evengrad/runtime/compiler.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "evengrad/graph/graph.h"
#include "evengrad/graph/source_ops.h"
#include "evengrad/ops/ops.h"

namespace evengrad {
namespace {

// Whether workers share the stage of each kernel; `fetched` is all there is.
std::vector<bool> SharedStages(const Graph& graph,
                               const std::vector<Value>& fetched) {
  Program program{.graph = graph};
  for (const Value& value : fetched) {
    program.fetches.push_back({value.name(), value});
  }
  const absl::StatusOr<std::unique_ptr<CompiledProgram>> compiled =
      Compile(program, {}, {});
  EXPECT_TRUE(compiled.ok()) << compiled.status();
  std::vector<bool> shared;
  if (!compiled.ok()) return shared;
  for (const KernelDescription& kernel : (*compiled)->kernel_descriptions) {
    shared.push_back((*compiled)->stages[kernel.stage].parallel);
  }
  return shared;
}

using Shared = std::vector<bool>;

TEST(CompilerTest, WorkersShareWhatIsCut) {
  Graph graph;
  EXPECT_EQ(SharedStages(graph, {RandomNormal(graph, F32({32768}))}),
            Shared({true}));
}

TEST(CompilerTest, WorkersShareKernelsThatTakeAWhile) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({60, 60}));
  EXPECT_EQ(SharedStages(graph, {MatMul(x, x), MatMul(x, x + 1.0)}),
            Shared({false, true, true}));  // the sum comes first
}

// The second is over before another worker has begun it.
TEST(CompilerTest, OneWorkerRunsWhatIsSoonOver) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({60, 60}));
  const Value y = Placeholder(graph, "y", F32({5}));
  EXPECT_EQ(SharedStages(graph, {MatMul(x, x), Exp(y)}),
            Shared({false, false}));
  const Value big = Placeholder(graph, "big", F32({1000, 1000}));
  EXPECT_EQ(
      SharedStages(graph, {Slice(big, {{.axis = 0, .stop = 1}}),
                           Slice(big, {{.axis = 0, .start = 9, .stop = 10}})}),
      Shared({false, false}));
}

}  // namespace
}  // namespace evengrad
