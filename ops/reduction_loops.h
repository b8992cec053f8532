// Vector loops of reductions over f32, compiled for every vector width
// (Highway) and chosen for the machine when they are called.
#ifndef EVENGRAD_OPS_REDUCTION_LOOPS_H_
#define EVENGRAD_OPS_REDUCTION_LOOPS_H_

#include <cstdint>

namespace evengrad {

// sums[j] += input[0][j] + … + input[rows-1][j] for j < columns; rows lie
// `stride` elements apart.
void SumColumns(const float* input, int64_t rows, int64_t stride,
                int64_t columns, double* sums);
// The sum of `count` elements that lie side by side.
double SumRow(const float* input, int64_t count);

// result[j] = the larger (smaller) of result[j] and the column's elements; NaN
// where one of them is.
void MaximumColumns(const float* input, int64_t rows, int64_t stride,
                    int64_t columns, float* result);
void MinimumColumns(const float* input, int64_t rows, int64_t stride,
                    int64_t columns, float* result);
// The largest (smallest) of `initial` and `count` elements that lie side by
// side; NaN where one of them is.
float MaximumRow(const float* input, int64_t count, float initial);
float MinimumRow(const float* input, int64_t count, float initial);

}  // namespace evengrad

#endif  // EVENGRAD_OPS_REDUCTION_LOOPS_H_
