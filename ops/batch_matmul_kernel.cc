#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "evengrad/graph/status.h"
#include "evengrad/graph/tensor.h"
#include "evengrad/ops/matmul_kernel.h"
#include "evengrad/ops/onednn.h"
#include "evengrad/ops/plain_matmul.h"
#include "evengrad/ops/vector_matmul.h"

namespace evengrad {
namespace {

// Many products of the same sizes. A oneDNN object runs on one thread at a
// time, so each part has its own.
template <typename T>
class BatchMatMulKernel : public Kernel {
 public:
  BatchMatMulKernel(const KernelRequest& request, const MatrixProduct& product,
                    std::vector<int64_t> input_offsets,
                    std::vector<int64_t> weights_offsets)
      : input_(request.input_buffers[0]),
        weights_(request.input_buffers[1]),
        output_(request.output_buffers[0]),
        product_(product),
        input_offsets_(std::move(input_offsets)),
        weights_offsets_(std::move(weights_offsets)) {
    const double flops = 2.0 * static_cast<double>(product.rows) *
                         static_cast<double>(product.depth) *
                         static_cast<double>(product.columns) *
                         static_cast<double>(count());
    num_parts_ = NumParts(static_cast<int64_t>(flops / 32),
                          std::max<int64_t>(count(), 1));
    if constexpr (std::is_same_v<T, float>) {
      if (product.empty() || product.depth == 0) return;
      if (VectorMatMul::Available()) {
        vector_.emplace(product);
        return;
      }
      for (int part = 0; part < num_parts_; ++part) {
        absl::StatusOr<std::unique_ptr<OneDnnMatMul>> onednn =
            OneDnnMatMul::Create(product, DType::kF32);
        onednn_.push_back(onednn.ok() ? *std::move(onednn) : nullptr);
      }
    }
  }

  int num_parts() const override { return num_parts_; }
  size_t scratch_bytes() const override {
    if (vector_.has_value()) return vector_->scratch_bytes();
    return FirstOneDnn() == nullptr ? 0 : FirstOneDnn()->scratch_bytes();
  }
  std::string implementation() const override {
    if (vector_.has_value()) return VectorMatMul::implementation();
    return FirstOneDnn() == nullptr ? "loop" : FirstOneDnn()->implementation();
  }

  void Run(int part, const KernelContext& context) const override {
    if (product_.empty()) return;
    const Range range = PartRange(count(), part, num_parts_);
    for (int64_t i = range.begin; i < range.end; ++i) {
      const T* const input = context.input<T>(input_) + input_offsets_[i];
      const T* const weights = context.input<T>(weights_) + weights_offsets_[i];
      T* const output =
          context.output<T>(output_) + i * product_.rows * product_.columns;
      if constexpr (std::is_same_v<T, float>) {
        if (vector_.has_value()) {
          vector_->Run({.input = input,
                        .weights = weights,
                        .output = output,
                        .scratch = context.scratch});
          continue;
        }
        if (!onednn_.empty() && onednn_[part] != nullptr &&
            onednn_[part]->Run(input, weights, output, context.scratch)) {
          continue;
        }
      }
      MultiplyPlain(product_, input, weights, output);
    }
  }

 private:
  int64_t count() const { return static_cast<int64_t>(input_offsets_.size()); }
  const OneDnnMatMul* FirstOneDnn() const {
    return onednn_.empty() ? nullptr : onednn_[0].get();
  }

  int input_;
  int weights_;
  int output_;
  MatrixProduct product_;
  std::vector<int64_t> input_offsets_;  // by product, in elements
  std::vector<int64_t> weights_offsets_;
  // Where both are missing the plain loop runs.
  std::optional<VectorMatMul> vector_;
  std::vector<std::unique_ptr<OneDnnMatMul>> onednn_;  // by part
  int num_parts_ = 1;
};

// Where the matrix of `tensor` begins that belongs to each product of `output`.
std::vector<int64_t> MatrixOffsets(const Shape& tensor, const Shape& output) {
  const int axes = output.rank() - 2;
  std::vector<int64_t> offsets = {0};
  int64_t stride = 1;
  for (const Dimension& size : tensor) stride *= size.size();
  for (int axis = 0; axis < axes; ++axis) {
    const int own = axis - (output.rank() - tensor.rank());
    const int64_t size = own < 0 ? 1 : tensor[own].size();
    if (own >= 0 && size > 0) stride /= size;
    std::vector<int64_t> longer;
    for (int64_t offset : offsets) {
      for (int64_t i = 0; i < output[axis].size(); ++i) {
        longer.push_back(offset + (size == 1 ? 0 : i * stride));
      }
    }
    offsets = std::move(longer);
  }
  return offsets;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Kernel>> MakeBatchMatMulKernel(
    const KernelRequest& request) {
  EVENGRAD_ASSIGN_OR_RETURN(const MatrixProduct product, WholeProduct(request));
  const Shape& output = request.outputs[0].shape;
  std::vector<int64_t> input = MatrixOffsets(request.inputs[0].shape, output);
  std::vector<int64_t> weights = MatrixOffsets(request.inputs[1].shape, output);
  switch (request.outputs[0].dtype) {
    case DType::kF64:
      return std::make_unique<BatchMatMulKernel<double>>(
          request, product, std::move(input), std::move(weights));
    case DType::kBF16:
      return std::make_unique<BatchMatMulKernel<BFloat16>>(
          request, product, std::move(input), std::move(weights));
    default:
      return std::make_unique<BatchMatMulKernel<float>>(
          request, product, std::move(input), std::move(weights));
  }
}

}  // namespace evengrad
