#include "evengrad/runtime/compiler.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "evengrad/graph/status.h"
#include "evengrad/graph/suggest.h"
#include "evengrad/graph/user_code.h"
#include "evengrad/runtime/buffer_plan.h"
#include "evengrad/runtime/estimated_time.h"
#include "evengrad/runtime/fusion.h"
#include "evengrad/runtime/group_kernel.h"
#include "evengrad/runtime/memory_limit.h"
#include "evengrad/runtime/passes.h"
#include "evengrad/runtime/read_ahead.h"
#include "evengrad/runtime/schedule.h"
#include "evengrad/runtime/specialize.h"

namespace evengrad {
namespace {

// A simplification can make room for another; more rounds than this are not
// worth their time.
constexpr int kMaxRounds = 3;

// To hand a kernel over to another worker, with what it reads and writes, costs
// as much.
constexpr double kLeastGainNanoseconds = 500;

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

// The same shapes by the ids that the placeholders have in `lowered`; a rebuilt
// graph keeps their names.
std::map<int, Shape> ShapesIn(const Graph& lowered, const Graph& original,
                              const std::map<int, Shape>& shapes) {
  std::map<int, Shape> renumbered;
  for (const auto& [id, shape] : shapes) {
    if (id < 0 || id >= original.num_nodes()) continue;
    const Node node = lowered.FindNode(original.node(id).name());
    if (node.valid()) renumbered[node.id()] = shape;
  }
  return renumbered;
}

// Until nothing changes, or the pass `last` has run.
absl::Status RunPasses(Program& program, std::string_view last,
                       std::vector<PassReport>& reports) {
  bool changed = true;
  for (int round = 0; changed && round < kMaxRounds; ++round) {
    changed = false;
    for (const Pass& pass : CompilerPasses()) {
      const int before = program.graph.num_nodes();
      absl::StatusOr<bool> result = pass.run(program);
      if (!result.ok()) {
        return Prefixed(result.status(), StrCat("pass ", pass.name, ": "));
      }
      reports.push_back(
          {std::string(pass.name), before, program.graph.num_nodes()});
      if (pass.name == last) return absl::OkStatus();
      changed |= *result;
    }
  }
  return absl::OkStatus();
}

// A plain loop, or what oneDNN has where it has nothing better.
bool IsSlow(std::string_view implementation) {
  return implementation.starts_with("loop") ||
         implementation.find("ref") != std::string_view::npos;
}

KernelDescription DescribeKernel(const Graph& graph, const FusionPlan& fusion,
                                 const Group& group, const BufferPlan& buffers,
                                 int stage, std::string_view implementation) {
  constexpr double kManyFlops = 1e4;
  std::set<int> reads;
  std::set<int> writes;
  KernelDescription description{.nodes = group.nodes, .stage = stage};
  for (int id : group.nodes) {
    const Node node = graph.node(id);
    description.num_trained += fusion.trained[id] ? 1 : 0;
    description.ops.emplace_back(node.op().name);
    if (node.op().cost) {
      const Cost cost = node.op().cost(node);
      description.flops += cost.flops;
      description.has_slow_product |= cost.flops > cost.bytes &&
                                      cost.flops > kManyFlops &&
                                      IsSlow(implementation);
    }
    for (int i = 0; i < node.num_inputs(); ++i) {
      const int buffer = buffers.BufferOf(node.input_id(i));
      if (buffer >= 0 && !writes.contains(buffer)) reads.insert(buffer);
    }
    for (int i = 0; i < node.num_outputs(); ++i) {
      const int buffer = buffers.BufferOf(node.output(i).id());
      if (buffer >= 0) writes.insert(buffer);
    }
  }
  description.reads.assign(reads.begin(), reads.end());
  description.writes.assign(writes.begin(), writes.end());
  return description;
}

// A worker's; no machine has more, and sums of them do not overflow.
constexpr size_t kMostScratchBytes = size_t{1} << 48;

absl::Status MakeKernels(const FusionPlan& fusion,
                         const StageSchedule& schedule,
                         const BufferPlan& buffers, CompiledProgram& compiled) {
  std::vector<std::vector<AheadRead>> reads_ahead =
      PlanReadsAhead(compiled.program.graph, fusion, schedule, buffers);
  for (const std::vector<int>& groups : schedule.stages) {
    Stage stage{static_cast<int>(compiled.tasks.size()), 0, false};
    double time = 0;
    double longest_time = 0;
    bool has_parts = false;  // a kernel that has been cut is worth sharing
    for (int g : groups) {
      const Group& group = fusion.groups[g];
      const Node first = compiled.program.graph.node(group.nodes.front());
      absl::StatusOr<std::unique_ptr<Kernel>> kernel =
          MakeGroupKernel(compiled.program.graph, group, fusion.trained,
                          buffers, std::move(reads_ahead[g]));
      if (!kernel.ok()) return Prefixed(kernel.status(), first.ErrorPrefix());
      if ((*kernel)->num_parts() < 1) {
        return absl::InternalError(StrCat(
            first.ErrorPrefix(), "the kernel of op '", first.op().name,
            "' has ", (*kernel)->num_parts(), " parts, expected 1 or more"));
      }
      if ((*kernel)->scratch_bytes() > kMostScratchBytes) {
        return absl::ResourceExhaustedError(
            StrCat(first.ErrorPrefix(), "the kernel of op '", first.op().name,
                   "' asks for ", (*kernel)->scratch_bytes(),
                   " bytes of scratch memory, more than there can be"));
      }
      for (int part = 0; part < (*kernel)->num_parts(); ++part) {
        compiled.tasks.push_back({kernel->get(), part});
      }
      has_parts |= (*kernel)->num_parts() > 1;
      const double kernel_time = EstimatedTime(compiled.program.graph, group);
      time += kernel_time;
      longest_time = std::max(longest_time, kernel_time);
      // Every worker's share begins at a multiple of 64 bytes.
      compiled.scratch_bytes = std::max(
          compiled.scratch_bytes,
          static_cast<int64_t>(((*kernel)->scratch_bytes() + 63) / 64 * 64));
      compiled.memory.kept += static_cast<int64_t>((*kernel)->kept_bytes());
      compiled.kernels.push_back(*std::move(kernel));
      compiled.kernel_names.push_back(first.name());
      compiled.kernel_descriptions.push_back(
          DescribeKernel(compiled.program.graph, fusion, group, buffers,
                         static_cast<int>(compiled.stages.size()),
                         compiled.kernels.back()->implementation()));
    }
    stage.num_tasks =
        static_cast<int>(compiled.tasks.size()) - stage.first_task;
    stage.parallel = has_parts || time - std::max(time / 2, longest_time) >=
                                      kLeastGainNanoseconds;
    compiled.stages.push_back(stage);
  }
  return absl::OkStatus();
}

// Guards before updates are tested after the stage that makes them, the others
// after the last.
std::vector<GuardTest> PlanGuards(const Program& program,
                                  const FusionPlan& fusion,
                                  const StageSchedule& schedule,
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

absl::StatusOr<Program> LowerProgram(
    const Program& program, const std::map<int, Shape>& placeholder_shapes,
    std::string_view last, std::vector<PassReport>* reports,
    Precision precision, std::vector<RoundedState>* rounded) {
  const std::vector<std::string_view> steps = LoweringSteps();
  if (!last.empty() && std::ranges::find(steps, last) == steps.end()) {
    return InvalidArgument("there is no pass '", last, "'",
                           DidYouMean(last, steps));
  }
  EVENGRAD_RETURN_IF_ERROR(VerifyProgram(program));
  Program lowered = program;
  // Before ops are taken apart: an inference rule wants to see its op whole.
  EVENGRAD_RETURN_IF_ERROR(InferPass(lowered).status());
  if (last == "infer") return lowered;
  std::vector<PassReport> done = {{"specialize", lowered.graph.num_nodes(), 0}};
  EVENGRAD_RETURN_IF_ERROR(SpecializeProgram(
      lowered, ShapesIn(lowered.graph, program.graph, placeholder_shapes)));
  done[0].nodes_after = lowered.graph.num_nodes();
  if (last == "specialize") return lowered;
  if (precision == Precision::kBF16) {
    const int before = lowered.graph.num_nodes();
    absl::StatusOr<std::vector<RoundedState>> states = NarrowPass(lowered);
    if (!states.ok()) return Prefixed(states.status(), "pass narrow: ");
    if (rounded != nullptr) *rounded = *std::move(states);
    done.push_back({"narrow", before, lowered.graph.num_nodes()});
  }
  EVENGRAD_RETURN_IF_ERROR(RunPasses(lowered, last, done));
  if (reports != nullptr) {
    reports->insert(reports->end(), done.begin(), done.end());
  }
  EVENGRAD_RETURN_IF_ERROR(VerifyProgram(lowered));
  return lowered;
}

absl::StatusOr<std::unique_ptr<CompiledProgram>> CompileProgram(
    const Program& program, const std::map<int, Shape>& placeholder_shapes,
    const CompileOptions& options) {
  auto compiled = std::make_unique<CompiledProgram>();
  EVENGRAD_ASSIGN_OR_RETURN(
      compiled->program,
      Lower(program, placeholder_shapes, "", &compiled->passes,
            options.precision, &compiled->rounded_states));
  const Program& lowered = compiled->program;
  const FusionPlan fusion = PlanFusion(lowered, options.fuse);
  EVENGRAD_ASSIGN_OR_RETURN(const StageSchedule schedule,
                            PlanSchedule(lowered, fusion));
  EVENGRAD_ASSIGN_OR_RETURN(BufferPlan buffers,
                            PlanBuffers(lowered, fusion, schedule));
  compiled->memory = MemoryOf(buffers);
  EVENGRAD_RETURN_IF_ERROR(MakeKernels(fusion, schedule, buffers, *compiled));
  EVENGRAD_RETURN_IF_ERROR(CheckMemoryLimit(compiled->memory, lowered, buffers,
                                            options.memory_limit_bytes));
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

// Passes and kernels call the functions of ops.
constexpr std::string_view kOps = "a function of an op";

}  // namespace

std::vector<std::string_view> LoweringSteps() {
  std::vector<std::string_view> steps = {"infer", "specialize"};
  for (const Pass& pass : CompilerPasses()) steps.push_back(pass.name);
  return steps;
}

absl::StatusOr<Program> Lower(const Program& program,
                              const std::map<int, Shape>& placeholder_shapes,
                              std::string_view last,
                              std::vector<PassReport>* reports,
                              Precision precision,
                              std::vector<RoundedState>* rounded) {
  return CallUser(kOps, [&] {
    return LowerProgram(program, placeholder_shapes, last, reports, precision,
                        rounded);
  });
}

absl::StatusOr<std::unique_ptr<CompiledProgram>> Compile(
    const Program& program, const std::map<int, Shape>& placeholder_shapes,
    const CompileOptions& options) {
  return CallUser(kOps, [&] {
    return CompileProgram(program, placeholder_shapes, options);
  });
}

}  // namespace evengrad
