// Adds blocks up to the summary of a tensor.
#ifndef EVENGRAD_OPS_STATISTICS_ACCUMULATOR_H_
#define EVENGRAD_OPS_STATISTICS_ACCUMULATOR_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "evengrad/ops/statistics.h"
#include "evengrad/ops/statistics_loops.h"

namespace evengrad {

class StatisticsAccumulator {
 public:
  // Counts elements outside [low, high]; none where they are equal.
  StatisticsAccumulator(double low, double high) : low_(low), high_(high) {}

  void Clear() { *this = StatisticsAccumulator(low_, high_); }

  // Adds 1 <= count <= 2^16 elements, float or double: `values`, less `minus`
  // where that is not null. Without it, `values` are copied to `copy` on the
  // way, where that is not null.
  template <typename T>
  void Add(const T* values, const T* minus, T* copy, int64_t count) {
    const BlockStatistics block =
        BlockStatisticsLoop(values, minus, copy, count, static_cast<T>(low_),
                            static_cast<T>(high_), zeros_ > 0);
    if (std::isfinite(block.sum) && std::isfinite(block.squares) &&
        !Underflows<T>(block)) {
      AddFinite(block, static_cast<double>(count));
      return;
    }
    for (int64_t i = 0; i < count; ++i) {
      const T element = minus == nullptr ? values[i] : values[i] - minus[i];
      AddElement(static_cast<double>(element));
    }
  }

  // Adds what another has added up.
  void Add(const StatisticsAccumulator& other) {
    nans_ += other.nans_;
    infinities_ += other.infinities_;
    zeros_ += other.zeros_;
    outside_ += other.outside_;
    minimum_ = std::min(minimum_, other.minimum_);
    maximum_ = std::max(maximum_, other.maximum_);
    around_mean_ = Combined(around_mean_, other.around_mean_);
    plain_count_ += other.plain_count_;
    plain_sum_ += other.plain_sum_;
    plain_squares_ += other.plain_squares_;
  }

  double minimum() const { return minimum_; }
  double maximum() const { return maximum_; }

  // Of `count` elements: kNumStatistics numbers.
  template <typename T>
  void Write(int64_t count, T* summary) const {
    constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
    const Moments all = Combined(around_mean_, PlainMoments());
    const bool any = all.count > 0;
    auto set = [&](Statistic statistic, double value) {
      summary[static_cast<size_t>(statistic)] = static_cast<T>(value);
    };
    set(Statistic::kCount, static_cast<double>(count));
    set(Statistic::kMean, any ? all.mean : kNaN);
    set(Statistic::kDeviation, any ? std::sqrt(all.squares / all.count) : kNaN);
    set(Statistic::kMinimum, any ? minimum_ : kNaN);
    set(Statistic::kMaximum, any ? maximum_ : kNaN);
    set(Statistic::kNorm,
        any || count == 0
            ? std::sqrt(all.squares + all.count * all.mean * all.mean)
            : kNaN);
    set(Statistic::kZeros, static_cast<double>(zeros_));
    set(Statistic::kNans, static_cast<double>(nans_));
    set(Statistic::kInfinities, static_cast<double>(infinities_));
    set(Statistic::kOutside, static_cast<double>(outside_));
  }

 private:
  struct Moments {
    double count = 0;
    double mean = 0;
    double squares = 0;  // around the mean
  };

  // The squares of elements as small as these are less than T holds well: a
  // vanishing gradient is not one of 0.
  template <typename T>
  static bool Underflows(const BlockStatistics& block) {
    constexpr double kSmallest =
        sizeof(T) == sizeof(float) ? 0x1p-53 : 0x1p-501;
    const double largest =
        std::max(std::fabs(block.minimum), std::fabs(block.maximum));
    return largest > 0 && largest < kSmallest;
  }

  // Chan, Golub and LeVeque, Updating formulae for computing sample variances,
  // 1982.
  static Moments Combined(const Moments& a, const Moments& b) {
    if (b.count == 0) return a;
    const double count = a.count + b.count;
    const double difference = b.mean - a.mean;
    return {.count = count,
            .mean = a.mean + difference * (b.count / count),
            .squares = a.squares + b.squares +
                       difference * difference * (a.count * b.count / count)};
  }

  Moments PlainMoments() const {
    if (plain_count_ == 0) return {};
    const double mean = plain_sum_ / plain_count_;
    return {.count = plain_count_,
            .mean = mean,
            .squares = std::max(0.0, plain_squares_ - plain_sum_ * mean)};
  }

  void AddFinite(const BlockStatistics& block, double count) {
    minimum_ = std::min(minimum_, block.minimum);
    maximum_ = std::max(maximum_, block.maximum);
    zeros_ += block.zeros;
    outside_ += block.outside;
    if (block.around_mean) {
      around_mean_ = Combined(around_mean_, {.count = count,
                                             .mean = block.sum / count,
                                             .squares = block.squares});
      return;
    }
    plain_count_ += count;
    plain_sum_ += block.sum;
    plain_squares_ += block.squares;
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
                 .around_mean = true,
                 .minimum = x,
                 .maximum = x,
                 .zeros = x == 0,
                 .outside = outside},
                1);
    }
  }

  double low_;
  double high_;
  // Of blocks that have squares around their means, and of the others: each of
  // those keeps a share around its mean, and so do all together.
  Moments around_mean_ = {};
  double plain_count_ = 0;
  double plain_sum_ = 0;
  double plain_squares_ = 0;
  double minimum_ = std::numeric_limits<double>::infinity();
  double maximum_ = -std::numeric_limits<double>::infinity();
  int64_t zeros_ = 0;
  int64_t outside_ = 0;
  int64_t nans_ = 0;
  int64_t infinities_ = 0;
};

}  // namespace evengrad

#endif  // EVENGRAD_OPS_STATISTICS_ACCUMULATOR_H_
