#include "evengrad/ops/statistics.h"

#include <algorithm>
#include <array>
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
#include "evengrad/ops/statistics_loops.h"

namespace evengrad {
namespace {

constexpr int64_t kBlock = 1024;  // elements that stay in the L1 cache
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

using Summary = std::array<double, kNumStatistics>;

double& At(Summary& summary, Statistic statistic) {
  return summary[static_cast<size_t>(statistic)];
}

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

// The bin of x between the extremes, in `bins` of equal width.
int64_t BinOf(double x, double minimum, double maximum, int64_t bins) {
  const double place = (x - minimum) / (maximum - minimum);
  if (!(place > 0)) return 0;  // the extremes are equal, or too far apart
  return std::min(bins - 1,
                  static_cast<int64_t>(place * static_cast<double>(bins)));
}

int64_t SampleStride(int64_t count) {
  return (count + kMaxHistogramSample - 1) / kMaxHistogramSample;
}

// Adds up blocks: the mean and the squares around it by Chan, Golub and
// LeVeque, Updating formulae for computing sample variances, 1982.
class Accumulator {
 public:
  void Add(const BlockStatistics& block, int64_t count) {
    const auto added = static_cast<double>(count);
    const double total = finite_ + added;
    const double difference = block.sum / added - mean_;
    mean_ += difference * (added / total);
    squares_ +=
        block.squares + difference * difference * (finite_ * added / total);
    minimum_ = std::min(minimum_, block.minimum);
    maximum_ = std::max(maximum_, block.maximum);
    zeros_ += block.zeros;
    outside_ += block.outside;
    finite_ = total;
  }
  void AddNan() { ++nans_; }
  void AddInfinity() { ++infinities_; }

  Summary Finish(int64_t count) const {
    const bool any = finite_ > 0;
    Summary summary = {};
    At(summary, Statistic::kCount) = static_cast<double>(count);
    At(summary, Statistic::kMean) = any ? mean_ : kNaN;
    At(summary, Statistic::kDeviation) =
        any ? std::sqrt(squares_ / finite_) : kNaN;
    At(summary, Statistic::kMinimum) = any ? minimum_ : kNaN;
    At(summary, Statistic::kMaximum) = any ? maximum_ : kNaN;
    At(summary, Statistic::kNorm) =
        std::sqrt(squares_ + finite_ * mean_ * mean_);
    At(summary, Statistic::kZeros) = static_cast<double>(zeros_);
    At(summary, Statistic::kNans) = static_cast<double>(nans_);
    At(summary, Statistic::kInfinities) = static_cast<double>(infinities_);
    At(summary, Statistic::kOutside) = static_cast<double>(outside_);
    return summary;
  }

 private:
  double finite_ = 0;
  double mean_ = 0;
  double squares_ = 0;
  double minimum_ = std::numeric_limits<double>::infinity();
  double maximum_ = -std::numeric_limits<double>::infinity();
  int64_t zeros_ = 0;
  int64_t outside_ = 0;
  int64_t nans_ = 0;
  int64_t infinities_ = 0;
};

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
    Accumulator accumulator;
    for (int64_t at = 0; at < count_; at += kBlock) {
      AddBlock(input + at, std::min(kBlock, count_ - at), accumulator);
    }
    Summary summary = accumulator.Finish(count_);
    if (summary_ >= 0) {
      Compute* const output = context.output<Compute>(summary_);
      for (int i = 0; i < kNumStatistics; ++i) {
        output[i] = static_cast<Compute>(summary[static_cast<size_t>(i)]);
      }
    }
    if (bins_ > 0 && histogram_ >= 0) {
      FillHistogram(input, At(summary, Statistic::kMinimum),
                    At(summary, Statistic::kMaximum),
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

  void AddBlock(const T* input, int64_t count, Accumulator& accumulator) const {
    if constexpr (std::is_same_v<T, Compute>) {
      AddComputed(input, count, accumulator);
    } else {
      Compute converted[kBlock] = {};
      for (int64_t i = 0; i < count; ++i) converted[i] = Load(input[i]);
      AddComputed(converted, count, accumulator);
    }
  }

  void AddComputed(const Compute* values, int64_t count,
                   Accumulator& accumulator) const {
    const BlockStatistics block = BlockStatisticsLoop(
        values, count, low_ < high_, static_cast<Compute>(low_),
        static_cast<Compute>(high_));
    if (std::isfinite(block.sum) && std::isfinite(block.squares)) {
      accumulator.Add(block, count);
      return;
    }
    for (int64_t i = 0; i < count; ++i) {
      AddElement(static_cast<double>(values[i]), accumulator);
    }
  }

  // For blocks with elements, or sums, that are not finite.
  void AddElement(double x, Accumulator& accumulator) const {
    if (std::isnan(x)) {
      accumulator.AddNan();
    } else if (std::isinf(x)) {
      accumulator.AddInfinity();
    } else {
      const bool outside = low_ < high_ && (x < low_ || x > high_);
      accumulator.Add({.sum = x,
                       .minimum = x,
                       .maximum = x,
                       .zeros = x == 0,
                       .outside = outside},
                      1);
    }
  }

  void FillHistogram(const T* input, double minimum, double maximum,
                     Compute* bins) const {
    std::fill(bins, bins + bins_, Compute{0});
    const int64_t stride = SampleStride(count_);
    for (int64_t i = 0; i < count_; i += stride) {
      const auto x = static_cast<double>(Load(input[i]));
      if (std::isfinite(x)) bins[BinOf(x, minimum, maximum, bins_)] += 1;
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

absl::StatusOr<std::unique_ptr<Kernel>> MakeKernel(
    const KernelRequest& request) {
  EVENGRAD_ASSIGN_OR_RETURN(const int64_t count,
                            request.inputs[0].shape.NumElements());
  switch (request.inputs[0].dtype) {
    case DType::kF64:
      return std::make_unique<StatisticsKernel<double>>(request, count);
    case DType::kBF16:
      return std::make_unique<StatisticsKernel<BFloat16>>(request, count);
    default:
      return std::make_unique<StatisticsKernel<float>>(request, count);
  }
}

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
  set(Statistic::kNorm, std::sqrt(squares));
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
  while (stride * 4096 < input.size()) ++stride;
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
                      .maximum = kMaxHistogramSample}},
      .infer_type = InferType,
      .make_kernel = MakeKernel,
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
