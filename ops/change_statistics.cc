#include "evengrad/ops/change_statistics.h"

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <vector>

#include "evengrad/graph/status.h"
#include "evengrad/graph/tensor.h"
#include "evengrad/ops/kernel.h"
#include "evengrad/ops/reduction_rules.h"
#include "evengrad/ops/reference.h"
#include "evengrad/ops/statistics_accumulator.h"
#include "evengrad/ops/statistics_kernel.h"
#include "evengrad/ops/statistics_loops.h"

namespace evengrad {
namespace {

// Sizes that are not known yet are compared when the program is compiled.
bool MayBeSame(const TensorType& a, const TensorType& b) {
  if (a.dtype != b.dtype || a.shape.rank() != b.shape.rank()) return false;
  for (int i = 0; i < a.shape.rank(); ++i) {
    if (!MayBeEqual(a.shape[i], b.shape[i])) return false;
  }
  return true;
}

absl::StatusOr<std::vector<TensorType>> InferType(const InferContext& context) {
  const TensorType& before = context.input(0);
  const TensorType& after = context.input(1);
  if (!IsFloating(before.dtype)) {
    return InvalidArgument(context.InputName(0),
                           " must be floating (f32, f64 or bf16), found ",
                           before.ToString());
  }
  if (!MayBeSame(before, after)) {
    return InvalidArgument(context.InputName(1), " must have the type of ",
                           context.InputName(0), ", ", before.ToString(),
                           ", found ", after.ToString());
  }
  const DType dtype = before.dtype == DType::kF64 ? DType::kF64 : DType::kF32;
  const TensorType summary = {dtype, Shape({int64_t{kNumStatistics}})};
  const TensorType histogram = {dtype,
                                Shape({context.attribute<int64_t>("bins")})};
  return std::vector<TensorType>{summary, histogram, summary, histogram};
}

template <typename T>
class ChangeStatisticsKernel : public Kernel {
 public:
  using Compute = std::conditional_t<std::is_same_v<T, double>, double, float>;

  ChangeStatisticsKernel(const KernelRequest& request, int64_t count)
      : count_(count),
        bins_(request.attribute<int64_t>("bins")),
        inputs_(request.input_buffers),
        outputs_(request.output_buffers) {}

  void Run(int, const KernelContext& context) const override {
    const T* const before = context.input<T>(inputs_[0]);
    const T* const after = context.input<T>(inputs_[1]);
    StatisticsAccumulator<Compute> values(0, 0), changes(0, 0);
    HistogramSample<Compute> value_sample(count_, CountsBins(1));
    HistogramSample<Compute> change_sample(count_, CountsBins(3));
    Compute change[kStatisticsBlock];
    for (int64_t at = 0; at < count_; at += kStatisticsBlock) {
      const int64_t n = std::min(kStatisticsBlock, count_ - at);
      if constexpr (std::is_same_v<T, Compute>) {
        values.Add(before + at, n);
        value_sample.Add(before + at, n);
        SubtractLoop(after + at, before + at, n, change);
      } else {
        for (int64_t i = 0; i < n; ++i) change[i] = Load(before[at + i]);
        values.Add(change, n);
        value_sample.Add(change, n);
        for (int64_t i = 0; i < n; ++i) {
          change[i] = Load(after[at + i]) - change[i];
        }
      }
      changes.Add(change, n);
      change_sample.Add(change, n);
    }
    Finish(values, value_sample, 0, context);
    Finish(changes, change_sample, 2, context);
  }

 private:
  static Compute Load(T value) {
    if constexpr (std::is_same_v<T, BFloat16>) {
      return ToFloat(value);
    } else {
      return value;
    }
  }

  // Whether the histogram that is this output is wanted.
  bool CountsBins(size_t output) const {
    return bins_ > 0 && outputs_[output] >= 0;
  }

