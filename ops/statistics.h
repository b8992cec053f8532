// Measurements, which hooks observe and clip by. Each reads its input once.
//
//   const StatisticsValues s = Statistics(hidden, {.bins = 32});
//   instrumentation.Observe({.name = "hidden", .values = {s.summary}});
#ifndef EVENGRAD_OPS_STATISTICS_H_
#define EVENGRAD_OPS_STATISTICS_H_

#include <cstdint>

#include "evengrad/graph/export.h"
#include "evengrad/graph/graph.h"

namespace evengrad {

// f64[]: the sum of the squares of all elements. Of f32 and bf16 it is finite
// exactly when all of them are.
EVENGRAD_EXPORT Value SumOfSquares(const Value& input, SourceLocation = Here());

// f32[]: 0 where all elements are finite, NaN where one is not. Not
// differentiable.
EVENGRAD_EXPORT Value FiniteTest(const Value& input, SourceLocation = Here());

// The percentile (0 … 100) of the first `count` (i64[]) elements of a vector,
// interpolated linearly. Not differentiable.
EVENGRAD_EXPORT Value Percentile(const Value& input, const Value& count,
                                 double percent, SourceLocation = Here());

// Places in the summary of a tensor. Mean, deviation, extremes and norm are
// those of the finite elements: NaN where there is none (the norm of an empty
// tensor is 0).
enum class Statistic : uint8_t {
  kCount,       // of all elements
  kMean,        //
  kDeviation,   // sqrt(mean((x - mean)^2))
  kMinimum,     //
  kMaximum,     //
  kNorm,        // sqrt(sum(x^2))
  kZeros,       // elements that are 0
  kNans,        //
  kInfinities,  // of either sign
  kOutside,     // finite elements below `low` or above `high`
};
inline constexpr int kNumStatistics = 10;

// At most this many elements, evenly spaced, are counted in a histogram.
inline constexpr int64_t kMaxHistogramSample = 2048;
inline constexpr int64_t kMaxHistogramBins = 4096;

struct StatisticsOptions {
  // Elements outside [low, high] are counted; none where low == high.
  double low = 0;
  double high = 0;
  // Bins of equal width between the extremes; 0 for no histogram.
  int64_t bins = 0;
};

struct StatisticsValues {
  Value summary = {};    // [kNumStatistics], indexed by Statistic
  Value histogram = {};  // [bins]: counts of finite elements
};

// The statistics of a floating value of any shape, in f32 (f64 for f64). Not
// differentiable. Errors: low > high, bins outside [0, 4096].
EVENGRAD_EXPORT StatisticsValues Statistics(const Value& input,
                                            StatisticsOptions options = {},
                                            SourceLocation = Here());

}  // namespace evengrad

#endif  // EVENGRAD_OPS_STATISTICS_H_
