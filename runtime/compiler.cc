#include "evengrad/runtime/compiler.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "evengrad/graph/status.h"
#include "evengrad/runtime/buffer_plan.h"
#include "evengrad/runtime/fusion.h"
#include "evengrad/runtime/group_kernel.h"
#include "evengrad/runtime/passes.h"
#include "evengrad/runtime/schedule.h"
#include "evengrad/runtime/specialize.h"

namespace evengrad {
namespace {

// A simplification can make room for another; more rounds than this are not
// worth their time.
constexpr int kMaxRounds = 3;

// Kernels with less work than this together run on the calling thread: about
// three microseconds, in the units of NumParts.
constexpr int64_t kMinParallelWork = 6000;

// Gives every value a static type.
absl::Status SpecializeProgram(Program& program,
                               const std::map<int, Shape>& shapes) {
  const std::vector<bool> needed = NeededNodes(program);
  EVENGRAD_ASSIGN_OR_RETURN(RebuiltGraph specialized,
                            Specialize(program.graph, &needed, shapes));
  ForEachRoot(program, [&](Value& value) { value = specialized(value); });
  program.graph = std::move(specialized.graph);
  return absl::OkStatus();
}

absl::Status RunPasses(Program& program) {
  bool changed = true;
  for (int round = 0; changed && round < kMaxRounds; ++round) {
    changed = false;
    for (const Pass& pass : CompilerPasses()) {
      absl::StatusOr<bool> result = pass.run(program);
      if (!result.ok()) {
        return Prefixed(result.status(), StrCat("pass ", pass.name, ": "));
      }
      changed |= *result;
    }
  }
  return absl::OkStatus();
}

// The work of a group in the units of NumParts.
int64_t WorkOf(const Program& program, const Group& group) {
  int64_t work = 0;
  for (int id : group.nodes) {
    const Node node = program.graph.node(id);
    int64_t elements = node.output_type().shape.NumElements().value_or(0);
    if (node.op().cost) {
      elements = std::max(
          elements, static_cast<int64_t>(node.op().cost(node).flops / 32));
    }
    work += elements;
  }
  return work;
}

absl::Status MakeKernels(const FusionPlan& fusion, const Schedule& schedule,
                         const BufferPlan& buffers, CompiledProgram& compiled) {
  for (const std::vector<int>& groups : schedule.stages) {
    Stage stage{static_cast<int>(compiled.tasks.size()), 0, false};
    int64_t work = 0;
    for (int g : groups) {
      const Group& group = fusion.groups[g];
      const Node first = compiled.program.graph.node(group.nodes.front());
      absl::StatusOr<std::unique_ptr<Kernel>> kernel =
          MakeGroupKernel(compiled.program.graph, group, buffers);
      if (!kernel.ok()) return Prefixed(kernel.status(), first.ErrorPrefix());
      for (int part = 0; part < (*kernel)->num_parts(); ++part) {
        compiled.tasks.push_back({kernel->get(), part});
      }
      compiled.scratch_bytes =
          std::max(compiled.scratch_bytes,
                   static_cast<int64_t>((*kernel)->scratch_bytes()));
      compiled.kernels.push_back(*std::move(kernel));
      compiled.kernel_names.push_back(first.name());
      work += WorkOf(compiled.program, group);
    }
    stage.num_tasks =
        static_cast<int>(compiled.tasks.size()) - stage.first_task;
    stage.parallel = stage.num_tasks > 1 && work >= kMinParallelWork;
    compiled.stages.push_back(stage);
  }
  return absl::OkStatus();
}

// Guards before updates are tested after the stage that makes them, the others
// after the last.
std::vector<GuardTest> PlanGuards(const Program& program,
                                  const FusionPlan& fusion,
                                  const Schedule& schedule,
                                  const BufferPlan& buffers) {
  std::vector<GuardTest> tests;
  const int last = static_cast<int>(schedule.stages.size()) - 1;
  for (size_t i = 0; i < program.guards.size(); ++i) {
    const FiniteGuard& guard = program.guards[i];
    const int group = fusion.group_of[WithoutAliases(guard.value).id().node];
    const bool early = guard.before_updates && group >= 0;
    tests.push_back({.guard = static_cast<int>(i),
                     .buffer = buffers.BufferOf(guard.value.id()),
                     .dtype = guard.value.dtype(),
                     .after_stage = early ? schedule.stage_of[group] : last});
  }
  std::stable_sort(tests.begin(), tests.end(),
                   [](const GuardTest& a, const GuardTest& b) {
                     return a.after_stage < b.after_stage;
                   });
  return tests;
}

}  // namespace

absl::StatusOr<std::unique_ptr<CompiledProgram>> Compile(
    const Program& program, const std::map<int, Shape>& placeholder_shapes,
    const CompileOptions& options) {
  EVENGRAD_RETURN_IF_ERROR(VerifyProgram(program));
  auto compiled = std::make_unique<CompiledProgram>();
  compiled->program = program;
  Program& lowered = compiled->program;
  // Before ops are taken apart: an inference rule wants to see its op whole.
  EVENGRAD_RETURN_IF_ERROR(InferPass(lowered).status());
  EVENGRAD_RETURN_IF_ERROR(SpecializeProgram(lowered, placeholder_shapes));
  EVENGRAD_RETURN_IF_ERROR(RunPasses(lowered));
  EVENGRAD_RETURN_IF_ERROR(VerifyProgram(lowered));

  const FusionPlan fusion = PlanFusion(lowered, options.fuse);
  const Schedule schedule = PlanSchedule(lowered, fusion);
  EVENGRAD_ASSIGN_OR_RETURN(BufferPlan buffers,
                            PlanBuffers(lowered, fusion, schedule));
  EVENGRAD_RETURN_IF_ERROR(MakeKernels(fusion, schedule, buffers, *compiled));
  compiled->guards = PlanGuards(lowered, fusion, schedule, buffers);
  compiled->buffers = std::move(buffers.buffers);
  compiled->first_copies = std::move(buffers.first_copies);
  compiled->last_copies = std::move(buffers.last_copies);
  compiled->commits = std::move(buffers.commits);
  compiled->fetch_buffers = std::move(buffers.fetch_buffers);
  compiled->observation_buffers = std::move(buffers.observation_buffers);
  compiled->arena_bytes = buffers.arena_bytes;
  return compiled;
}

}  // namespace evengrad
