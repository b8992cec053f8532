#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "evengrad/graph/status.h"
#include "evengrad/graph/tensor.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/kernel.h"
#include "evengrad/ops/reference.h"
#include "evengrad/ops/statistics.h"

namespace evengrad {
namespace {

absl::StatusOr<std::vector<TensorType>> InferType(const InferContext& context) {
  const TensorType& input = context.input(0);
  const TensorType& count = context.input(1);
  if (!IsFloating(input.dtype) || input.rank() != 1) {
    return InvalidArgument(
        context.InputName(0),
        " must be a floating (f32, f64 or bf16) vector, found ",
        input.ToString());
  }
  if (count.dtype != DType::kI64 || count.rank() != 0) {
    return InvalidArgument(context.InputName(1), " must be i64[], found ",
                           count.ToString());
  }
  return std::vector<TensorType>{{input.dtype, {}}};
}

class PercentileKernel : public Kernel {
 public:
  PercentileKernel(const KernelRequest& request, int64_t size)
      : dtype_(request.inputs[0].dtype),
        size_(size),
        percent_(request.attribute<double>("percent")),
        input_(request.input_buffers[0]),
        count_(request.input_buffers[1]),
        output_(request.output_buffers[0]) {}

  size_t scratch_bytes() const override {
    return static_cast<size_t>(size_) * sizeof(double);
  }

  void Run(int, const KernelContext& context) const override {
    const int64_t count = std::min(*context.input<int64_t>(count_), size_);
    auto* const sorted = reinterpret_cast<double*>(context.scratch);
    bool has_nan = count < 1;
    for (int64_t i = 0; i < count; ++i) {
      sorted[i] = LoadAsDouble(dtype_, context.buffers[input_], i);
      has_nan |= std::isnan(sorted[i]);
    }
    const double result = has_nan ? std::numeric_limits<double>::quiet_NaN()
                                  : Interpolate(sorted, count);
    StoreFromDouble(dtype_, context.buffers[output_], 0, result);
  }

 private:
  double Interpolate(double* values, int64_t count) const {
    const double place = static_cast<double>(count - 1) * percent_ / 100;
    const auto below = static_cast<int64_t>(place);
    std::nth_element(values, values + below, values + count);
    const double low = values[below];
    const double share = place - static_cast<double>(below);
    if (share == 0) return low;
    const double high = *std::min_element(values + below + 1, values + count);
    return low == high ? low : low + share * (high - low);
  }

  DType dtype_;
  int64_t size_;
  double percent_;
  int input_;
  int count_;
  int output_;
};

absl::StatusOr<std::unique_ptr<Kernel>> MakeKernel(
    const KernelRequest& request) {
  EVENGRAD_ASSIGN_OR_RETURN(const int64_t size,
                            request.inputs[0].shape.NumElements());
  return std::make_unique<PercentileKernel>(request, size);
}

absl::Status Reference(const ReferenceCall& call) {
  std::vector<double> values = call.input(0).values;
  const double wanted = call.input(1).values[0];
  if (wanted < static_cast<double>(values.size())) {
    values.resize(wanted > 0 ? static_cast<size_t>(wanted) : 0);
  }
  double& result = call.output().values[0];
  result = std::numeric_limits<double>::quiet_NaN();
  if (values.empty()) return absl::OkStatus();
  for (double value : values) {
    if (std::isnan(value)) return absl::OkStatus();
  }
  std::sort(values.begin(), values.end());
  const double place = static_cast<double>(values.size() - 1) *
                       call.attribute<double>("percent") / 100;
  const double low = values[static_cast<size_t>(std::floor(place))];
  const double high = values[static_cast<size_t>(std::ceil(place))];
  result = low == high ? low : low + (place - std::floor(place)) * (high - low);
  return absl::OkStatus();
}

}  // namespace

const OpDef& PercentileOp() {
  static const OpDef* const op = new OpDef{
      .name = "percentile",
      .summary =
          "the percentile of the first count elements of a vector, "
          "interpolated linearly; NaN if one is, or if there is none",
      .inputs = {"input", "count"},
      .attributes =
          {{.name = "percent", .fallback = 50.0, .minimum = 0, .maximum = 100}},
      .infer_type = InferType,
      .make_kernel = MakeKernel,
      .reference = Reference,
  };
  return *op;
}

Value Percentile(const Value& input, const Value& count, double percent,
                 SourceLocation location) {
  return AddNode(PercentileOp(), {input, count}, {{"percent", percent}},
                 {.location = location})
      .output();
}

}  // namespace evengrad
