#include "evengrad/ops/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>
#include <vector>

#include "evengrad/graph/status.h"
#include "evengrad/graph/tensor.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/kernel.h"
#include "evengrad/ops/reduction_rules.h"
#include "evengrad/ops/reference.h"
#include "evengrad/ops/statistics_accumulator.h"
#include "evengrad/ops/statistics_kernel.h"

namespace evengrad {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

absl::StatusOr<std::vector<TensorType>> InferType(const InferContext& context) {
  const TensorType& input = context.input(0);
  if (!IsFloating(input.dtype)) {
    return InvalidArgument(context.InputName(0),
                           " must be floating (f32, f64 or bf16), found ",
                           input.ToString());
  }
  const double low = context.attribute<double>("low");
  const double high = context.attribute<double>("high");
  if (low > high) {
    return InvalidArgument("attribute low is ", low, ", above high, ", high);
  }
  const DType dtype = input.dtype == DType::kF64 ? DType::kF64 : DType::kF32;
  return std::vector<TensorType>{
      {dtype, Shape({int64_t{kNumStatistics}})},
      {dtype, Shape({context.attribute<int64_t>("bins")})}};
}

// T is the stored type; blocks are computed in f32, or f64 for f64.
template <typename T>
class StatisticsKernel : public Kernel {
 public:
  using Compute = std::conditional_t<std::is_same_v<T, double>, double, float>;

  StatisticsKernel(const KernelRequest& request, int64_t count)
      : count_(count),
        low_(request.attribute<double>("low")),
        high_(request.attribute<double>("high")),
        bins_(request.attribute<int64_t>("bins")),
        input_(request.input_buffers[0]),
        summary_(request.output_buffers[0]),
        histogram_(request.output_buffers[1]) {}

  void Run(int, const KernelContext& context) const override {
    const T* const input = context.input<T>(input_);
    const bool counts = bins_ > 0 && histogram_ >= 0;
    StatisticsAccumulator<Compute> accumulator(low_, high_);
    HistogramSample<Compute> sample(count_, counts);
    for (int64_t at = 0; at < count_; at += kStatisticsBlock) {
      AddBlock(input + at, std::min(kStatisticsBlock, count_ - at), accumulator,
               sample);
    }
    if (summary_ >= 0) {
      accumulator.Write(count_, context.output<Compute>(summary_));
    }
    if (counts) {
      sample.Count(accumulator.minimum(), accumulator.maximum(), bins_,
                   context.output<Compute>(histogram_));
    }
  }

 private:
  static Compute Load(T value) {
    if constexpr (std::is_same_v<T, BFloat16>) {
      return ToFloat(value);
    } else {
      return value;
    }
  }

  static void AddBlock(const T* input, int64_t count,
                       StatisticsAccumulator<Compute>& accumulator,
                       HistogramSample<Compute>& sample) {
    if constexpr (std::is_same_v<T, Compute>) {
      accumulator.Add(input, count);
      sample.Add(input, count);
    } else {
      Compute converted[kStatisticsBlock] = {};
      for (int64_t i = 0; i < count; ++i) converted[i] = Load(input[i]);
      accumulator.Add(converted, count);
      sample.Add(converted, count);
    }
  }

  int64_t count_;
  double low_;
  double high_;
  int64_t bins_;
  int input_;
  int summary_;
  int histogram_;
};

void ReferenceSummary(const std::vector<double>& finite, double low,
                      double high, std::span<double> summary) {
  auto set = [&](Statistic statistic, double value) {
    summary[static_cast<size_t>(statistic)] = value;
  };
  double sum = 0, squares = 0, around_mean = 0, zeros = 0, outside = 0;
  for (double x : finite) sum += x;
  const double n = static_cast<double>(finite.size());
  for (double x : finite) {
    squares += x * x;
    around_mean += (x - sum / n) * (x - sum / n);
    zeros += x == 0;
    outside += low != high && !(low <= x && x <= high);
  }
  const bool none = finite.empty();
  set(Statistic::kMean, none ? kNaN : sum / n);
  set(Statistic::kDeviation, none ? kNaN : std::sqrt(around_mean / n));
  set(Statistic::kMinimum,
      none ? kNaN : *std::min_element(finite.begin(), finite.end()));
  set(Statistic::kMaximum,
      none ? kNaN : *std::max_element(finite.begin(), finite.end()));
  set(Statistic::kNorm, none && summary[0] > 0 ? kNaN : std::sqrt(squares));
  set(Statistic::kZeros, zeros);
  set(Statistic::kOutside, outside);
}

absl::Status Reference(const ReferenceCall& call) {
  const std::vector<double>& input = call.input(0).values;
  std::vector<double>& summary = call.output(0).values;
  std::vector<double>& histogram = call.output(1).values;
  std::vector<double> finite;
  for (double x : input) {
    if (std::isfinite(x)) finite.push_back(x);
    summary[static_cast<size_t>(Statistic::kNans)] += std::isnan(x);
    summary[static_cast<size_t>(Statistic::kInfinities)] += std::isinf(x);
  }
  summary[static_cast<size_t>(Statistic::kCount)] =
      static_cast<double>(input.size());
  ReferenceSummary(finite, call.attribute<double>("low"),
                   call.attribute<double>("high"), summary);
  const auto bins = static_cast<double>(histogram.size());
  if (histogram.empty() || finite.empty()) return absl::OkStatus();
  const double minimum = summary[static_cast<size_t>(Statistic::kMinimum)];
  const double maximum = summary[static_cast<size_t>(Statistic::kMaximum)];
  size_t stride = 1;
  while (stride * 2048 < input.size()) ++stride;
  for (size_t i = 0; i < input.size(); i += stride) {
    if (!std::isfinite(input[i])) continue;
    double place = (input[i] - minimum) / (maximum - minimum) * bins;
    if (maximum == minimum) place = 0;
    histogram[static_cast<size_t>(std::min(place, bins - 1))] += 1;
  }
  return absl::OkStatus();
}

}  // namespace

const OpDef& StatisticsOp() {
  static const OpDef* const op = new OpDef{
      .name = "statistics",
      .summary =
          "count, mean, deviation, minimum, maximum, norm, zeros, NaNs, "
          "infinities, elements outside [low, high]; histogram of a sample",
      .inputs = {"input"},
      .outputs = {"summary", "histogram"},
      .attributes = {{.name = "low", .fallback = 0.0},
                     {.name = "high", .fallback = 0.0},
                     {.name = "bins",
                      .fallback = int64_t{0},
                      .minimum = 0,
                      .maximum = kMaxHistogramBins}},
      .infer_type = InferType,
      .make_kernel = MakeStatisticsKernel<StatisticsKernel>,
      .reference = Reference,
      .cost = ReductionCost,
  };
  return *op;
}

StatisticsValues Statistics(const Value& input, StatisticsOptions options,
                            SourceLocation location) {
  const Node node = AddNode(
      StatisticsOp(), {input},
      {{"low", options.low}, {"high", options.high}, {"bins", options.bins}},
      {.location = location});
  return {.summary = node.output(0), .histogram = node.output(1)};
}

}  // namespace evengrad
