#include "evengrad/ops/elementwise_kernel.h"

#include <algorithm>
#include <array>
#include <utility>

#include "evengrad/graph/status.h"
#include "evengrad/ops/block_program.h"

namespace evengrad {
namespace {

// Programs have few inputs and outputs: their pointers fit the stack.
constexpr size_t kMaxPointers = 128;

absl::Status CheckPointers(size_t inputs, size_t outputs) {
  if (inputs <= kMaxPointers && outputs <= kMaxPointers) {
    return absl::OkStatus();
  }
  return absl::InternalError(StrCat("a fused loop has ", inputs, " inputs and ",
                                    outputs, " outputs; at most ", kMaxPointers,
                                    " of each are supported"));
}

class FusedLoopKernel : public Kernel {
 public:
  FusedLoopKernel(BlockProgram program, std::vector<int> inputs,
                  std::vector<int> outputs)
      : program_(std::move(program)),
        inputs_(std::move(inputs)),
        outputs_(std::move(outputs)) {
    // Sums are added up by one worker, in order.
    const int64_t elements = program_.num_elements();
    if (!program_.has_sums()) {
      num_parts_ = NumParts(elements, elements / program_.period());
    }
  }

  int num_parts() const override { return num_parts_; }
  size_t scratch_bytes() const override { return program_.scratch_bytes(); }

  void Run(int part, const KernelContext& context) const override {
    std::array<const void*, kMaxPointers> inputs;
    std::array<void*, kMaxPointers> outputs;
    for (size_t i = 0; i < inputs_.size(); ++i) {
      inputs[i] = context.buffers[inputs_[i]];
    }
    for (size_t i = 0; i < outputs_.size(); ++i) {
      outputs[i] = context.buffers[outputs_[i]];
    }
    // A multiple of a cache line, so that workers do not share one.
    const int64_t grain = program_.period() * 16;
    const Range range =
        PartRange(program_.num_elements(), part, num_parts_, grain);
    program_.Begin(inputs.data(), context.scratch);
    program_.Run(range.begin, range.end, inputs.data(), outputs.data(),
                 context.scratch);
    program_.End(outputs.data(), context.scratch);
  }

 private:
  BlockProgram program_;
  std::vector<int> inputs_;
  std::vector<int> outputs_;
  int num_parts_ = 1;
};

class BlockEpilogue : public PreparedEpilogue {
 public:
  BlockEpilogue(BlockProgram program, int64_t columns, std::vector<int> inputs,
                std::vector<int> outputs, std::vector<int> companions)
      : program_(std::move(program)),
        columns_(columns),
        inputs_(std::move(inputs)),
        outputs_(std::move(outputs)),
        companions_(std::move(companions)) {}

  size_t scratch_bytes() const override { return program_.scratch_bytes(); }
  std::span<const int> companions() const override { return companions_; }

  void Run(const float* values, int64_t row_stride, int64_t row_begin,
           int64_t row_end, int64_t column_begin, int64_t column_end,
           std::byte* scratch, const KernelContext& context) const override {
    if (row_begin >= row_end || column_begin >= column_end) return;
    std::array<const void*, kMaxPointers> inputs;
    std::array<void*, kMaxPointers> outputs;
    for (size_t i = 0; i < inputs_.size(); ++i) {
      inputs[i + 1] = context.buffers[inputs_[i]];
    }
    for (size_t i = 0; i < outputs_.size(); ++i) {
      outputs[i] = context.buffers[outputs_[i]];
    }
    const bool whole_rows =
        column_begin == 0 && column_end == columns_ && row_stride == columns_;
    // Input 0 is addressed by its position in the whole output.
    auto run = [&](const float* first, int64_t begin, int64_t end) {
      inputs[0] = reinterpret_cast<const void*>(
          reinterpret_cast<uintptr_t>(first) -
          static_cast<uintptr_t>(begin) * sizeof(float));
      program_.Run(begin, end, inputs.data(), outputs.data(), scratch);
    };
    inputs[0] = values;
    program_.Begin(inputs.data(), scratch);
    if (whole_rows) {
      run(values, row_begin * columns_, row_end * columns_);
      return;
    }
    for (int64_t row = row_begin; row < row_end; ++row) {
      run(values + (row - row_begin) * row_stride,
          row * columns_ + column_begin, row * columns_ + column_end);
    }
  }

 private:
  BlockProgram program_;
  int64_t columns_;
  std::vector<int> inputs_;
  std::vector<int> outputs_;
  std::vector<int> companions_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Kernel>> MakeFusedLoop(FusedLoop loop) {
  EVENGRAD_RETURN_IF_ERROR(
      CheckPointers(loop.inputs.size(), loop.outputs.size()));
  std::array<bool, kMaxPointers> summed = {};
  for (size_t i = 0; i < loop.reductions.size(); ++i) {
    summed[i] = loop.reductions[i] == OutputReduction::kSum;
  }
  EVENGRAD_ASSIGN_OR_RETURN(
      BlockProgram program,
      BlockProgram::Prepare(loop.program, loop.compute_type, loop.shape,
                            loop.inputs, loop.outputs,
                            std::span(summed).first(loop.outputs.size())));
  return std::unique_ptr<Kernel>(std::make_unique<FusedLoopKernel>(
      std::move(program), std::move(loop.input_buffers),
      std::move(loop.output_buffers)));
}

absl::StatusOr<std::unique_ptr<PreparedEpilogue>> PrepareEpilogue(
    const Epilogue& epilogue, int64_t rows, int64_t columns) {
  EVENGRAD_RETURN_IF_ERROR(CheckPointers(epilogue.input_types.size() + 1,
                                         epilogue.output_types.size()));
  const Shape shape = {rows, columns};
  std::vector<TensorType> inputs = {F32(shape)};
  inputs.insert(inputs.end(), epilogue.input_types.begin(),
                epilogue.input_types.end());
  const std::array<bool, kMaxPointers> summed = {};
  EVENGRAD_ASSIGN_OR_RETURN(
      BlockProgram program,
      BlockProgram::Prepare(
          epilogue.program, epilogue.compute_type, shape, inputs,
          epilogue.output_types,
          std::span(summed).first(epilogue.output_types.size())));
  std::vector<int> companions;
  for (size_t i = 0; i < epilogue.input_types.size(); ++i) {
    if (epilogue.input_types[i] == F32(shape)) {
      companions.push_back(epilogue.input_buffers[i]);
    }
  }
  return std::unique_ptr<PreparedEpilogue>(std::make_unique<BlockEpilogue>(
      std::move(program), columns, epilogue.input_buffers,
      epilogue.output_buffers, std::move(companions)));
}

}  // namespace evengrad
