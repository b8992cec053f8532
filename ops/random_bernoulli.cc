#include <algorithm>
#include <cmath>
#include <cstring>

#include "evengrad/graph/status.h"
#include "evengrad/graph/tensor.h"
#include "evengrad/ops/bernoulli_loop.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/random_rules.h"

namespace evengrad {
namespace {

// Draws have 32 bits whatever the element type, so that a mask does not depend
// on it.
constexpr int kDrawsPerBlock = 4;

absl::StatusOr<std::vector<TensorType>> InferType(const InferContext& context) {
  const TensorType type = {context.attribute<DType>("dtype"),
                           context.attribute<Shape>("shape")};
  if (!IsFloating(type.dtype) && type.dtype != DType::kBool) {
    return InvalidArgument("random successes are bool, f32, f64 or bf16, not ",
                           Name(type.dtype));
  }
  EVENGRAD_RETURN_IF_ERROR(CheckRandomShape(type, kDrawsPerBlock));
  return std::vector<TensorType>{type};
}

class BernoulliKernel : public Kernel {
 public:
  explicit BernoulliKernel(const KernelRequest& request)
      : dtype_(request.outputs[0].dtype),
        num_elements_(request.outputs[0].shape.NumElements().value_or(0)),
        stream_(request.attribute<int64_t>("stream")),
        // A draw is below probability * 2^32 when it is below this.
        threshold_(static_cast<uint64_t>(std::ceil(
            std::ldexp(request.attribute<double>("probability"), 32)))),
        buffer_(request.output_buffers[0]),
        blocks_((num_elements_ + kDrawsPerBlock - 1) / kDrawsPerBlock) {
    constexpr int64_t kWorkPerElement = 4;
    const int64_t chunks = (blocks_ + kChunk - 1) / kChunk;
    num_parts_ = std::max(1, NumParts(num_elements_ * kWorkPerElement,
                                      std::max<int64_t>(chunks, 1)));
  }

  int num_parts() const override { return num_parts_; }

  void Run(int part, const KernelContext& context) const override {
    const RandomSource source = {context.seed, context.step, stream_};
    void* const output = context.output<void>(buffer_);
    const Range range = PartRange(blocks_, part, num_parts_, kChunk);
    for (int64_t block = range.begin; block < range.end; block += kChunk) {
      const int64_t count = std::min(kChunk, range.end - block);
      uint8_t bits[kChunk * kDrawsPerBlock];
      DrawBernoulli(source, block, count, threshold_, bits);
      const int64_t begin = block * kDrawsPerBlock;
      const int64_t elements =
          std::min(num_elements_ - begin, count * kDrawsPerBlock);
      if (dtype_ == DType::kBool) {
        std::memcpy(static_cast<uint8_t*>(output) + begin, bits,
                    static_cast<size_t>(elements));
        continue;
      }
      for (int64_t i = 0; i < elements; ++i) {
        StoreFromDouble(dtype_, output, begin + i, bits[i]);
      }
    }
  }

 private:
  static constexpr int64_t kChunk = 64;  // blocks

  DType dtype_;
  int64_t num_elements_;
  int64_t stream_;
  uint64_t threshold_;
  int buffer_;
  int64_t blocks_;
  int num_parts_ = 1;
};

absl::StatusOr<std::unique_ptr<Kernel>> MakeKernel(
    const KernelRequest& request) {
  return std::make_unique<BernoulliKernel>(request);
}

absl::Status Reference(const ReferenceCall& call) {
  const double probability = call.attribute<double>("probability");
  const RandomSource source = {call.seed, call.step,
                               call.attribute<int64_t>("stream")};
  for (int64_t i = 0; i < call.output().num_elements(); ++i) {
    call.output().values[i] = IsBernoulliSuccess(source, i, probability);
  }
  return absl::OkStatus();
}

}  // namespace

const OpDef& RandomBernoulliOp() {
  static const OpDef* const op =
      new OpDef{.name = "random_bernoulli",
                .summary = "1 with probability, else 0, from Philox4x32-10",
                .attributes = RandomAttributes({{.name = "probability",
                                                 .fallback = 0.5,
                                                 .summary = "of 1",
                                                 .minimum = 0,
                                                 .maximum = 1}}),
                .infer_type = InferType,
                .make_kernel = MakeKernel,
                .reference = Reference,
                .random = true};
  return *op;
}

Value RandomBernoulli(const Graph& graph, const TensorType& type,
                      double probability, RandomOptions options,
                      SourceLocation location) {
  return AddRandom(graph, RandomBernoulliOp(), type,
                   {{"probability", probability}}, options, location);
}

}  // namespace evengrad
