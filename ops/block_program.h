// An elementwise program prepared to run over part of a row-major loop, in
// blocks that stay in the L1 cache. The fused loop and the epilogue are made of
// it. Prepared in block_program.cc, run in block_program_run.cc.
#ifndef EVENGRAD_OPS_BLOCK_PROGRAM_H_
#define EVENGRAD_OPS_BLOCK_PROGRAM_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "evengrad/graph/tensor_type.h"
#include "evengrad/ops/broadcast.h"
#include "evengrad/ops/expression.h"
#include "evengrad/ops/joined_primitives.h"
#include "evengrad/ops/loop_output.h"
#include "evengrad/ops/loop_totals.h"
#include "evengrad/ops/vector_primitives.h"

namespace evengrad {

class BlockProgram {
 public:
  BlockProgram() = default;
  // Types are static.
  static absl::StatusOr<BlockProgram> Prepare(
      const ElementwiseProgram& program, DType compute_type, const Shape& loop,
      std::span<const TensorType> inputs, std::span<const LoopOutput> outputs);

  size_t scratch_bytes() const { return scratch_bytes_; }
  // Ranges that begin at multiples of it reuse what rows repeat.
  int64_t period() const { return period_; }
  bool has_sums() const { return has_sums_; }
  // Elements of the whole loop.
  int64_t num_elements() const { return num_elements_; }

  // Once before the ranges of a part: reads scalars and clears sums. Inputs and
  // outputs are the starts of the whole tensors.
  void Begin(const void* const* inputs, std::byte* scratch) const;
  // Positions [begin, end) of the loop, in part `part` of the kernel.
  void Run(int64_t begin, int64_t end, const void* const* inputs,
           void* const* outputs, std::byte* scratch, int part,
           const LoopTotals& totals) const;
  // After the last range: stores the sums.
  void End(void* const* outputs, std::byte* scratch) const;

 private:
  // Of a register's block: so few that what a step reads and writes stays in
  // the L1 cache, and what the others use is near.
  static constexpr size_t kBufferBytes = 8192;
  // At most so many elements of a loop that ends in sums, which are added up
  // block by block.
  static constexpr int64_t kSummedBlock = 1024;
  static constexpr size_t kAlignment = 64;
  static constexpr size_t kSlot = 8;  // bytes of a scalar

  struct Output {
    DType dtype = DType::kF32;
    LoopEnding ending = LoopEnding::kNone;
    Broadcast place = {};  // of a sum: where an element is added
    int64_t elements = 0;  // of a sum's result
    int total = 0;         // the number of what is counted
    int minus = -1;        // register that is subtracted on the way there
    // Statistics of an input copy it as they read it where it is this one of
    // overwritten_.
    int overwritten = -1;
  };
  // Where a register lives while a block runs.
  enum class Place : uint8_t {
    kScalar,  // one element, in the scalar slots
    kBuffer,  // a block buffer
    kInput,   // inside the input's own memory
  };
  struct Register {
    Place place = Place::kBuffer;
    int index = 0;  // slot, buffer or input
  };
  struct Step {
    VectorFunction function = nullptr;
    int inputs[3] = {-1, -1, -1};
    int result = 0;
  };
  // A loaded input: how its block gets into its buffer.
  struct Load {
    int input = 0;
    int register_index = 0;
    DType dtype = DType::kF32;
    Broadcast broadcast = {};
    VectorFunction convert = nullptr;
    bool once = false;  // the same in every block of a range
  };
  // An output that is stored.
  struct Store {
    int output = 0;
    int register_index = 0;
    VectorFunction convert = nullptr;  // where no step writes it directly
  };
  // An input in its own memory that is read after one of these outputs is
  // stored. Where that has the same memory, a copy of the block is read.
  struct Overwritten {
    int input = 0;
    std::vector<int> outputs = {};
    int buffer = 0;                 // of the copy
    bool copied_by_output = false;  // by an early output, as it reads it
  };

  ElementwiseProgram TakeDifferences(ElementwiseProgram program);
  void PlanInputs(const ElementwiseProgram& program,
                  std::span<const TensorType> inputs, const Shape& loop);
  void PlanPeriod();
  void PlanSteps(const ElementwiseProgram& program);
  void AddImmediate(const ElementwisePass& pass);
  void AddScalarStep(const ElementwisePass& pass, Step step);
  void PlanOutputs(const ElementwiseProgram& program);
  void PlanOverwritten(const ElementwiseProgram& program);
  void PlanScratch();
  int64_t BlockEnd(int64_t begin, int64_t end) const;
  const void* ElementsOf(int register_index, std::byte* const* pointers,
                         std::byte* spare, size_t count) const;
  std::byte* CopyOf(const Overwritten& overwritten, const void* const* inputs,
                    void* const* outputs, std::byte* scratch) const;
  void LoadBlock(const Load& load, int64_t begin, int64_t n,
                 const void* const* inputs, std::byte* scratch) const;
  void AddToSum(const Output& output, int64_t offset, const void* values,
                int64_t begin, int64_t n, std::byte* scratch) const;

  DType compute_type_ = DType::kF32;
  size_t element_ = 4;
  VectorFunction fill_ = nullptr;
  SumFunctions sum_functions_ = {};
  int64_t num_elements_ = 0;
  int64_t period_ = 1;
  int64_t row_ = 0;  // blocks do not cross multiples of it; 0: no limit
  int64_t block_ = 0;
  bool has_sums_ = false;
  std::vector<Register> registers_;
  std::vector<int64_t> immediates_;  // initial bits of the scalar slots
  std::vector<int> scalar_inputs_;   // inputs of one element …
  std::vector<int> scalar_slots_;    // … and their slots
  std::vector<VectorFunction> scalar_loads_;
  std::vector<Step> scalar_steps_;
  std::vector<Step> steps_;
  std::vector<Load> loads_;
  std::vector<int> in_place_inputs_;
  std::vector<Store> direct_stores_;  // by the steps that compute them
  std::vector<Store> stores_;         // after the steps
  std::vector<Overwritten> overwritten_;
  std::vector<Output> outputs_;
  std::vector<int> early_outputs_;  // counted before the steps: inputs
  std::vector<int> late_outputs_;   // summed or counted after them
  std::vector<int> output_registers_;
  std::vector<int64_t> sum_offsets_;  // bytes, by output
  int num_buffers_ = 0;
  size_t buffers_offset_ = 0;
  size_t pointers_offset_ = 0;
  size_t partial_offset_ = 0;
  size_t sums_offset_ = 0;
  size_t scratch_bytes_ = 0;
};

}  // namespace evengrad

#endif  // EVENGRAD_OPS_BLOCK_PROGRAM_H_
