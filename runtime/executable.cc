#include "evengrad/runtime/executable.h"

#include <chrono>
#include <cmath>
#include <cstring>
#include <utility>

#include "evengrad/graph/status.h"
#include "evengrad/graph/user_code.h"

namespace evengrad {
namespace {

// One stage as the thread pool sees it.
struct StageCall {
  const Task* tasks;
  const KernelContext* contexts;
  const CompiledProgram* compiled;
};

// A kernel may be the user's.
void RunPart(const Task& task, const KernelContext& context,
             const CompiledProgram& compiled) {
  const absl::Status status =
      CallUser("its kernel", [&] { task.kernel->Run(task.part, context); });
  if (status.ok()) return;
  std::string prefix;
  for (size_t i = 0; i < compiled.kernels.size(); ++i) {
    if (compiled.kernels[i].get() != task.kernel) continue;
    const int node = compiled.kernel_descriptions[i].nodes.front();
    prefix = compiled.program.graph.node(node).ErrorPrefix();
  }
  context.errors->Report(Prefixed(status, prefix));
}

void RunTask(void* argument, int task, int worker) {
  const auto& call = *static_cast<const StageCall*>(argument);
  RunPart(call.tasks[task], call.contexts[worker], *call.compiled);
}

// Somebody outside the executable holds a tensor of these results.
bool InUse(const std::shared_ptr<ResultTensors>& results) {
  if (results.use_count() > 1) return true;
  auto shared = [](const Tensor& t) { return t.buffer().use_count() > 1; };
  for (const Tensor& tensor : results->fetches) {
    if (shared(tensor)) return true;
  }
  for (const std::vector<Tensor>& tensors : results->observations) {
    for (const Tensor& tensor : tensors) {
      if (shared(tensor)) return true;
    }
  }
  return false;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Executable>> Executable::Create(
    std::unique_ptr<CompiledProgram> compiled, int num_workers,
    const std::function<Tensor*(std::string_view)>& find_state) {
  std::unique_ptr<Executable> executable(new Executable);
  executable->compiled_ = std::move(compiled);
  const std::vector<BufferSpec>& specs = executable->compiled_->buffers;
  executable->buffers_.assign(specs.size(), nullptr);
  for (size_t b = 0; b < specs.size(); ++b) {
    const BufferSpec& spec = specs[b];
    if (spec.kind == BufferKind::kFeed) {
      executable->feed_names_.push_back(spec.name);
      executable->feed_buffers_.push_back(static_cast<int>(b));
    } else if (spec.kind == BufferKind::kConstant) {
      executable->buffers_[b] = const_cast<void*>(spec.constant.data());
    } else if (spec.kind == BufferKind::kState) {
      Tensor* state = find_state(spec.name);
      if (state == nullptr) {
        return InvalidArgument("the program reads state '", spec.name,
                               "', which this session does not have");
      }
      if (!(state->type() == spec.type)) {
        return InvalidArgument("the program reads state '", spec.name, "' as ",
                               spec.type.ToString(), "; the session has it as ",
                               state->ToString());
      }
      executable->buffers_[b] = state->mutable_data();
    }
  }
  executable->contexts_.resize(num_workers);
  for (KernelContext& context : executable->contexts_) {
    context.buffers = executable->buffers_.data();
    context.errors = &executable->errors_;
  }
  return executable;
}

void Executable::BindMemory(std::byte* arena, std::byte* scratch) {
  const std::vector<BufferSpec>& specs = compiled_->buffers;
  for (size_t b = 0; b < specs.size(); ++b) {
    if (specs[b].kind == BufferKind::kArena) {
      buffers_[b] = arena + specs[b].offset;
    }
  }
  for (size_t worker = 0; worker < contexts_.size(); ++worker) {
    contexts_[worker].scratch = scratch + worker * compiled_->scratch_bytes;
  }
}

absl::Status Executable::RenewResults() {
  if (results_ != nullptr && !InUse(results_)) return absl::OkStatus();
  auto results = std::make_shared<ResultTensors>();
  // A value fetched twice has one buffer for each fetch.
  auto add = [&](int buffer, std::vector<Tensor>& tensors) -> absl::Status {
    EVENGRAD_ASSIGN_OR_RETURN(Tensor tensor,
                              Tensor::Zeros(compiled_->buffers[buffer].type));
    buffers_[buffer] = tensor.mutable_data();
    tensors.push_back(std::move(tensor));
    return absl::OkStatus();
  };
  for (int buffer : compiled_->fetch_buffers) {
    EVENGRAD_RETURN_IF_ERROR(add(buffer, results->fetches));
  }
  for (const std::vector<int>& buffers : compiled_->observation_buffers) {
    std::vector<Tensor>& tensors = results->observations.emplace_back();
    for (int buffer : buffers) EVENGRAD_RETURN_IF_ERROR(add(buffer, tensors));
  }
  results_ = std::move(results);
  return absl::OkStatus();
}

bool Executable::Test(const GuardTest& test) {
  if (std::isfinite(LoadAsDouble(test.dtype, buffers_[test.buffer], 0))) {
    return true;
  }
  failed_guard_ = test.guard;
  return false;
}

void Executable::SetProfile(Profile* profile) {
  profile_ = profile;
  profiled_kernels_.clear();
  if (profile == nullptr) return;
  profile->AddWorkers(static_cast<int>(contexts_.size()));
  int kernel = profile->AddKernels(*compiled_) - 1;
  for (const Task& task : compiled_->tasks) {
    if (task.part == 0) ++kernel;  // a kernel's parts follow one another
    profiled_kernels_.push_back(kernel);
  }
}

void Executable::RunStage(const Stage& stage, ThreadPool& pool) {
  StageCall call{compiled_->tasks.data() + stage.first_task, contexts_.data(),
                 compiled_.get()};
  if (IsShared(stage, pool)) {
    pool.Run(stage.num_tasks, RunTask, &call);
    return;
  }
  for (int task = 0; task < stage.num_tasks; ++task) RunTask(&call, task, 0);
}

void Executable::RunStageProfiled(const Stage& stage, ThreadPool& pool) {
  auto run = [&](int task, int worker) {
    const int index = stage.first_task + task;
    const Task& chosen = compiled_->tasks[index];
    const int64_t begin = profile_->Now();
    RunPart(chosen, contexts_[worker], *compiled_);
    profile_->Record(worker, {.begin = begin,
                              .end = profile_->Now(),
                              .kernel = profiled_kernels_[index],
                              .part = chosen.part});
  };
  if (IsShared(stage, pool)) {
    pool.Run(stage.num_tasks, run);
    return;
  }
  for (int task = 0; task < stage.num_tasks; ++task) run(task, 0);
}

absl::StatusOr<bool> Executable::RunStages(ThreadPool& pool) {
  size_t guard = 0;
  const std::vector<GuardTest>& guards = compiled_->guards;
  for (size_t s = 0; s < compiled_->stages.size(); ++s) {
    if (profile_ == nullptr) {
      RunStage(compiled_->stages[s], pool);
    } else {
      RunStageProfiled(compiled_->stages[s], pool);
    }
    // Not earlier: all parts of a kernel run (Kernel::Run).
    if (errors_.any()) return errors_.Take();
    for (; guard < guards.size() &&
           guards[guard].after_stage == static_cast<int>(s) &&
           s + 1 < compiled_->stages.size();
         ++guard) {
      if (!Test(guards[guard])) return false;
    }
  }
  while (guard < guards.size() && Test(guards[guard])) ++guard;
  return true;
}

void Executable::RunCopies(std::span<const BufferCopy> copies) {
  for (const BufferCopy& copy : copies) {
    if (copy.bytes == 0) continue;
    std::memcpy(buffers_[copy.to], buffers_[copy.from],
                static_cast<size_t>(copy.bytes));
  }
}

absl::Status Executable::RunBound(ThreadPool& pool) {
  RunCopies(compiled_->first_copies);
  failed_guard_ = -1;
  EVENGRAD_ASSIGN_OR_RETURN(const bool complete, RunStages(pool));
  if (complete) RunCopies(compiled_->last_copies);
  if (failed_guard_ < 0) RunCopies(compiled_->commits);
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const ResultTensors>> Executable::Run(
    std::span<const void* const> feeds, uint64_t seed, uint64_t step,
    ThreadPool& pool) {
  for (size_t i = 0; i < feed_buffers_.size(); ++i) {
    buffers_[feed_buffers_[i]] = const_cast<void*>(feeds[i]);
  }
  EVENGRAD_RETURN_IF_ERROR(RenewResults());
  for (KernelContext& context : contexts_) {
    context.seed = seed;
    context.step = step;
  }
  const int64_t begin = profile_ == nullptr ? 0 : profile_->Now();
  const auto start = std::chrono::steady_clock::now();
  const absl::Status status = RunBound(pool);
  if (status.ok() && failed_guard_ < 0) {  // and no stage was left out
    sharing_.Add(std::chrono::steady_clock::now() - start);
  }
  if (profile_ != nullptr) {
    profile_->Record(0, {.begin = begin,
                         .end = profile_->Now(),
                         .step = static_cast<int64_t>(step) + 1});
  }
  EVENGRAD_RETURN_IF_ERROR(status);
  return std::shared_ptr<const ResultTensors>(results_);
}

}  // namespace evengrad