  // Writes outputs `first` and first + 1, where they are wanted.
  void Finish(const StatisticsAccumulator<Compute>& accumulator,
              const HistogramSample<Compute>& sample, size_t first,
              const KernelContext& context) const {
    if (outputs_[first] >= 0) {
      accumulator.Write(count_, context.output<Compute>(outputs_[first]));
    }
    if (CountsBins(first + 1)) {
      sample.Count(accumulator.minimum(), accumulator.maximum(), bins_,
                   context.output<Compute>(outputs_[first + 1]));
    }
  }

  int64_t count_;
  int64_t bins_;
  std::vector<int> inputs_;
  std::vector<int> outputs_;
};

// The numbers of one tensor by the plain formulas.
void ReferenceOf(const std::vector<double>& input, std::vector<double>& summary,
                 std::vector<double>& histogram) {
  std::vector<double> finite;
  for (const double x : input) {
    if (std::isfinite(x)) finite.push_back(x);
  }
  auto set = [&](Statistic statistic, double value) {
    summary[static_cast<size_t>(statistic)] = value;
  };
  double sum = 0, squares = 0, around_mean = 0;
  for (const double x : finite) sum += x;
  const auto n = static_cast<double>(finite.size());
  for (const double x : finite) {
    squares += x * x;
    around_mean += (x - sum / n) * (x - sum / n);
  }
  const bool none = finite.empty();
  const double least = none ? NAN : *std::ranges::min_element(finite);
  const double most = none ? NAN : *std::ranges::max_element(finite);
  set(Statistic::kCount, static_cast<double>(input.size()));
  set(Statistic::kMean, none ? NAN : sum / n);
  set(Statistic::kDeviation, none ? NAN : std::sqrt(around_mean / n));
  set(Statistic::kMinimum, least);
  set(Statistic::kMaximum, most);
  set(Statistic::kNorm, none && !input.empty() ? NAN : std::sqrt(squares));
  auto count = [&](auto has) {
    return static_cast<double>(std::ranges::count_if(input, has));
  };
  set(Statistic::kZeros, count([](double x) { return x == 0; }));
  set(Statistic::kNans, count([](double x) { return std::isnan(x); }));
  set(Statistic::kInfinities, count([](double x) { return std::isinf(x); }));
  if (histogram.empty() || none) return;
  const size_t stride = (input.size() + 2047) / 2048;
  const auto bins = static_cast<double>(histogram.size());
  for (size_t i = 0; i < input.size(); i += stride) {
    if (!std::isfinite(input[i])) continue;
    const double place =
        most > least ? (input[i] - least) / (most - least) * bins : 0;
    histogram[static_cast<size_t>(std::min(place, bins - 1))] += 1;
  }
}

absl::Status Reference(const ReferenceCall& call) {
  const std::vector<double>& before = call.input(0).values;
  const std::vector<double>& after = call.input(1).values;
  std::vector<double> change;
  for (size_t i = 0; i < before.size(); ++i) {
    change.push_back(after[i] - before[i]);
  }
  ReferenceOf(before, call.output(0).values, call.output(1).values);
  ReferenceOf(change, call.output(2).values, call.output(3).values);
  return absl::OkStatus();
}

}  // namespace

const OpDef& ChangeStatisticsOp() {
  static const OpDef* const op = new OpDef{
      .name = "change_statistics",
      .summary = "the statistics of before, and those of after - before",
      .inputs = {"before", "after"},
      .outputs = {"summary", "histogram", "change_summary", "change_histogram"},
      .attributes = {{.name = "bins",
                      .fallback = int64_t{0},
                      .minimum = 0,
                      .maximum = kMaxHistogramBins}},
      .infer_type = InferType,
      .make_kernel = MakeStatisticsKernel<ChangeStatisticsKernel>,
      .reference = Reference,
      .cost = ReductionCost,
  };
  return *op;
}

ChangeStatisticsValues ChangeStatistics(const Value& before, const Value& after,
                                        int64_t bins, SourceLocation location) {
  const Node node = AddNode(ChangeStatisticsOp(), {before, after},
                            {{"bins", bins}}, {.location = location});
  return {.before = {.summary = node.output(0), .histogram = node.output(1)},
          .change = {.summary = node.output(2), .histogram = node.output(3)}};
}

}  // namespace evengrad
