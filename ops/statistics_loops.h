// Vector loops of the statistics over an array, compiled for every vector width
// (Highway) and chosen for the machine when they are called.
#ifndef EVENGRAD_OPS_STATISTICS_LOOPS_H_
#define EVENGRAD_OPS_STATISTICS_LOOPS_H_

#include <cstdint>

namespace evengrad {

// The sum of the squares of `count` elements, in double.
double SumOfSquaresLoop(const float* input, int64_t count);
double SumOfSquaresLoop(const double* input, int64_t count);

// difference[i] = a[i] - b[i].
void SubtractLoop(const float* a, const float* b, int64_t count,
                  float* difference);
void SubtractLoop(const double* a, const double* b, int64_t count,
                  double* difference);

// What one block of elements comes to. Exact counts; sums in the element type.
// When `sum` or `squares` is not finite, an element is not (or a sum went
// over), and the other members mean nothing.
struct BlockStatistics {
  double sum = 0;
  double squares = 0;  // sum((x - mean)^2), with the mean of the block
  double minimum = 0;
  double maximum = 0;
  int64_t zeros = 0;
  int64_t outside = 0;  // below `low` or above `high`
};

// Of a block of 1 <= count <= 2^16 elements that fits the L1 cache. Elements
// are counted as outside only where `count_outside` is set.
BlockStatistics BlockStatisticsLoop(const float* input, int64_t count,
                                    bool count_outside, float low, float high);
BlockStatistics BlockStatisticsLoop(const double* input, int64_t count,
                                    bool count_outside, double low,
                                    double high);

// places[i] = the one of `bins` <= 2^16 bins of equal width between the
// extremes that x[i] falls into; `bins` where x[i] is not finite.
void FindBinsLoop(const float* x, int64_t count, double minimum, double maximum,
                  int64_t bins, int32_t* places);
void FindBinsLoop(const double* x, int64_t count, double minimum,
                  double maximum, int64_t bins, int32_t* places);

}  // namespace evengrad

#endif  // EVENGRAD_OPS_STATISTICS_LOOPS_H_
