// The Walsh-Hadamard transform of the last axis, of n = 2^k elements:
//
//   y[i] = sum over j of (-1)^(number of ones in i & j) * x[j] / sqrt(n)
//
// It mixes all units of a layer without weights, in n log n additions. It is
// orthonormal and symmetric: it keeps the norm of what passes, activations
// forward and gradients backward, and its gradient is itself.
//
// Fino and Algazi: Unified Matrix Treatment of the Fast Walsh-Hadamard
// Transform, 1976.
#include <algorithm>
#include <bit>
#include <cmath>

#include "my_ops.h"

namespace my_ops {
namespace {

bool IsPowerOfTwo(int64_t size) {
  return std::has_single_bit(static_cast<uint64_t>(size));
}

// A size that is still open is accepted here; the rule is asked again when all
// sizes are known.
eg::InferredTypes InferType(const eg::InferContext& context) {
  const eg::TensorType& input = context.input(0);
  if (input.dtype != eg::DType::kF32 && input.dtype != eg::DType::kF64) {
    return eg::InvalidArgument("expected f32 or f64, found ",
                               context.Describe(0));
  }
  if (input.rank() == 0) {
    return eg::InvalidArgument("a scalar has no axis to transform: ",
                               context.Describe(0));
  }
  const eg::Dimension& last = input.shape[input.rank() - 1];
  if (last.is_integer() && !IsPowerOfTwo(last.size())) {
    return eg::InvalidArgument("the last axis must be a power of two, found ",
                               context.Describe(0));
  }
  return std::vector<eg::TensorType>{input};
}

// Rows are transformed in place in the output, and shared out among workers.
template <typename T>
class HadamardKernel final : public eg::Kernel {
 public:
  explicit HadamardKernel(const eg::KernelRequest& request)
      : input_(request.input_buffers[0]), output_(request.output_buffers[0]) {
    const eg::Shape& shape = request.inputs[0].shape;
    length_ = shape[shape.rank() - 1].size();
    for (const eg::Dimension& size : shape) rows_ *= size.size();
    rows_ /= length_;
    num_parts_ = eg::NumParts(
        rows_ * length_ * std::bit_width(static_cast<uint64_t>(length_)),
        rows_);
  }

  int num_parts() const override { return num_parts_; }

  void Run(int part, const eg::KernelContext& context) const override {
    const eg::Range rows = eg::PartRange(rows_, part, num_parts_);
    const T* const input = context.input<T>(input_);
    T* const output = context.output<T>(output_);
    std::copy(input + rows.begin * length_, input + rows.end * length_,
              output + rows.begin * length_);
    for (int64_t row = rows.begin; row < rows.end; ++row) {
      Transform(output + row * length_);
    }
  }

 private:
  void Transform(T* row) const {
    for (int64_t half = 1; half < length_; half *= 2) {
      for (int64_t block = 0; block < length_; block += 2 * half) {
        for (int64_t i = block; i < block + half; ++i) {
          const T a = row[i];
          const T b = row[i + half];
          row[i] = a + b;
          row[i + half] = a - b;
        }
      }
    }
    const T scale = static_cast<T>(1 / std::sqrt(static_cast<double>(length_)));
    for (int64_t i = 0; i < length_; ++i) row[i] *= scale;
  }

  int input_;
  int output_;
  int64_t length_ = 1;
  int64_t rows_ = 1;
  int num_parts_ = 1;
};

absl::StatusOr<std::unique_ptr<eg::Kernel>> MakeKernel(
    const eg::KernelRequest& request) {
  if (request.inputs[0].dtype == eg::DType::kF64) {
    return std::make_unique<HadamardKernel<double>>(request);
  }
  return std::make_unique<HadamardKernel<float>>(request);
}

// The definition, in n^2 additions.
absl::Status Reference(const eg::ReferenceCall& call) {
  const std::vector<double>& x = call.input(0).values;
  const int64_t n = call.input(0).sizes.back();
  for (int64_t y = 0; y < call.output().num_elements(); ++y) {
    const int64_t i = y % n;
    double sum = 0;
    for (int64_t j = 0; j < n; ++j) {
      const bool odd = std::popcount(static_cast<uint64_t>(i & j)) % 2 == 1;
      sum += odd ? -x[y - i + j] : x[y - i + j];
    }
    call.output().values[y] = sum / std::sqrt(static_cast<double>(n));
  }
  return absl::OkStatus();
}

std::vector<eg::Value> Gradient(const eg::Node& node,
                                std::span<const eg::Value> output_gradients) {
  return {Hadamard(output_gradients[0], node.location())};
}

}  // namespace

const eg::OpDef& HadamardOp() {
  static const eg::OpDef* const op = new eg::OpDef{
      .name = "hadamard",
      .summary = "orthonormal Walsh-Hadamard transform of the last axis",
      .inputs = {"input"},
      .infer_type = InferType,
      .gradient = Gradient,
      .make_kernel = MakeKernel,
      .reference = Reference,
      .hint_flow = eg::HintFlow::kPass,
  };
  return *op;
}

eg::Value Hadamard(const eg::Value& input, eg::SourceLocation location) {
  return eg::AddUnary(HadamardOp(), input, location);
}

}  // namespace my_ops
