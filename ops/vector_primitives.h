// The loops that fused programs are made of: each runs one vector primitive, or
// a conversion, over an array. Vector code for the machine is chosen when a
// function is looked up (Highway).
//
// Accuracy. In f32 arithmetic, sqrt and rounding are exact or correctly rounded
// and the elementary functions err by at most 3 units in the last place (see
// vector_math-inl.h); power is the C library's. In f64 the elementary functions
// are the C library's. In i64 arithmetic wraps, x / 0 is 0, and the elementary
// functions are those of f64, truncated.
#ifndef EVENGRAD_OPS_VECTOR_PRIMITIVES_H_
#define EVENGRAD_OPS_VECTOR_PRIMITIVES_H_

#include <cstddef>

#include "evengrad/graph/dtype.h"
#include "evengrad/ops/expression.h"

namespace evengrad {

// Computes n elements of `output` from those of the inputs. An unused input is
// ignored. `output` may be the same array as an input, but not overlap it
// otherwise.
using VectorFunction = void (*)(const void* a, const void* b, const void* c,
                                void* output, size_t n);

// The loop of `primitive` (not kImmediate) over elements of `compute_type`:
// f32, f64 or i64. Where bit i of `scalars` is set, input i is a single
// element. At least one input is an array.
VectorFunction FindPrimitive(Primitive primitive, DType compute_type,
                             unsigned scalars);

// output[i] = a[0], in elements of `compute_type`.
VectorFunction FindFill(DType compute_type);

// output[i] = a[i] in another element type, neither opaque. Rounded to nearest
// for floats; truncated, saturated, 0 for NaN for integers; != 0 for bool.
VectorFunction FindConversion(DType from, DType to);

// Sums over elements of a compute type. Totals of f32 and f64 are in f64,
// those of i64 in i64.
struct SumFunctions {
  DType total_type = DType::kF64;
  // *total += values[0] + … + values[n-1], in several lanes.
  void (*sum)(const void* values, size_t n, void* total) = nullptr;
  // partial[c] += the sum of values[r * columns + c] over `rows` rows.
  void (*sum_rows)(const void* values, size_t rows, size_t columns,
                   void* partial) = nullptr;
  // totals[i] += values[i].
  void (*accumulate)(const void* values, size_t n, void* totals) = nullptr;
};
SumFunctions FindSumFunctions(DType compute_type);

}  // namespace evengrad

#endif  // EVENGRAD_OPS_VECTOR_PRIMITIVES_H_
