#include "evengrad/ops/statistics_loops.h"

#include <algorithm>
#include <cmath>

// Highway compiles the rest of this file once for each vector width.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "evengrad/ops/statistics_loops.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace evengrad {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Doubles = hn::ScalableTag<double>;
using HalfFloats = hn::Rebind<float, Doubles>;  // as many lanes as Doubles

HWY_INLINE hn::Vec<Doubles> LoadDoubles(Doubles, const float* from) {
  return hn::PromoteTo(Doubles(), hn::LoadU(HalfFloats(), from));
}
HWY_INLINE hn::Vec<Doubles> LoadDoubles(Doubles d, const double* from) {
  return hn::LoadU(d, from);
}

template <typename T>
double SumOfSquares(const T* input, int64_t count) {
  const Doubles d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  auto sum0 = hn::Zero(d);
  auto sum1 = sum0;
  auto sum2 = sum0;
  auto sum3 = sum0;
  int64_t i = 0;
  for (; i + 4 * lanes <= count; i += 4 * lanes) {
    const auto a = LoadDoubles(d, input + i);
    const auto b = LoadDoubles(d, input + i + lanes);
    const auto c = LoadDoubles(d, input + i + 2 * lanes);
    const auto e = LoadDoubles(d, input + i + 3 * lanes);
    sum0 = hn::MulAdd(a, a, sum0);
    sum1 = hn::MulAdd(b, b, sum1);
    sum2 = hn::MulAdd(c, c, sum2);
    sum3 = hn::MulAdd(e, e, sum3);
  }
  sum0 = hn::Add(hn::Add(sum0, sum1), hn::Add(sum2, sum3));
  double sum = hn::GetLane(hn::SumOfLanes(d, sum0));
  for (; i < count; ++i) {
    sum += static_cast<double>(input[i]) * static_cast<double>(input[i]);
  }
  return sum;
}

double SumOfSquaresF32(const float* input, int64_t count) {
  return SumOfSquares(input, count);
}
double SumOfSquaresF64(const double* input, int64_t count) {
  return SumOfSquares(input, count);
}

template <typename T>
void Subtract(const T* a, const T* b, int64_t count, T* difference) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    hn::StoreU(hn::Sub(hn::LoadU(d, a + i), hn::LoadU(d, b + i)), d,
               difference + i);
  }
  for (; i < count; ++i) difference[i] = a[i] - b[i];
}

void SubtractF32(const float* a, const float* b, int64_t count,
                 float* difference) {
  Subtract(a, b, count, difference);
}
void SubtractF64(const double* a, const double* b, int64_t count,
                 double* difference) {
  Subtract(a, b, count, difference);
}

// One pass: sums of elements and squares, extremes, zeros. The squares around
// the mean follow from the sums.
template <typename T>
void SumsAndExtremes(const T* input, int64_t count, BlockStatistics& block) {
  const hn::ScalableTag<T> d;
  const hn::RebindToSigned<decltype(d)> whole;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto zero = hn::Zero(d);
  auto sum0 = zero;
  auto sum1 = zero;
  auto squares0 = zero;
  auto squares1 = zero;
  auto zeros0 = hn::Zero(whole);  // -1 for each
  auto zeros1 = zeros0;
  auto low = hn::Set(d, input[0]);
  auto high = low;
  int64_t i = 0;
  for (; i + 2 * lanes <= count; i += 2 * lanes) {
    const auto a = hn::LoadU(d, input + i);
    const auto b = hn::LoadU(d, input + i + lanes);
    sum0 = hn::Add(sum0, a);
    sum1 = hn::Add(sum1, b);
    squares0 = hn::MulAdd(a, a, squares0);
    squares1 = hn::MulAdd(b, b, squares1);
    low = hn::Min(low, hn::Min(a, b));
    high = hn::Max(high, hn::Max(a, b));
    zeros0 = hn::Add(zeros0,
                     hn::BitCast(whole, hn::VecFromMask(d, hn::Eq(a, zero))));
    zeros1 = hn::Add(zeros1,
                     hn::BitCast(whole, hn::VecFromMask(d, hn::Eq(b, zero))));
  }
  block.sum = hn::GetLane(hn::SumOfLanes(d, hn::Add(sum0, sum1)));
  block.squares = hn::GetLane(hn::SumOfLanes(d, hn::Add(squares0, squares1)));
  block.minimum = hn::GetLane(hn::MinOfLanes(d, low));
  block.maximum = hn::GetLane(hn::MaxOfLanes(d, high));
  block.zeros = -static_cast<int64_t>(
      hn::GetLane(hn::SumOfLanes(whole, hn::Add(zeros0, zeros1))));
  for (; i < count; ++i) {
    const double x = static_cast<double>(input[i]);
    block.sum += x;
    block.squares += x * x;
    block.minimum = std::min(block.minimum, x);
    block.maximum = std::max(block.maximum, x);
    block.zeros += x == 0;
  }
}

