// The loss of classification, with the labels as numbers:
//
//   loss[i] = -log softmax(logits[i])[labels[i]]
//
// and, as a second output for backward, its gradient
//
//   residual[i, c] = softmax(logits[i])[c] - (c == labels[i]).
//
// A label outside [0, classes) makes both NaN for its row.
#include <cmath>
#include <limits>
#include <type_traits>

#include "evengrad/graph/status.h"
#include "evengrad/graph/tensor.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/kernel.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"
#include "evengrad/ops/softmax_kernel.h"

namespace evengrad {
namespace {

absl::StatusOr<std::vector<TensorType>> InferType(const InferContext& context) {
  const TensorType& logits = context.input(0);
  const TensorType& labels = context.input(1);
  if (!IsFloating(logits.dtype)) {
    return InvalidArgument("logits must be floating (f32, f64 or bf16), found ",
                           logits.ToString());
  }
  if (labels.dtype != DType::kI32 && labels.dtype != DType::kI64) {
    return InvalidArgument("labels must be i32 or i64, found ",
                           labels.ToString());
  }
  if (logits.rank() != 2 || labels.rank() != 1) {
    return InvalidArgument(
        "expected logits [batch, classes] and labels "
        "[batch], found ",
        context.Describe(0), ", ", context.Describe(1));
  }
  if (!MayBeEqual(logits.shape[0], labels.shape[0])) {
    return InvalidArgument("batch sizes differ: ", context.Describe(0), ", ",
                           context.Describe(1));
  }
  const Dimension batch = Refine(logits.shape[0], labels.shape[0]);
  return std::vector<TensorType>{{logits.dtype, {batch}},
                                 {logits.dtype, {batch, logits.shape[1]}}};
}

std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  const Value residual = node.output(1);
  Value gradient;
  if (output_gradients[0].valid()) {
    gradient = residual * BroadcastLikeOver(output_gradients[0], residual, {1});
  }
  if (output_gradients[1].valid()) {  // only in gradients of gradients
    const Value probabilities = Softmax(node.input(0));
    const Value weighted = output_gradients[1] * probabilities;
    const Value through =
        weighted -
        probabilities *
            ReduceSum(weighted, {.axes = {1}, .keep_dimensions = true});
    gradient = gradient.valid() ? gradient + through : through;
  }
  return {gradient, Value()};
}

template <typename T>
class LossKernel : public Kernel {
 public:
  using Compute = std::conditional_t<std::is_same_v<T, double>, double, float>;

  explicit LossKernel(const KernelRequest& request)
      : batch_(request.inputs[0].shape[0].size()),
        classes_(request.inputs[0].shape[1].size()),
        label_type_(request.inputs[1].dtype),
        logits_(request.input_buffers[0]),
        labels_(request.input_buffers[1]),
        loss_(request.output_buffers[0]),
        residual_(request.output_buffers[1]) {
    constexpr int64_t kWorkOfOneElement = 8;
    num_parts_ = NumParts(batch_ * classes_ * kWorkOfOneElement, batch_);
  }

  int num_parts() const override { return num_parts_; }
  size_t scratch_bytes() const override {
    return static_cast<size_t>(classes_) * sizeof(Compute);
  }

  void Run(int part, const KernelContext& context) const override {
    const Range range = PartRange(batch_, part, num_parts_);
    for (int64_t row = range.begin; row < range.end; ++row) {
      RunRow(row, context);
    }
  }

 private:
  void RunRow(int64_t row, const KernelContext& context) const {
    const T* const logits = context.input<T>(logits_) + row * classes_;
    T* const residual = context.output<T>(residual_) + row * classes_;
    const std::span<Compute> line(reinterpret_cast<Compute*>(context.scratch),
                                  static_cast<size_t>(classes_));
    for (int64_t c = 0; c < classes_; ++c) {
      if constexpr (std::is_same_v<T, BFloat16>) {
        line[c] = ToFloat(logits[c]);
      } else {
        line[c] = logits[c];
      }
    }
    const double label =
        LoadAsDouble(label_type_, context.buffers[labels_], row);
    const bool known = label >= 0 && label < static_cast<double>(classes_);
    const auto at = known ? static_cast<size_t>(label) : 0;
    const double chosen = known ? static_cast<double>(line[at]) : 0;
    const double log_sum = softmax_(line, /*logarithm=*/false);
    constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
    StoreFromDouble(DTypeOf<T>, context.buffers[loss_], row,
                    known ? log_sum - chosen : kNaN);
    if (known) line[at] -= 1;
    for (int64_t c = 0; c < classes_; ++c) {
      StoreFromDouble(DTypeOf<T>, residual, c,
                      known ? static_cast<double>(line[c]) : kNaN);
    }
  }

  int64_t batch_;
  int64_t classes_;
  DType label_type_;
  int logits_;
  int labels_;
  int loss_;
  int residual_;
  SoftmaxLine<Compute> softmax_;
  int num_parts_ = 1;
};

absl::StatusOr<std::unique_ptr<Kernel>> MakeKernel(
    const KernelRequest& request) {
  switch (request.inputs[0].dtype) {
    case DType::kF64:
      return std::unique_ptr<Kernel>(
          std::make_unique<LossKernel<double>>(request));
    case DType::kBF16:
      return std::unique_ptr<Kernel>(
          std::make_unique<LossKernel<BFloat16>>(request));
    default:
      return std::unique_ptr<Kernel>(
          std::make_unique<LossKernel<float>>(request));
  }
}

absl::Status Reference(const ReferenceCall& call) {
  const ReferenceTensor& logits = call.input(0);
  const int64_t classes = logits.sizes[1];
  for (int64_t row = 0; row < logits.sizes[0]; ++row) {
    const double* x = logits.values.data() + row * classes;
    const double label = call.input(1).values[row];
    double largest = -std::numeric_limits<double>::infinity();
    for (int64_t c = 0; c < classes; ++c) largest = std::fmax(largest, x[c]);
    double sum = 0;
    for (int64_t c = 0; c < classes; ++c) sum += std::exp(x[c] - largest);
    double loss = std::numeric_limits<double>::quiet_NaN();
    for (int64_t c = 0; c < classes; ++c) {
      if (static_cast<double>(c) == label) {
        loss = std::log(sum) + largest - x[c];
      }
    }
    const bool known = label >= 0 && label < static_cast<double>(classes);
    call.output(0).values[row] = loss;
    for (int64_t c = 0; c < classes; ++c) {
      const double hit = static_cast<double>(c) == label ? 1 : 0;
      call.output(1).values[row * classes + c] =
          known ? std::exp(x[c] - largest) / sum - hit : loss;
    }
  }
  return absl::OkStatus();
}

}  // namespace

const OpDef& SparseSoftmaxCrossEntropyOp() {
  static const OpDef* const op = new OpDef{
      .name = "sparse_softmax_cross_entropy",
      .summary =
          "loss[i] = -log softmax(logits[i])[labels[i]], and residual = "
          "softmax - one_hot(labels) for backward",
      .inputs = {"logits", "labels"},
      .outputs = {"loss", "residual"},
      .infer_type = InferType,
      .gradient = Gradient,
      .make_kernel = MakeKernel,
      .reference = Reference,
      .initializer_hint = InitializerHint::kGlorot,
  };
  return *op;
}

}  // namespace evengrad
