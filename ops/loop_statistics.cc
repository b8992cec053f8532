#include "evengrad/ops/loop_statistics.h"

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

struct LoopStatistics::Counts {
  // By part, then by statistics.
  std::vector<std::vector<StatisticsAccumulator>> of_part;
  // By statistics: every stride-th element, empty without a histogram.
  std::vector<std::vector<double>> samples;
  std::atomic<int> parts_left{0};
};

LoopStatistics::LoopStatistics(std::span<const LoopOutput> outputs,
                               DType compute_type, int64_t elements,
                               int num_parts)
    : compute_type_(compute_type),
      elements_(elements),
      num_parts_(num_parts),
      stride_(std::max<int64_t>(
          1, (elements + kMaxHistogramSample - 1) / kMaxHistogramSample)),
      counts_(std::make_unique<Counts>()) {
  std::vector<StatisticsAccumulator> none;
  for (const LoopOutput& output : outputs) {
    if (output.ending != LoopEnding::kStatistics) continue;
    const int64_t bins = output.statistics.bins;
    const bool counts_bins = output.histogram_buffer >= 0 && bins > 0;
    endings_.push_back(
        {output.buffer, counts_bins ? output.histogram_buffer : -1, bins});
    none.emplace_back(Held(compute_type, output.statistics.low),
                      Held(compute_type, output.statistics.high));
    counts_->samples.emplace_back(
        counts_bins ? static_cast<size_t>((elements + stride_ - 1) / stride_)
                    : 0);
  }
  counts_->of_part.assign(static_cast<size_t>(num_parts), none);
  counts_->parts_left = num_parts;
}

LoopStatistics::~LoopStatistics() = default;

void LoopStatistics::Begin(int part) const {
  for (StatisticsAccumulator& accumulator : counts_->of_part[part]) {
    accumulator.Clear();
  }
}

template <typename T>
void LoopStatistics::AddElements(int part, int index, const T* values,
                                 const T* minus, int64_t begin,
                                 int64_t count) const {
  counts_->of_part[part][index].Add(values, minus, count);
  std::vector<double>& sample = counts_->samples[index];
  if (sample.empty()) return;
  for (int64_t i = (begin + stride_ - 1) / stride_; i * stride_ < begin + count;
       ++i) {
    const int64_t at = i * stride_ - begin;
    const T element = minus == nullptr ? values[at] : values[at] - minus[at];
    sample[i] = static_cast<double>(element);
  }
}

void LoopStatistics::Add(int part, int index, const void* values,
                         const void* minus, int64_t begin,
                         int64_t count) const {
  if (compute_type_ == DType::kF64) {
    AddElements(part, index, static_cast<const double*>(values),
                static_cast<const double*>(minus), begin, count);
  } else {
    AddElements(part, index, static_cast<const float*>(values),
                static_cast<const float*>(minus), begin, count);
  }
}

void LoopStatistics::End(const KernelContext& context) const {
  if (endings_.empty()) return;
  if (num_parts_ == 1 || counts_->parts_left.fetch_sub(1) == 1) {
    counts_->parts_left = num_parts_;
    Finish(context);
  }
}

void LoopStatistics::Finish(const KernelContext& context) const {
  for (size_t i = 0; i < endings_.size(); ++i) {
    StatisticsAccumulator total = counts_->of_part[0][i];
    for (int part = 1; part < num_parts_; ++part) {
      total.Add(counts_->of_part[part][i]);
    }
    if (compute_type_ == DType::kF64) {
      Write<double>(endings_[i], total, counts_->samples[i], context);
    } else {
      Write<float>(endings_[i], total, counts_->samples[i], context);
    }
  }
}

template <typename T>
void LoopStatistics::Write(const Ending& ending,
                           const StatisticsAccumulator& total,
                           std::span<const double> sample,
                           const KernelContext& context) const {
  if (ending.summary >= 0) {
    total.Write(elements_, context.output<T>(ending.summary));
  }
  if (ending.histogram >= 0) {
    CountBins(sample, total.minimum(), total.maximum(), ending.bins,
              context.output<T>(ending.histogram));
  }
}

}  // namespace evengrad