// Second pass, where one is needed, while the block is in the cache: squares
// around the mean, elements outside.
template <typename T, bool kOutside>
void SquaresAroundMean(const T* input, int64_t count, T low, T high,
                       BlockStatistics& block) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const T center = static_cast<T>(block.sum / static_cast<double>(count));
  const auto mean = hn::Set(d, center);
  const auto least = hn::Set(d, low);
  const auto most = hn::Set(d, high);
  const auto one = hn::Set(d, T{1});
  auto squares0 = hn::Zero(d);
  auto squares1 = squares0;
  auto outside = squares0;
  auto count_outside = [&](hn::Vec<decltype(d)> x) HWY_ATTR {
    const auto beyond = hn::Or(hn::Lt(x, least), hn::Gt(x, most));
    outside = hn::Add(outside, hn::IfThenElseZero(beyond, one));
  };
  int64_t i = 0;
  for (; i + 2 * lanes <= count; i += 2 * lanes) {
    const auto a = hn::LoadU(d, input + i);
    const auto b = hn::LoadU(d, input + i + lanes);
    const auto da = hn::Sub(a, mean);
    const auto db = hn::Sub(b, mean);
    squares0 = hn::MulAdd(da, da, squares0);
    squares1 = hn::MulAdd(db, db, squares1);
    if (kOutside) {
      count_outside(a);
      count_outside(b);
    }
  }
  block.squares = hn::GetLane(hn::SumOfLanes(d, hn::Add(squares0, squares1)));
  block.outside = static_cast<int64_t>(hn::GetLane(hn::SumOfLanes(d, outside)));
  for (; i < count; ++i) {
    const double deviation =
        static_cast<double>(input[i]) - static_cast<double>(center);
    block.squares += deviation * deviation;
    block.outside += kOutside && (input[i] < low || input[i] > high);
  }
}

template <typename T>
BlockStatistics StatisticsOfBlock(const T* input, int64_t count,
                                  bool count_outside, T low, T high) {
  BlockStatistics block;
  SumsAndExtremes(input, count, block);
  if (!std::isfinite(block.sum) || !std::isfinite(block.squares)) return block;
  if (count_outside) {
    SquaresAroundMean<T, true>(input, count, low, high, block);
    return block;
  }
  const double around_mean =
      block.squares - block.sum * block.sum / static_cast<double>(count);
  // The difference has lost a few bits at most; else they are summed anew.
  constexpr double kMostLost = 0.25;
  if (around_mean > kMostLost * block.squares || block.squares == 0) {
    block.squares = around_mean;
  } else {
    SquaresAroundMean<T, false>(input, count, low, high, block);
  }
  return block;
}

BlockStatistics BlockF32(const float* input, int64_t count, bool count_outside,
                         float low, float high) {
  return StatisticsOfBlock(input, count, count_outside, low, high);
}
BlockStatistics BlockF64(const double* input, int64_t count, bool count_outside,
                         double low, double high) {
  return StatisticsOfBlock(input, count, count_outside, low, high);
}

