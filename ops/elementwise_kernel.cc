#include "evengrad/ops/elementwise_kernel.h"

#include <algorithm>
#include <array>
#include <utility>

#include "evengrad/graph/status.h"
#include "evengrad/ops/block_program.h"
#include "evengrad/ops/loop_totals.h"

namespace evengrad {
namespace {

// Programs have few inputs and outputs: their pointers fit the stack. More than
// fusion puts into one loop (runtime/fusion.cc) of ops with three inputs.
constexpr size_t kMaxPointers = 256;

absl::Status CheckPointers(size_t inputs, size_t outputs) {
  if (inputs <= kMaxPointers && outputs <= kMaxPointers) {
    return absl::OkStatus();
  }
  return absl::InternalError(StrCat("a fused loop has ", inputs, " inputs and ",
                                    outputs, " outputs; at most ", kMaxPointers,
                                    " of each are supported"));
}

// The buffers of what a loop stores or sums up; null for other outputs.
std::vector<int> BuffersOf(std::span<const LoopOutput> outputs) {
  std::vector<int> buffers;
  for (const LoopOutput& output : outputs) {
    buffers.push_back(IsCounted(output.ending) ? -1 : output.buffer);
  }
  return buffers;
}

// Where the inputs and outputs of a program lie in a run.
class Pointers {
 public:
  Pointers(std::span<const int> inputs, std::span<const int> outputs,
           const KernelContext& context, size_t first_input = 0) {
    for (size_t i = 0; i < inputs.size(); ++i) {
      inputs_[first_input + i] = context.buffers[inputs[i]];
    }
    for (size_t i = 0; i < outputs.size(); ++i) {
      outputs_[i] = outputs[i] < 0 ? nullptr : context.buffers[outputs[i]];
    }
  }
  void SetInput(size_t i, const void* input) { inputs_[i] = input; }
  const void* const* inputs() const { return inputs_.data(); }
  void* const* outputs() const { return outputs_.data(); }

 private:
  std::array<const void*, kMaxPointers> inputs_;
  std::array<void*, kMaxPointers> outputs_;
};

class FusedLoopKernel : public Kernel {
 public:
  FusedLoopKernel(BlockProgram program, const FusedLoop& loop)
      : program_(std::move(program)),
        inputs_(loop.input_buffers),
        outputs_(BuffersOf(loop.outputs)),
        num_parts_(NumPartsOf(program_)),
        totals_(loop.outputs, loop.compute_type, program_.num_elements(),
                num_parts_) {}

  int num_parts() const override { return num_parts_; }
  size_t scratch_bytes() const override { return program_.scratch_bytes(); }

  void Run(int part, const KernelContext& context) const override {
    const Pointers at(inputs_, outputs_, context);
    // A multiple of a cache line, so that workers do not share one.
    const int64_t grain = program_.period() * 16;
    const Range range =
        PartRange(program_.num_elements(), part, num_parts_, grain);
    totals_.Begin(part);
    program_.Begin(at.inputs(), context.scratch);
    program_.Run(range.begin, range.end, at.inputs(), at.outputs(),
                 context.scratch, part, totals_);
    program_.End(at.outputs(), context.scratch);
    totals_.End(context);
  }

 private:
  static int NumPartsOf(const BlockProgram& program) {
    if (program.has_sums()) return 1;  // added up by one worker, in order
    const int64_t elements = program.num_elements();
    return NumParts(elements, elements / program.period());
  }

  BlockProgram program_;
  std::vector<int> inputs_;
  std::vector<int> outputs_;
  int num_parts_;
  LoopTotals totals_;
};

class BlockEpilogue : public PreparedEpilogue {
 public:
  BlockEpilogue(BlockProgram program, const Epilogue& epilogue, int64_t columns,
                std::vector<int> companions, int num_parts)
      : program_(std::move(program)),
        columns_(columns),
        inputs_(epilogue.input_buffers),
        outputs_(BuffersOf(epilogue.outputs)),
        companions_(std::move(companions)),
        totals_(epilogue.outputs, epilogue.compute_type,
                program_.num_elements(), num_parts) {}

  size_t scratch_bytes() const override { return program_.scratch_bytes(); }
  std::span<const int> companions() const override { return companions_; }

