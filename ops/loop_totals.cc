#include "evengrad/ops/loop_totals.h"

#include <algorithm>
#include <atomic>
#include <limits>

#include "evengrad/ops/statistics_loops.h"

namespace evengrad {
namespace {

// Counts the finite ones of a sample in `bins` of equal width between the
// extremes.
template <typename T>
void CountBins(std::span<const double> sample, double minimum, double maximum,
               int64_t bins, T* histogram) {
  // Neighbours often fall into the same bin: with counts of their own they do
  // not wait for each other.
  constexpr size_t kCounts = 4;
  constexpr int64_t kMaxBins = 256;
  int32_t counts[kCounts][kMaxBins + 1];
  const bool fits = bins <= kMaxBins;
  for (size_t c = 0; fits && c < kCounts; ++c) {
    std::fill(counts[c], counts[c] + bins + 1, 0);
  }
  std::fill(histogram, histogram + bins, T{0});
  constexpr int64_t kBlock = 512;  // a multiple of kCounts
  int32_t places[kBlock];
  const auto size = static_cast<int64_t>(sample.size());
  for (int64_t at = 0; at < size; at += kBlock) {
    const int64_t n = std::min(kBlock, size - at);
    FindBinsLoop(sample.data() + at, n, minimum, maximum, bins, places);
    int64_t i = 0;
    for (; fits && i + 4 <= n; i += 4) {
      ++counts[0][places[i]];
      ++counts[1][places[i + 1]];
      ++counts[2][places[i + 2]];
      ++counts[3][places[i + 3]];
    }
    for (; i < n; ++i) {
      if (places[i] < bins) histogram[places[i]] += 1;
    }
  }
  for (int64_t bin = 0; fits && bin < bins; ++bin) {
    for (size_t c = 0; c < kCounts; ++c) {
      histogram[bin] += static_cast<T>(counts[c][bin]);
    }
  }
}

// `limit` as elements of the type hold it: every element is compared alike.
double Held(DType dtype, double limit) {
  if (dtype == DType::kF64) return limit;
  constexpr double kLargest = std::numeric_limits<float>::max();
  return static_cast<float>(std::clamp(limit, -kLargest, kLargest));
}

}  // namespace

struct LoopTotals::Counts {
  // On a cache line of its own: parts add to theirs at the same time.
  struct alignas(64) Sum {
    double value = 0;
  };
  struct Part {
    std::vector<StatisticsAccumulator> statistics;
    std::vector<Sum> sums;
  };
  std::vector<Part> parts;
  // By statistics: every stride-th element, empty without a histogram.
  std::vector<std::vector<double>> samples;
  std::atomic<int> parts_left{0};
};

LoopTotals::LoopTotals(std::span<const LoopOutput> outputs, DType compute_type,
                       int64_t elements, int num_parts)
    : compute_type_(compute_type),
      elements_(elements),
      num_parts_(num_parts),
      stride_(std::max<int64_t>(
          1, (elements + kMaxHistogramSample - 1) / kMaxHistogramSample)),
      counts_(std::make_unique<Counts>()) {
  Counts::Part none;
  for (const LoopOutput& output : outputs) {
    if (!IsCounted(output.ending)) continue;
    Total& total = totals_.emplace_back(
        Total{.ending = output.ending, .buffer = output.buffer});
    if (output.ending != LoopEnding::kStatistics) {
      total.place = static_cast<int>(none.sums.size());
      none.sums.emplace_back();
      continue;
    }
    total.place = static_cast<int>(none.statistics.size());
    total.bins = output.statistics.bins;
    if (total.bins > 0) total.histogram = output.histogram_buffer;
    none.statistics.emplace_back(Held(compute_type, output.statistics.low),
                                 Held(compute_type, output.statistics.high));
    counts_->samples.emplace_back(
        total.histogram < 0
            ? 0
            : static_cast<size_t>((elements + stride_ - 1) / stride_));
  }
  counts_->parts.assign(static_cast<size_t>(num_parts), none);
  counts_->parts_left = num_parts;
}

LoopTotals::~LoopTotals() = default;

void LoopTotals::Clear(int part) const {
  Counts::Part& counts = counts_->parts[part];
  for (StatisticsAccumulator& statistics : counts.statistics) {
    statistics.Clear();
  }
  std::ranges::fill(counts.sums, Counts::Sum());
}

template <typename T>
void LoopTotals::AddElements(int part, const Total& total, const T* values,
                             const T* minus, T* copy, int64_t begin,
                             int64_t count) const {
  Counts::Part& counts = counts_->parts[part];
  if (total.ending == LoopEnding::kSumOfSquares) {
    counts.sums[total.place].value += SumOfSquaresLoop(values, count);
    return;
  }
  if (total.ending == LoopEnding::kFiniteTest) {
    counts.sums[total.place].value += FiniteTestLoop(values, count);
    return;
  }
  counts.statistics[total.place].Add(values, minus, copy, count);
  std::vector<double>& sample = counts_->samples[total.place];
  if (sample.empty()) return;
  for (int64_t i = (begin + stride_ - 1) / stride_; i * stride_ < begin + count;
       ++i) {
    const int64_t at = i * stride_ - begin;
    const T element = minus == nullptr ? values[at] : values[at] - minus[at];
    sample[i] = static_cast<double>(element);
  }
}

void LoopTotals::Add(int part, int index, const void* values, const void* minus,
                     void* copy, int64_t begin, int64_t count) const {
  const Total& total = totals_[index];
  if (compute_type_ == DType::kF64) {
    AddElements(part, total, static_cast<const double*>(values),
                static_cast<const double*>(minus), static_cast<double*>(copy),
                begin, count);
  } else {
    AddElements(part, total, static_cast<const float*>(values),
                static_cast<const float*>(minus), static_cast<float*>(copy),
                begin, count);
  }
}

void LoopTotals::EndPart(const KernelContext& context) const {
  if (num_parts_ == 1 || counts_->parts_left.fetch_sub(1) == 1) {
    counts_->parts_left = num_parts_;
    Finish(context);
  }
}

void LoopTotals::Finish(const KernelContext& context) const {
  for (const Total& total : totals_) {
    if (total.ending != LoopEnding::kStatistics) {
      WriteSum(total, context);
    } else if (compute_type_ == DType::kF64) {
      WriteStatistics<double>(total, context);
    } else {
      WriteStatistics<float>(total, context);
    }
  }
}

void LoopTotals::WriteSum(const Total& total,
                          const KernelContext& context) const {
  double sum = 0;
  for (const Counts::Part& part : counts_->parts) {
    sum += part.sums[total.place].value;
  }
  if (total.ending == LoopEnding::kSumOfSquares) {
    *context.output<double>(total.buffer) = sum;
  } else {
    *context.output<float>(total.buffer) = static_cast<float>(sum);
  }
}

template <typename T>
void LoopTotals::WriteStatistics(const Total& total,
                                 const KernelContext& context) const {
  StatisticsAccumulator all = counts_->parts[0].statistics[total.place];
  for (int part = 1; part < num_parts_; ++part) {
    all.Add(counts_->parts[part].statistics[total.place]);
  }
  if (total.buffer >= 0) {
    all.Write(elements_, context.output<T>(total.buffer));
  }
  if (total.histogram >= 0) {
    CountBins(counts_->samples[total.place], all.minimum(), all.maximum(),
              total.bins, context.output<T>(total.histogram));
  }
}

}  // namespace evengrad
