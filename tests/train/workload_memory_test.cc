// The arenas of the steps that the benchmarks measure.
#include <gtest/gtest.h>

#include <memory>

#include "benchmarks/training_workloads.h"
#include "evengrad/runtime/compiler.h"

namespace evengrad {
namespace {

TEST(WorkloadMemoryTest, ArenasAreNearTheMostBytesThatLiveAtOnce) {
  for (const Workload& workload : TrainingWorkloads()) {
    const absl::StatusOr<TrainingModel> model = MakeTrainingModel(workload);
    ASSERT_TRUE(model.ok()) << model.status();
    for (const bool fuse : {true, false}) {
      const absl::StatusOr<std::unique_ptr<CompiledProgram>> compiled =
          Compile(model->program, {}, {.fuse = fuse});
      ASSERT_TRUE(compiled.ok()) << compiled.status();
      const ProgramMemory& memory = (*compiled)->memory;
      EXPECT_GT(memory.arena_lower_bound, 0) << workload.Name();
      EXPECT_GE(memory.arena, memory.arena_lower_bound) << workload.Name();
      EXPECT_LE(static_cast<double>(memory.arena),
                1.1 * static_cast<double>(memory.arena_lower_bound))
          << workload.Name() << (fuse ? "" : ", unfused");
    }
  }
}

}  // namespace
}  // namespace evengrad
