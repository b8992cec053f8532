// Kernels: the prepared code of a node (or of a fused group of nodes) for
// concrete types. Everything that can be decided before the first run is
// decided when a kernel is made; Run allocates nothing and looks nothing up.
#ifndef EVENGRAD_OPS_KERNEL_H_
#define EVENGRAD_OPS_KERNEL_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "evengrad/graph/attributes.h"
#include "evengrad/graph/export.h"
#include "evengrad/graph/op_def.h"
#include "evengrad/graph/tensor_type.h"
#include "evengrad/ops/expression.h"
#include "evengrad/ops/loop_output.h"

namespace evengrad {

// Where kernels report that a run cannot go on: it ends after the stage under
// way and gives the first report. Kernels of ops with has_effects run before
// any state has changed; others may report after updates in place. Thread-safe.
class EVENGRAD_EXPORT RunErrors {
 public:
  void Report(const absl::Status& status);
  bool any() const { return any_.load(std::memory_order_acquire); }
  // The first report, or OK; forgets it.
  absl::Status Take();

 private:
  std::atomic<bool> any_{false};
  std::mutex mutex_;
  absl::Status first_;
};

// What a kernel finds when it runs. `buffers` has one pointer a buffer of the
// plan; kernels keep indices into it, so that feeds and outputs can change
// place between runs.
struct KernelContext {
  void* const* buffers = nullptr;
  std::byte* scratch = nullptr;  // this worker's; at least scratch_bytes()
  uint64_t seed = 0;             // of the session
  uint64_t step = 0;             // of the session; 0 for initializers
  RunErrors* errors = nullptr;   // null: nobody listens

  template <typename T>
  const T* input(int buffer) const {
    return static_cast<const T*>(buffers[buffer]);
  }
  template <typename T>
  T* output(int buffer) const {
    return static_cast<T*>(buffers[buffer]);
  }
};

class EVENGRAD_EXPORT Kernel {
 public:
  virtual ~Kernel() = default;
  Kernel(const Kernel&) = delete;
  Kernel& operator=(const Kernel&) = delete;

  // Parts that may run at the same time on different workers. Depends on sizes
  // only, never on the number of workers, so that results don't either.
  virtual int num_parts() const { return 1; }
  // Bytes of scratch memory that one part needs.
  virtual size_t scratch_bytes() const { return 0; }
  // Bytes that it keeps between runs, beside that, where they are many: part of
  // what a program's memory is limited to.
  virtual size_t kept_bytes() const { return 0; }
  // What runs, for plans and profiles: "loop", "onednn:brg:avx512_core".
  virtual std::string implementation() const { return "loop"; }
  // Runs part 0 <= part < num_parts(). Thread-safe over parts. A run runs each
  // part once, whatever others report, before the next run begins: kernels
  // whose parts share something count on it.
  virtual void Run(int part, const KernelContext& context) const = 0;

 protected:
  Kernel() = default;
};

// A trailing elementwise program over a kernel's output 0: after each part of
// the output is computed, the program runs on it while it is in the cache.
// Input 0 of the program is the output's element; input i >= 1 is the buffer
// `inputs[i - 1]`, which broadcasts to the output's shape.
struct Epilogue {
  ElementwiseProgram program = {};
  DType compute_type = DType::kF32;
  std::vector<TensorType> input_types = {};
  std::vector<int> input_buffers = {};
  // One an output of the program: stored, or counted (IsCounted).
  std::vector<LoopOutput> outputs = {};
  // The kernel's own output is needed too (else it may live in scratch).
  bool keeps_output = true;
};

// Memory that will be read.
struct AheadRead {
  int buffer = -1;
  int64_t bytes = 0;
};

// What an OpDef::make_kernel sees. All types are static.
struct KernelRequest {
  const OpDef* op = nullptr;
  const Attributes* attributes = nullptr;
  std::vector<TensorType> inputs = {};
  std::vector<TensorType> outputs = {};
  std::vector<int> input_buffers = {};
  std::vector<int> output_buffers = {};
  const Epilogue* epilogue = nullptr;  // only where OpDef::epilogue is set
  // Read soon after this kernel: may be fetched from memory where arithmetic
  // leaves that idle. No result depends on it.
  std::vector<AheadRead> reads_ahead = {};
  // "model.cc:27: hidden1/check: ", before what the kernel reports.
  std::string error_prefix = {};

  template <typename T>
  const T& attribute(std::string_view name) const {
    return InferContext(*op, inputs, *attributes).attribute<T>(name);
  }
};

// Work below which a kernel is not split: about 10 µs of one core. A kernel of
// `work` units (elements touched, or flops / 32) is cut into this many parts,
// at most `limit`. A function of sizes only.
EVENGRAD_EXPORT int NumParts(int64_t work, int64_t limit);
// The half-open range of `total` items that belongs to `part` of `num_parts`,
// rounded to multiples of `grain` but for the last.
struct Range {
  int64_t begin = 0;
  int64_t end = 0;
};
EVENGRAD_EXPORT Range PartRange(int64_t total, int part, int num_parts,
                                int64_t grain = 1);

// A kernel from a function that runs it as one part: for ops that are not worth
// more.
template <typename Function>
std::unique_ptr<Kernel> MakeSimpleKernel(Function function) {
  class SimpleKernel : public Kernel {
   public:
    explicit SimpleKernel(Function function) : function_(std::move(function)) {}
    void Run(int, const KernelContext& context) const override {
      function_(context);
    }

   private:
    Function function_;
  };
  return std::make_unique<SimpleKernel>(std::move(function));
}

}  // namespace evengrad

#endif  // EVENGRAD_OPS_KERNEL_H_
