#include "evengrad/ops/reduction_loops.h"

// Highway compiles the rest of this file once for each vector width.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "evengrad/ops/reduction_loops.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "evengrad/ops/vector_loop-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evengrad {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Doubles = hn::ScalableTag<double>;
using HalfFloats = hn::Rebind<float, Doubles>;  // as many lanes as Doubles
using Floats = hn::ScalableTag<float>;

// Eight float vectors, `stride` elements apart, added pairwise.
template <class D>
HWY_INLINE hn::Vec<D> SumOfEight(D d, const float* x, int64_t stride) {
  const auto a = hn::Add(hn::LoadU(d, x), hn::LoadU(d, x + stride));
  x += 2 * stride;
  const auto b = hn::Add(hn::LoadU(d, x), hn::LoadU(d, x + stride));
  x += 2 * stride;
  const auto c = hn::Add(hn::LoadU(d, x), hn::LoadU(d, x + stride));
  x += 2 * stride;
  const auto e = hn::Add(hn::LoadU(d, x), hn::LoadU(d, x + stride));
  return hn::Add(hn::Add(a, b), hn::Add(c, e));
}

void SumColumns(const float* input, int64_t rows, int64_t stride,
                int64_t columns, double* sums) {
  const Doubles dd;
  const HalfFloats df;
  const auto lanes = static_cast<int64_t>(hn::Lanes(dd));
  auto add = [&](int64_t j, hn::Vec<HalfFloats> v) HWY_ATTR {
    const auto sum = hn::Add(hn::LoadU(dd, sums + j), hn::PromoteTo(dd, v));
    hn::StoreU(sum, dd, sums + j);
  };
  int64_t row = 0;
  for (; row + 8 <= rows; row += 8) {
    const float* const x = input + row * stride;
    int64_t j = 0;
    for (; j + lanes <= columns; j += lanes) {
      add(j, SumOfEight(df, x + j, stride));
    }
    for (; j < columns; ++j) {
      const float* const y = x + j;
      sums[j] +=
          ((y[0] + y[stride]) + (y[2 * stride] + y[3 * stride])) +
          ((y[4 * stride] + y[5 * stride]) + (y[6 * stride] + y[7 * stride]));
    }
  }
  for (; row < rows; ++row) {
    const float* const x = input + row * stride;
    int64_t j = 0;
    for (; j + lanes <= columns; j += lanes) add(j, hn::LoadU(df, x + j));
    for (; j < columns; ++j) sums[j] += x[j];
  }
}

double SumRow(const float* input, int64_t count) {
  const SumVectors<double> dd;
  const hn::Rebind<float, SumVectors<double>> df;
  const auto lanes = static_cast<int64_t>(hn::Lanes(dd));
  auto sums = hn::Zero(dd);
  int64_t i = 0;
  for (; i + 8 * lanes <= count; i += 8 * lanes) {
    sums = hn::Add(sums, hn::PromoteTo(dd, SumOfEight(df, input + i, lanes)));
  }
  for (; i + lanes <= count; i += lanes) {
    sums = hn::Add(sums, hn::PromoteTo(dd, hn::LoadU(df, input + i)));
  }
  double sum = hn::GetLane(hn::SumOfLanes(dd, sums));
  for (; i < count; ++i) sum += input[i];
  return sum;
}

// x where it is beyond y, or NaN; else y (which may be NaN).
struct Larger {
  template <class V>
  HWY_INLINE V operator()(V x, V y) const {
    return hn::IfThenElse(hn::Or(hn::Gt(x, y), hn::IsNaN(x)), x, y);
  }
  float operator()(float x, float y) const { return x > y || x != x ? x : y; }
};
struct Smaller {
  template <class V>
  HWY_INLINE V operator()(V x, V y) const {
    return hn::IfThenElse(hn::Or(hn::Lt(x, y), hn::IsNaN(x)), x, y);
  }
  float operator()(float x, float y) const { return x < y || x != x ? x : y; }
};

template <class Choose>
void ExtremumColumns(const float* input, int64_t rows, int64_t stride,
                     int64_t columns, float* result) {
  const Floats d;
  const Choose choose;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t row = 0; row < rows; ++row) {
    const float* const x = input + row * stride;
    int64_t j = 0;
    for (; j + lanes <= columns; j += lanes) {
      hn::StoreU(choose(hn::LoadU(d, x + j), hn::LoadU(d, result + j)), d,
                 result + j);
    }
    for (; j < columns; ++j) result[j] = choose(x[j], result[j]);
  }
}

template <class Choose>
float ExtremumRow(const float* input, int64_t count, float initial) {
  const SumVectors<float> d;
  const Choose choose;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  auto found = hn::Set(d, initial);
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    found = choose(hn::LoadU(d, input + i), found);
  }
  HWY_ALIGN float each[HWY_MAX_BYTES / sizeof(float)];
  hn::Store(found, d, each);
  float result = initial;
  for (int64_t lane = 0; lane < lanes; ++lane) {
    result = choose(each[lane], result);
  }
  for (; i < count; ++i) result = choose(input[i], result);
  return result;
}

void MaximumColumns(const float* input, int64_t rows, int64_t stride,
                    int64_t columns, float* result) {
  ExtremumColumns<Larger>(input, rows, stride, columns, result);
}
void MinimumColumns(const float* input, int64_t rows, int64_t stride,
                    int64_t columns, float* result) {
  ExtremumColumns<Smaller>(input, rows, stride, columns, result);
}
float MaximumRow(const float* input, int64_t count, float initial) {
  return ExtremumRow<Larger>(input, count, initial);
}
float MinimumRow(const float* input, int64_t count, float initial) {
  return ExtremumRow<Smaller>(input, count, initial);
}

}  // namespace HWY_NAMESPACE
}  // namespace evengrad
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace evengrad {

HWY_EXPORT(SumColumns);
HWY_EXPORT(SumRow);
HWY_EXPORT(MaximumColumns);
HWY_EXPORT(MinimumColumns);
HWY_EXPORT(MaximumRow);
HWY_EXPORT(MinimumRow);

void SumColumns(const float* input, int64_t rows, int64_t stride,
                int64_t columns, double* sums) {
  HWY_DYNAMIC_DISPATCH(SumColumns)(input, rows, stride, columns, sums);
}
double SumRow(const float* input, int64_t count) {
  return HWY_DYNAMIC_DISPATCH(SumRow)(input, count);
}
void MaximumColumns(const float* input, int64_t rows, int64_t stride,
                    int64_t columns, float* result) {
  HWY_DYNAMIC_DISPATCH(MaximumColumns)(input, rows, stride, columns, result);
}
void MinimumColumns(const float* input, int64_t rows, int64_t stride,
                    int64_t columns, float* result) {
  HWY_DYNAMIC_DISPATCH(MinimumColumns)(input, rows, stride, columns, result);
}
float MaximumRow(const float* input, int64_t count, float initial) {
  return HWY_DYNAMIC_DISPATCH(MaximumRow)(input, count, initial);
}
float MinimumRow(const float* input, int64_t count, float initial) {
  return HWY_DYNAMIC_DISPATCH(MinimumRow)(input, count, initial);
}

}  // namespace evengrad
#endif  // HWY_ONCE