template <typename T>
void FindBins(const T* x, int64_t count, double minimum, double maximum,
              int64_t bins, int32_t* places) {
  const Doubles d;
  const hn::Rebind<int32_t, Doubles> whole;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto low = hn::Set(d, minimum);
  const auto range = hn::Set(d, maximum - minimum);
  const auto number = hn::Set(d, static_cast<double>(bins));
  const auto last = hn::Set(d, static_cast<double>(bins - 1));
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const auto value = LoadDoubles(d, x + i);
    const auto place = hn::Div(hn::Sub(value, low), range);
    // Not positive where the extremes are equal, or too far apart.
    const auto bin = hn::IfThenElseZero(hn::Gt(place, hn::Zero(d)),
                                        hn::Min(hn::Mul(place, number), last));
    const auto finite = hn::Eq(hn::Sub(value, value), hn::Zero(d));
    hn::StoreU(hn::DemoteTo(whole, hn::IfThenElse(finite, bin, number)), whole,
               places + i);
  }
  for (; i < count; ++i) {
    const double place =
        (static_cast<double>(x[i]) - minimum) / (maximum - minimum);
    const double bin = place > 0 ? std::min(place * static_cast<double>(bins),
                                            static_cast<double>(bins - 1))
                                 : 0;
    places[i] = static_cast<int32_t>(
        std::isfinite(x[i]) ? bin : static_cast<double>(bins));
  }
}

void FindBinsF32(const float* x, int64_t count, double minimum, double maximum,
                 int64_t bins, int32_t* places) {
  FindBins(x, count, minimum, maximum, bins, places);
}
void FindBinsF64(const double* x, int64_t count, double minimum, double maximum,
                 int64_t bins, int32_t* places) {
  FindBins(x, count, minimum, maximum, bins, places);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace evengrad
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace evengrad {

HWY_EXPORT(SumOfSquaresF32);
HWY_EXPORT(SumOfSquaresF64);
HWY_EXPORT(SubtractF32);
HWY_EXPORT(SubtractF64);
HWY_EXPORT(BlockF32);
HWY_EXPORT(BlockF64);
HWY_EXPORT(FindBinsF32);
HWY_EXPORT(FindBinsF64);

double SumOfSquaresLoop(const float* input, int64_t count) {
  return HWY_DYNAMIC_DISPATCH(SumOfSquaresF32)(input, count);
}
double SumOfSquaresLoop(const double* input, int64_t count) {
  return HWY_DYNAMIC_DISPATCH(SumOfSquaresF64)(input, count);
}

void SubtractLoop(const float* a, const float* b, int64_t count,
                  float* difference) {
  HWY_DYNAMIC_DISPATCH(SubtractF32)(a, b, count, difference);
}
void SubtractLoop(const double* a, const double* b, int64_t count,
                  double* difference) {
  HWY_DYNAMIC_DISPATCH(SubtractF64)(a, b, count, difference);
}

BlockStatistics BlockStatisticsLoop(const float* input, int64_t count,
                                    bool count_outside, float low, float high) {
  return HWY_DYNAMIC_DISPATCH(BlockF32)(input, count, count_outside, low, high);
}
BlockStatistics BlockStatisticsLoop(const double* input, int64_t count,
                                    bool count_outside, double low,
                                    double high) {
  return HWY_DYNAMIC_DISPATCH(BlockF64)(input, count, count_outside, low, high);
}

void FindBinsLoop(const float* x, int64_t count, double minimum, double maximum,
                  int64_t bins, int32_t* places) {
  HWY_DYNAMIC_DISPATCH(FindBinsF32)(x, count, minimum, maximum, bins, places);
}
void FindBinsLoop(const double* x, int64_t count, double minimum,
                  double maximum, int64_t bins, int32_t* places) {
  HWY_DYNAMIC_DISPATCH(FindBinsF64)(x, count, minimum, maximum, bins, places);
}

}  // namespace evengrad
#endif  // HWY_ONCE
