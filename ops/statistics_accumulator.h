// What the kernels of statistics share: blocks are added up to the summary of a
// tensor, and a sample is counted in bins.
#ifndef EVENGRAD_OPS_STATISTICS_ACCUMULATOR_H_
#define EVENGRAD_OPS_STATISTICS_ACCUMULATOR_H_

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>

#include "evengrad/ops/statistics.h"
#include "evengrad/ops/statistics_loops.h"

namespace evengrad {

// Elements of a block, which stays in the L1 cache.
inline constexpr int64_t kStatisticsBlock = 2048;

// T is float or double: what blocks are computed in.
template <typename T>
class StatisticsAccumulator {
 public:
  // Counts elements outside [low, high]; none where they are equal.
  StatisticsAccumulator(double low, double high) : low_(low), high_(high) {}

  // Adds 1 <= count <= kStatisticsBlock elements.
  void Add(const T* values, int64_t count) {
    const BlockStatistics block =
        BlockStatisticsLoop(values, count, low_ < high_, static_cast<T>(low_),
                            static_cast<T>(high_));
    if (std::isfinite(block.sum) && std::isfinite(block.squares) &&
        !Underflows(block)) {
      AddFinite(block, count);
      return;
    }
    for (int64_t i = 0; i < count; ++i) {
      AddElement(static_cast<double>(values[i]));
    }
  }

  double minimum() const { return minimum_; }
  double maximum() const { return maximum_; }

  // Of `count` elements: kNumStatistics numbers.
  void Write(int64_t count, T* summary) const {
    constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
    const bool any = finite_ > 0;
    auto set = [&](Statistic statistic, double value) {
      summary[static_cast<size_t>(statistic)] = static_cast<T>(value);
    };
    set(Statistic::kCount, static_cast<double>(count));
    set(Statistic::kMean, any ? mean_ : kNaN);
    set(Statistic::kDeviation, any ? std::sqrt(squares_ / finite_) : kNaN);
    set(Statistic::kMinimum, any ? minimum_ : kNaN);
    set(Statistic::kMaximum, any ? maximum_ : kNaN);
    set(Statistic::kNorm, any || count == 0
                              ? std::sqrt(squares_ + finite_ * mean_ * mean_)
                              : kNaN);
    set(Statistic::kZeros, static_cast<double>(zeros_));
    set(Statistic::kNans, static_cast<double>(nans_));
    set(Statistic::kInfinities, static_cast<double>(infinities_));
    set(Statistic::kOutside, static_cast<double>(outside_));
  }

 private:
  // The squares of elements as small as these are less than T holds well: a
  // vanishing gradient is not one of 0.
  static bool Underflows(const BlockStatistics& block) {
    static const double smallest =
        std::sqrt(static_cast<double>(std::numeric_limits<T>::min()) * 1e6);
    const double largest =
        std::max(std::fabs(block.minimum), std::fabs(block.maximum));
    return largest > 0 && largest < smallest;
  }

  // The mean and the squares around it by Chan, Golub and LeVeque, Updating
  // formulae for computing sample variances, 1982.
  void AddFinite(const BlockStatistics& block, int64_t count) {
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

  // For blocks with elements, or sums, that are not finite.
  void AddElement(double x) {
    if (std::isnan(x)) {
      ++nans_;
    } else if (std::isinf(x)) {
      ++infinities_;
    } else {
      const bool outside = low_ < high_ && (x < low_ || x > high_);
      AddFinite({.sum = x,
                 .minimum = x,
                 .maximum = x,
                 .zeros = x == 0,
                 .outside = outside},
                1);
    }
  }

  double low_;
  double high_;
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

// A sample of at most kMaxHistogramSample elements of a tensor, taken from its
// blocks one after the other while they are in the cache.
template <typename T>
class HistogramSample {
 public:
  // Of a tensor of `count` elements; nothing is taken where it is not `wanted`.
  HistogramSample(int64_t count, bool wanted)
      : stride_(wanted ? (count + kMaxHistogramSample - 1) / kMaxHistogramSample
                       : 0) {}

  // The next `count` elements.
  void Add(const T* values, int64_t count) {
    if (stride_ == 0) return;
    for (; next_ < count; next_ += stride_) sample_[size_++] = values[next_];
    next_ -= count;
  }

  // Counts the finite ones in `bins` of equal width between the extremes.
  void Count(double minimum, double maximum, int64_t bins, T* histogram) const {
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
    for (int64_t at = 0; at < size_; at += kBlock) {
      const int64_t n = std::min(kBlock, size_ - at);
      FindBinsLoop(sample_ + at, n, minimum, maximum, bins, places);
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

 private:
  int64_t stride_;
  int64_t next_ = 0;  // in the elements to come
  int64_t size_ = 0;
  T sample_[kMaxHistogramSample];
};

}  // namespace evengrad

#endif  // EVENGRAD_OPS_STATISTICS_ACCUMULATOR_H_
