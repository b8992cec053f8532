// A compiled program bound to memory: the flat arrays that a run walks.
#ifndef EVENGRAD_RUNTIME_EXECUTABLE_H_
#define EVENGRAD_RUNTIME_EXECUTABLE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "evengrad/graph/export.h"
#include "evengrad/graph/tensor.h"
#include "evengrad/ops/kernel.h"
#include "evengrad/runtime/compiled_program.h"
#include "evengrad/runtime/profile.h"
#include "evengrad/runtime/sharing.h"
#include "evengrad/runtime/thread_pool.h"

namespace evengrad {

// The tensors that one run hands out: fetches, then observed values.
struct ResultTensors {
  std::vector<Tensor> fetches = {};
  std::vector<std::vector<Tensor>> observations = {};
};

class EVENGRAD_EXPORT Executable {
 public:
  // `find_state` gives the session's tensor of a state; its memory must stay
  // where it is while the executable lives.
  static absl::StatusOr<std::unique_ptr<Executable>> Create(
      std::unique_ptr<CompiledProgram> compiled, int num_workers,
      const std::function<Tensor*(std::string_view)>& find_state);

  const CompiledProgram& compiled() const { return *compiled_; }
  // Names of the placeholders that a run reads, in the order of `feeds` below.
  const std::vector<std::string>& feed_names() const { return feed_names_; }

  // Arena and scratch memory may be shared with other executables, of which one
  // runs at a time. `scratch` holds compiled().scratch_bytes a worker.
  void BindMemory(std::byte* arena, std::byte* scratch);

  // Records every run in `profile` from now on; its memory must stay where it
  // is while the executable lives.
  void SetProfile(Profile* profile);

  // One run. `feeds` has the memory of each placeholder. The results are
  // allocated anew only while somebody still holds those of the run before.
  // What a kernel reports stops the run after its stage.
  absl::StatusOr<std::shared_ptr<const ResultTensors>> Run(
      std::span<const void* const> feeds, uint64_t seed, uint64_t step,
      ThreadPool& pool);
  // The guard (an index into Program::guards) that the last run failed, or -1.
  // One before updates has left every state as it was, and results undefined;
  // with another, results are complete.
  int failed_guard() const { return failed_guard_; }

 private:
  Executable() = default;
  absl::Status RenewResults();
  absl::Status RunBound(ThreadPool& pool);
  // False when a guard has ended the run before the last stage; an error when a
  // kernel has.
  absl::StatusOr<bool> RunStages(ThreadPool& pool);
  void RunStage(const Stage& stage, ThreadPool& pool);
  void RunStageProfiled(const Stage& stage, ThreadPool& pool);
  // Whether the workers of `pool` share the stage in this run.
  bool IsShared(const Stage& stage, const ThreadPool& pool) const {
    return stage.parallel && pool.num_threads() > 1 && sharing_.shared();
  }
  bool Test(const GuardTest& test);
  void RunCopies(std::span<const BufferCopy> copies);

  std::unique_ptr<CompiledProgram> compiled_;
  std::vector<std::string> feed_names_;
  std::vector<int> feed_buffers_;
  std::vector<void*> buffers_;           // what kernels index
  std::vector<KernelContext> contexts_;  // by worker
  std::shared_ptr<ResultTensors> results_;
  Sharing sharing_;
  int failed_guard_ = -1;
  Profile* profile_ = nullptr;
  std::vector<int> profiled_kernels_;  // of each task, where there is a profile
  RunErrors errors_;
};

}  // namespace evengrad

#endif  // EVENGRAD_RUNTIME_EXECUTABLE_H_
