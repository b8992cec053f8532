// A mask with the same number of zeros in every column, for sparse initial
// weights: each unit listens to that many inputs fewer (Martens, "Deep learning
// via Hessian-free optimization", 2010).
//
// Element (i, j) draws a number; the `zeros` smallest of a column are its
// zeros.
#include <algorithm>
#include <compare>
#include <vector>

#include "evengrad/graph/status.h"
#include "evengrad/graph/tensor.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/kernel.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/random_rules.h"
#include "evengrad/ops/reference.h"

namespace evengrad {
namespace {

absl::StatusOr<std::vector<TensorType>> InferType(const InferContext& context) {
  EVENGRAD_ASSIGN_OR_RETURN(TensorType type, InferRandom(context));
  if (type.rank() != 2) {
    return InvalidArgument("a mask is a matrix, ", type.ToString(),
                           " has rank ", type.rank());
  }
  const int64_t zeros = context.attribute<int64_t>("zeros");
  const Dimension& rows = type.shape[0];
  if (rows.is_integer() && zeros > rows.size()) {
    return InvalidArgument("zeros = ", zeros, " in each column of ",
                           type.ToString(), ", which has ", rows.size(),
                           " rows");
  }
  return std::vector<TensorType>{std::move(type)};
}

// All 32 or 64 bits: ties are rare, and the upper one of two counts as smaller.
uint64_t DrawAt(const RandomSource& source, bool wide, int64_t i) {
  const int draws = DrawsPerBlock(wide);
  return Draw(source.Block(i / draws), wide, static_cast<int>(i % draws));
}

class RandomMaskKernel : public Kernel {
 public:
  RandomMaskKernel(const KernelRequest& request,
                   const std::vector<int64_t>& sizes)
      : rows_(sizes[0]),
        columns_(sizes[1]),
        zeros_(request.attribute<int64_t>("zeros")),
        stream_(request.attribute<int64_t>("stream")),
        dtype_(request.outputs[0].dtype),
        output_(request.output_buffers[0]) {}

  size_t scratch_bytes() const override {
    return sizeof(Drawn) * static_cast<size_t>(rows_);
  }

  void Run(int, const KernelContext& context) const override {
    const RandomSource source = {context.seed, context.step, stream_};
    const bool wide = HasWideDraws(dtype_);
    auto* drawn = reinterpret_cast<Drawn*>(context.scratch);
    for (int64_t j = 0; j < columns_; ++j) {
      for (int64_t i = 0; i < rows_; ++i) {
        drawn[i] = {DrawAt(source, wide, i * columns_ + j), i};
      }
      std::nth_element(drawn, drawn + zeros_, drawn + rows_);
      for (int64_t k = 0; k < rows_; ++k) {
        StoreFromDouble(dtype_, context.buffers[output_],
                        drawn[k].row * columns_ + j, k < zeros_ ? 0 : 1);
      }
    }
  }

 private:
  struct Drawn {
    uint64_t number;
    int64_t row;
    auto operator<=>(const Drawn&) const = default;
  };

  int64_t rows_;
  int64_t columns_;
  int64_t zeros_;
  int64_t stream_;
  DType dtype_;
  int output_;
};

absl::StatusOr<std::unique_ptr<Kernel>> MakeKernel(
    const KernelRequest& request) {
  EVENGRAD_ASSIGN_OR_RETURN(const std::vector<int64_t> sizes,
                            request.outputs[0].shape.Sizes());
  return std::make_unique<RandomMaskKernel>(request, sizes);
}

// An element is a one when `zeros` others of its column are smaller.
absl::Status Reference(const ReferenceCall& call) {
  ReferenceTensor& output = call.output();
  ReferenceTensor drawn = output;
  EVENGRAD_RETURN_IF_ERROR(ReferenceRandom(
      {.op = call.op,
       .attributes = call.attributes,
       .outputs = std::span<ReferenceTensor>(&drawn, 1),
       .seed = call.seed,
       .step = call.step},
      [](const PhiloxCounter& block, bool wide, int i) {
        return static_cast<double>(Draw(block, wide, i) >> (wide ? 11 : 0));
      }));
  const int64_t rows = output.sizes[0];
  const int64_t columns = output.sizes[1];
  const int64_t zeros = call.attribute<int64_t>("zeros");
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; ++j) {
      int64_t smaller = 0;
      for (int64_t k = 0; k < rows; ++k) {
        const double other = drawn.values[k * columns + j];
        const double own = drawn.values[i * columns + j];
        smaller += other < own || (other == own && k < i) ? 1 : 0;
      }
      output.values[i * columns + j] = smaller >= zeros ? 1 : 0;
    }
  }
  return absl::OkStatus();
}

}  // namespace

const OpDef& RandomMaskOp() {
  static const OpDef* const op = new OpDef{
      .name = "random_mask",
      .summary =
          "ones, but for `zeros` zeros at random places of each column of a "
          "matrix, from Philox4x32-10",
      .attributes = RandomAttributes(
          {{.name = "zeros", .fallback = int64_t{0}, .minimum = 0}}),
      .infer_type = InferType,
      .make_kernel = MakeKernel,
      .reference = Reference,
      .random = true};
  return *op;
}

Value RandomMask(const Graph& graph, const TensorType& type, int64_t zeros,
                 RandomOptions options, SourceLocation location) {
  return AddRandom(graph, RandomMaskOp(), type, {{"zeros", zeros}}, options,
                   location);
}

}  // namespace evengrad