  void Begin(int part) const override { totals_.Begin(part); }

  void Run(int part, const float* values, int64_t row_stride,
           const MatrixBlock& block, std::byte* scratch,
           const KernelContext& context) const override {
    if (block.row_begin >= block.row_end ||
        block.column_begin >= block.column_end) {
      return;
    }
    Pointers at(inputs_, outputs_, context, 1);
    // Input 0 is addressed by its position in the whole output, which begins
    // outside of the memory that there is.
    auto run = [&](const float* first, int64_t begin, int64_t end) {
      // NOLINTNEXTLINE(performance-no-int-to-ptr)
      at.SetInput(0, reinterpret_cast<const void*>(
                         reinterpret_cast<uintptr_t>(first) -
                         static_cast<uintptr_t>(begin) * sizeof(float)));
      program_.Run(begin, end, at.inputs(), at.outputs(), scratch, part,
                   totals_);
    };
    at.SetInput(0, values);
    program_.Begin(at.inputs(), scratch);
    const bool whole_rows = block.column_begin == 0 &&
                            block.column_end == columns_ &&
                            row_stride == columns_;
    if (whole_rows) {
      run(values, block.row_begin * columns_, block.row_end * columns_);
      return;
    }
    for (int64_t row = block.row_begin; row < block.row_end; ++row) {
      run(values + (row - block.row_begin) * row_stride,
          row * columns_ + block.column_begin,
          row * columns_ + block.column_end);
    }
  }

  void End(const KernelContext& context) const override {
    totals_.End(context);
  }

 private:
  BlockProgram program_;
  int64_t columns_;
  std::vector<int> inputs_;
  std::vector<int> outputs_;
  std::vector<int> companions_;
  LoopTotals totals_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Kernel>> MakeFusedLoop(FusedLoop loop) {
  EVENGRAD_RETURN_IF_ERROR(
      CheckPointers(loop.inputs.size(), loop.outputs.size()));
  EVENGRAD_ASSIGN_OR_RETURN(
      BlockProgram program,
      BlockProgram::Prepare(loop.program, loop.compute_type, loop.shape,
                            loop.inputs, loop.outputs));
  return std::make_unique<FusedLoopKernel>(std::move(program), loop);
}

absl::StatusOr<std::unique_ptr<Kernel>> MakeEnding(const KernelRequest& request,
                                                   LoopOutput ending) {
  const bool is_f64 = request.inputs[0].dtype == DType::kF64;
  ending.buffer = request.output_buffers[0];
  if (request.output_buffers.size() > 1) {
    ending.histogram_buffer = request.output_buffers[1];
  }
  return MakeFusedLoop({.program = {.num_inputs = 1, .outputs = {0}},
                        .compute_type = is_f64 ? DType::kF64 : DType::kF32,
                        .shape = request.inputs[0].shape,
                        .inputs = request.inputs,
                        .input_buffers = request.input_buffers,
                        .outputs = {std::move(ending)}});
}

absl::StatusOr<std::unique_ptr<PreparedEpilogue>> PrepareEpilogue(
    const Epilogue& epilogue, int64_t rows, int64_t columns, int num_parts) {
  EVENGRAD_RETURN_IF_ERROR(
      CheckPointers(epilogue.input_types.size() + 1, epilogue.outputs.size()));
  const Shape shape = {rows, columns};
  std::vector<TensorType> inputs = {F32(shape)};
  inputs.insert(inputs.end(), epilogue.input_types.begin(),
                epilogue.input_types.end());
  EVENGRAD_ASSIGN_OR_RETURN(
      BlockProgram program,
      BlockProgram::Prepare(epilogue.program, epilogue.compute_type, shape,
                            inputs, epilogue.outputs));
  std::vector<int> companions;
  for (size_t i = 0; i < epilogue.input_types.size(); ++i) {
    if (epilogue.input_types[i] == F32(shape)) {
      companions.push_back(epilogue.input_buffers[i]);
    }
  }
  return std::make_unique<BlockEpilogue>(std::move(program), epilogue, columns,
                                         std::move(companions), num_parts);
}

}  // namespace evengrad
