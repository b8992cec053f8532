// Vector loops of the statistics over an array, compiled for every vector width
// (Highway) and chosen for the machine when they are called.
#ifndef EVENGRAD_OPS_STATISTICS_LOOPS_H_
#define EVENGRAD_OPS_STATISTICS_LOOPS_H_

#include <cstdint>

namespace evengrad {

// The sum of the squares of `count` elements, in double.
double SumOfSquaresLoop(const float* input, int64_t count);
double SumOfSquaresLoop(const double* input, int64_t count);

// 0 where all of `count` elements are finite, else NaN.
double FiniteTestLoop(const float* input, int64_t count);
double FiniteTestLoop(const double* input, int64_t count);

// What one block of elements comes to. Exact counts; sums in the element type.
// When `sum` or `squares` is not finite, an element is not (or a sum went
// over), and the other members mean nothing.
struct BlockStatistics {
  double sum = 0;
  double squares = 0;
  // `squares` are those around the mean of the block, not of the elements:
  // where most of those would come from the mean, their difference is lost.
  bool around_mean = false;
  double minimum = 0;
  double maximum = 0;
  int64_t zeros = 0;
  int64_t outside = 0;  // below `low` or above `high`
};

// Of a block of 1 <= count <= 2^16 elements that fits the L1 cache: `values`,
// less `minus` where that is not null. `values` are copied to `copy` on the
// way, where that is not null and `minus` is. Elements are counted as outside
// only where low < high. Zeros cost less where they are expected, and nothing
// else depends on that.
BlockStatistics BlockStatisticsLoop(const float* values, const float* minus,
                                    float* copy, int64_t count, float low,
                                    float high, bool expect_zeros);
BlockStatistics BlockStatisticsLoop(const double* values, const double* minus,
                                    double* copy, int64_t count, double low,
                                    double high, bool expect_zeros);

// places[i] = the one of `bins` <= 2^16 bins of equal width between the
// extremes that x[i] falls into; `bins` where x[i] is not finite.
void FindBinsLoop(const double* x, int64_t count, double minimum,
                  double maximum, int64_t bins, int32_t* places);

}  // namespace evengrad

#endif  // EVENGRAD_OPS_STATISTICS_LOOPS_H_
