#include "evengrad/ops/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "evengrad/graph/status.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/elementwise_kernel.h"
#include "evengrad/ops/loop_output.h"
#include "evengrad/ops/reduction_rules.h"
#include "evengrad/ops/reference.h"

namespace evengrad {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

absl::StatusOr<std::vector<TensorType>> InferType(const InferContext& context) {
  EVENGRAD_RETURN_IF_ERROR(CheckFloatingInput(context));
  const TensorType& input = context.input(0);
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

// `from` has the op's attributes: a node, or a request for a kernel.
template <typename From>
LoopOutput CountedOutput(const From& from, const TensorType& summary) {
  return {.ending = LoopEnding::kStatistics,
          .type = summary,
          .statistics = {.low = from.template attribute<double>("low"),
                         .high = from.template attribute<double>("high"),
                         .bins = from.template attribute<int64_t>("bins")}};
}

absl::StatusOr<std::unique_ptr<Kernel>> MakeKernel(
    const KernelRequest& request) {
  return MakeEnding(request, CountedOutput(request, request.outputs[0]));
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
      .make_kernel = MakeKernel,
      .loop_output =
          [](const Node& node) {
            return CountedOutput(node, node.output_type());
          },
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
