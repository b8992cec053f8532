// What the compiler makes of a program for one set of feed shapes: kernels in
// order, and the buffers they read and write. Immutable; a session binds it to
// memory.
#ifndef EVENGRAD_RUNTIME_COMPILED_PROGRAM_H_
#define EVENGRAD_RUNTIME_COMPILED_PROGRAM_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "evengrad/graph/export.h"
#include "evengrad/graph/tensor.h"
#include "evengrad/graph/tensor_type.h"
#include "evengrad/ops/kernel.h"
#include "evengrad/runtime/program.h"
#include "evengrad/runtime/rounded_state.h"

namespace evengrad {

enum class BufferKind : uint8_t {
  kArena,     // at an offset of the session's arena
  kFeed,      // the caller's tensor
  kState,     // the session's tensor
  kConstant,  // held by the program
  kResult,    // a tensor that the caller gets
};

struct BufferSpec {
  BufferKind kind = BufferKind::kArena;
  TensorType type = {};
  std::string name = {};  // of the node: finds the feed or state
  int64_t bytes = 0;
  int64_t offset = 0;    // kArena
  Tensor constant = {};  // kConstant
};

// Moves whole buffers: results that are no kernel's own, and new state values
// that could not be written in place.
struct BufferCopy {
  int from = -1;
  int to = -1;
  int64_t bytes = 0;
};

// One part of one kernel.
struct Task {
  const Kernel* kernel = nullptr;
  int part = 0;
};

// Tasks that do not depend on each other.
struct Stage {
  int first_task = 0;
  int num_tasks = 0;
  bool parallel = false;  // enough work to wake other workers
};

// A number that must be finite for the run to go on.
struct GuardTest {
  int guard = -1;  // index into Program::guards
  int buffer = -1;
  DType dtype = DType::kF32;
  int after_stage = -1;  // tested when that stage has run
};

// What a pass did to the number of nodes.
struct PassReport {
  std::string name = {};
  int nodes_before = 0;
  int nodes_after = 0;
};

// Bytes that a program needs beside its feeds and its workers' scratch memory.
struct ProgramMemory {
  int64_t arena = 0;              // values of a run
  int64_t arena_lower_bound = 0;  // the most of them that live at once
  int64_t states = 0;
  int64_t results = 0;
  int64_t constants = 0;
  int64_t kept = 0;  // by kernels between runs (Kernel::kept_bytes)

  int64_t Total() const { return arena + states + results + constants + kept; }
};

// What one kernel stands for, for listings.
struct KernelDescription {
  // Of CompiledProgram::program: first so many that do more than watch, then
  // those that only observations need.
  std::vector<int> nodes = {};
  int num_trained = 0;
  std::vector<std::string> ops = {};  // of the nodes
  double flops = 0;                   // as far as the ops tell
  // Much arithmetic for each byte, in a slow implementation.
  bool has_slow_product = false;
  int stage = 0;
  std::vector<int> reads = {};  // buffers, in ascending order
  std::vector<int> writes = {};
};

struct CompiledProgram {
  // The program after all passes, for listings. Its feeds and states are found
  // by name.
  Program program = {};
  std::vector<BufferSpec> buffers = {};
  std::vector<std::unique_ptr<Kernel>> kernels = {};
  std::vector<std::string> kernel_names = {};  // first node of each
  std::vector<KernelDescription> kernel_descriptions = {};
  std::vector<Task> tasks = {};
  std::vector<Stage> stages = {};
  std::vector<GuardTest> guards = {};  // in order of their stages
  // Before the first stage, after the last, and then into states.
  std::vector<BufferCopy> first_copies = {};
  std::vector<BufferCopy> last_copies = {};
  std::vector<BufferCopy> commits = {};
  // Result buffers: one a fetch, and one a value of each observation.
  std::vector<int> fetch_buffers = {};
  std::vector<std::vector<int>> observation_buffers = {};
  std::vector<RoundedState> rounded_states = {};
  int64_t arena_bytes = 0;
  int64_t scratch_bytes = 0;  // that one worker needs
  ProgramMemory memory = {};
  std::vector<PassReport> passes = {};  // in the order in which they ran
};

}  // namespace evengrad

#endif  // EVENGRAD_RUNTIME_COMPILED_PROGRAM_H_
