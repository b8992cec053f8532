#include "evengrad/ops/statistics_loops.h"

#include <algorithm>
#include <cmath>

// Highway compiles the rest of this file once for each vector width.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "evengrad/ops/statistics_loops.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "evengrad/ops/vector_loop-inl.h"

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

// The sum of what `add`(sum, place) adds up in eight chains, as many as
// multiply-adds are under way at a time, of the places below `end`, a multiple
// of eight vectors.
template <class D, class Add>
HWY_INLINE hn::Vec<D> SumOfEightChains(D d, int64_t end, const Add& add) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  auto sum0 = hn::Zero(d), sum1 = sum0, sum2 = sum0, sum3 = sum0;
  auto sum4 = sum0, sum5 = sum0, sum6 = sum0, sum7 = sum0;
  for (int64_t i = 0; i < end; i += 8 * lanes) {
    add(sum0, i);
    add(sum1, i + lanes);
    add(sum2, i + 2 * lanes);
    add(sum3, i + 3 * lanes);
    add(sum4, i + 4 * lanes);
    add(sum5, i + 5 * lanes);
    add(sum6, i + 6 * lanes);
    add(sum7, i + 7 * lanes);
  }
  return hn::Add(hn::Add(hn::Add(sum0, sum1), hn::Add(sum2, sum3)),
                 hn::Add(hn::Add(sum4, sum5), hn::Add(sum6, sum7)));
}

// The sum of 32 chains on AVX2 and on AVX-512, which has four long vectors of
// them: the same bits.
template <typename T>
double SumOfSquares(const T* input, int64_t count) {
  const Doubles d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto add = [&](hn::Vec<Doubles>& sum, int64_t at) HWY_ATTR {
    const auto x = LoadDoubles(d, input + at);
    sum = hn::MulAdd(x, x, sum);
  };
  int64_t i = 0;
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
  auto sum0 = hn::Zero(d), sum1 = sum0, sum2 = sum0, sum3 = sum0;
  for (; i + 4 * lanes <= count; i += 4 * lanes) {
    add(sum0, i);
    add(sum1, i + lanes);
    add(sum2, i + 2 * lanes);
    add(sum3, i + 3 * lanes);
  }
  const SumVectors<double> narrow;
  const auto fold = [&](hn::Vec<Doubles> v) HWY_ATTR {
    return hn::Add(hn::LowerHalf(narrow, v), hn::UpperHalf(narrow, v));
  };
  double sum = hn::GetLane(
      hn::SumOfLanes(narrow, hn::Add(hn::Add(fold(sum0), fold(sum1)),
                                     hn::Add(fold(sum2), fold(sum3)))));
#else
  i = count - count % (8 * lanes);
  double sum = hn::GetLane(hn::SumOfLanes(d, SumOfEightChains(d, i, add)));
#endif
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

// Adds up 0 x: NaN for what is not finite.
template <typename T>
double FiniteTest(const T* input, int64_t count) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto zero = hn::Zero(d);
  const auto add = [&](hn::Vec<decltype(d)>& sum, int64_t at) HWY_ATTR {
    sum = hn::MulAdd(hn::LoadU(d, input + at), zero, sum);
  };
  int64_t i = count - count % (8 * lanes);
  T sum = hn::GetLane(hn::SumOfLanes(d, SumOfEightChains(d, i, add)));
  for (; i < count; ++i) sum += input[i] * 0;
  return static_cast<double>(sum);
}

double FiniteTestF32(const float* input, int64_t count) {
  return FiniteTest(input, count);
}
double FiniteTestF64(const double* input, int64_t count) {
  return FiniteTest(input, count);
}

// Elements of a block as they lie in memory, copied as they are read, and
// differences of two.
template <typename T>
struct Elements {
  const T* values;

  template <class D>
  HWY_INLINE hn::Vec<D> Load(D d, int64_t i) const {
    return hn::LoadU(d, values + i);
  }
  T operator[](int64_t i) const { return values[i]; }
};
template <typename T>
struct CopiedElements {
  const T* values;
  T* copy;

  template <class D>
  HWY_INLINE hn::Vec<D> Load(D d, int64_t i) const {
    const auto x = hn::LoadU(d, values + i);
    hn::StoreU(x, d, copy + i);
    return x;
  }
  T operator[](int64_t i) const { return copy[i] = values[i]; }
};
template <typename T>
struct Differences {
  const T* values;
  const T* minus;

  template <class D>
  HWY_INLINE hn::Vec<D> Load(D d, int64_t i) const {
    return hn::Sub(hn::LoadU(d, values + i), hn::LoadU(d, minus + i));
  }
  T operator[](int64_t i) const { return values[i] - minus[i]; }
};

template <typename T, class Input>
int64_t CountZeros(const Input input, int64_t count) {
  const hn::ScalableTag<T> d;
  const hn::RebindToSigned<decltype(d)> whole;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  auto counted = hn::Zero(whole);  // -1 for each
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const auto is_zero = hn::Eq(input.Load(d, i), hn::Zero(d));
    counted = hn::Add(counted, hn::BitCast(whole, hn::VecFromMask(d, is_zero)));
  }
  int64_t zeros =
      -static_cast<int64_t>(hn::GetLane(hn::SumOfLanes(whole, counted)));
  for (; i < count; ++i) zeros += input[i] == 0;
  return zeros;
}

// One pass: sums of elements and squares, extremes. With kCountZeros, zeros are
// counted in it; else in one of their own, where the smallest magnitude is one.
template <typename T, bool kCountZeros, class Input>
void SumsAndExtremes(const Input input, int64_t count, BlockStatistics& block) {
  const hn::ScalableTag<T> d;
  const hn::RebindToUnsigned<decltype(d)> bits;
  const hn::RebindToSigned<decltype(d)> whole;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  auto sum0 = hn::Zero(d);
  auto sum1 = sum0;
  auto squares0 = sum0;
  auto squares1 = sum0;
  const auto magnitude =
      hn::Set(bits, hwy::LimitsMax<hn::TFromD<decltype(bits)>>() >> 1);
  auto least0 = magnitude;
  auto least1 = magnitude;
  auto zeros0 = hn::Zero(whole);  // -1 for each
  auto zeros1 = zeros0;
  auto look_for_zeros = [&](hn::Vec<decltype(d)> x,
                            hn::Vec<decltype(bits)>& least,
                            hn::Vec<decltype(whole)>& zeros) HWY_ATTR {
    if (kCountZeros) {
      zeros = hn::Add(
          zeros,
          hn::BitCast(whole, hn::VecFromMask(d, hn::Eq(x, hn::Zero(d)))));
    } else {
      least = hn::Min(least, hn::And(hn::BitCast(bits, x), magnitude));
    }
  };
  auto low = hn::Set(d, input[0]);
  auto high = low;
  int64_t i = 0;
  for (; i + 2 * lanes <= count; i += 2 * lanes) {
    const auto a = input.Load(d, i);
    const auto b = input.Load(d, i + lanes);
    sum0 = hn::Add(sum0, a);
    sum1 = hn::Add(sum1, b);
    squares0 = hn::MulAdd(a, a, squares0);
    squares1 = hn::MulAdd(b, b, squares1);
    low = hn::Min(low, hn::Min(a, b));
    high = hn::Max(high, hn::Max(a, b));
    look_for_zeros(a, least0, zeros0);
    look_for_zeros(b, least1, zeros1);
  }
  block.sum = hn::GetLane(hn::SumOfLanes(d, hn::Add(sum0, sum1)));
  block.squares = hn::GetLane(hn::SumOfLanes(d, hn::Add(squares0, squares1)));
  block.minimum = hn::GetLane(hn::MinOfLanes(d, low));
  block.maximum = hn::GetLane(hn::MaxOfLanes(d, high));
  if (kCountZeros) {
    block.zeros = -static_cast<int64_t>(
        hn::GetLane(hn::SumOfLanes(whole, hn::Add(zeros0, zeros1))));
  } else if (!hn::AllFalse(bits,
                           hn::Eq(hn::Min(least0, least1), hn::Zero(bits)))) {
    block.zeros = CountZeros<T>(input, i);
  }
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
template <typename T, bool kOutside, class Input>
void SquaresAroundMean(const Input input, int64_t count, T low, T high,
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
  auto rest0 = squares0;  // what rounding of the sum has lost of the mean
  auto rest1 = squares0;
  auto outside = squares0;
  auto count_outside = [&](hn::Vec<decltype(d)> x) HWY_ATTR {
    const auto beyond = hn::Or(hn::Lt(x, least), hn::Gt(x, most));
    outside = hn::Add(outside, hn::IfThenElseZero(beyond, one));
  };
  int64_t i = 0;
  for (; i + 2 * lanes <= count; i += 2 * lanes) {
    const auto a = input.Load(d, i);
    const auto b = input.Load(d, i + lanes);
    const auto da = hn::Sub(a, mean);
    const auto db = hn::Sub(b, mean);
    squares0 = hn::MulAdd(da, da, squares0);
    squares1 = hn::MulAdd(db, db, squares1);
    rest0 = hn::Add(rest0, da);
    rest1 = hn::Add(rest1, db);
    if (kOutside) {
      count_outside(a);
      count_outside(b);
    }
  }
  block.around_mean = true;
  block.squares = hn::GetLane(hn::SumOfLanes(d, hn::Add(squares0, squares1)));
  double rest = hn::GetLane(hn::SumOfLanes(d, hn::Add(rest0, rest1)));
  block.outside = static_cast<int64_t>(hn::GetLane(hn::SumOfLanes(d, outside)));
  for (; i < count; ++i) {
    const double deviation =
        static_cast<double>(input[i]) - static_cast<double>(center);
    block.squares += deviation * deviation;
    rest += deviation;
    block.outside += kOutside && (input[i] < low || input[i] > high);
  }
  const double n = static_cast<double>(count);
  block.sum = static_cast<double>(center) * n + rest;
  block.squares -= rest * rest / n;
}

template <typename T, class Input>
BlockStatistics StatisticsOfBlock(const Input input, int64_t count, T low,
                                  T high, bool expect_zeros) {
  BlockStatistics block;
  if (expect_zeros) {
    SumsAndExtremes<T, true>(input, count, block);
  } else {
    SumsAndExtremes<T, false>(input, count, block);
  }
  if (!std::isfinite(block.sum) || !std::isfinite(block.squares)) return block;
  // With this share of the squares around the mean, a few bits are lost at
  // most.
  constexpr double kLeastShare = 0.25;
  const double n = static_cast<double>(count);
  if (low < high) {
    SquaresAroundMean<T, true>(input, count, low, high, block);
  } else if (block.sum * block.sum > (1 - kLeastShare) * n * block.squares) {
    SquaresAroundMean<T, false>(input, count, low, high, block);
  }
  return block;
}

template <typename T>
BlockStatistics Block(const T* values, const T* minus, T* copy, int64_t count,
                      T low, T high, bool expect_zeros) {
  if (minus != nullptr) {
    return StatisticsOfBlock<T>(Differences<T>{values, minus}, count, low, high,
                                expect_zeros);
  }
  if (copy != nullptr) {
    return StatisticsOfBlock<T>(CopiedElements<T>{values, copy}, count, low,
                                high, expect_zeros);
  }
  return StatisticsOfBlock<T>(Elements<T>{values}, count, low, high,
                              expect_zeros);
}

BlockStatistics BlockF32(const float* values, const float* minus, float* copy,
                         int64_t count, float low, float high,
                         bool expect_zeros) {
  return Block(values, minus, copy, count, low, high, expect_zeros);
}
BlockStatistics BlockF64(const double* values, const double* minus,
                         double* copy, int64_t count, double low, double high,
                         bool expect_zeros) {
  return Block(values, minus, copy, count, low, high, expect_zeros);
}

void FindBins(const double* x, int64_t count, double minimum, double maximum,
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
    const auto value = hn::LoadU(d, x + i);
    const auto place = hn::Div(hn::Sub(value, low), range);
    // Not positive where the extremes are equal, or too far apart.
    const auto bin = hn::IfThenElseZero(hn::Gt(place, hn::Zero(d)),
                                        hn::Min(hn::Mul(place, number), last));
    const auto finite = hn::Eq(hn::Sub(value, value), hn::Zero(d));
    hn::StoreU(hn::DemoteTo(whole, hn::IfThenElse(finite, bin, number)), whole,
               places + i);
  }
  for (; i < count; ++i) {
    const double place = (x[i] - minimum) / (maximum - minimum);
    const double bin = place > 0 ? std::min(place * static_cast<double>(bins),
                                            static_cast<double>(bins - 1))
                                 : 0;
    places[i] = static_cast<int32_t>(
        std::isfinite(x[i]) ? bin : static_cast<double>(bins));
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace evengrad
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace evengrad {

HWY_EXPORT(SumOfSquaresF32);
HWY_EXPORT(SumOfSquaresF64);
HWY_EXPORT(FiniteTestF32);
HWY_EXPORT(FiniteTestF64);
HWY_EXPORT(BlockF32);
HWY_EXPORT(BlockF64);
HWY_EXPORT(FindBins);

double SumOfSquaresLoop(const float* input, int64_t count) {
  return HWY_DYNAMIC_DISPATCH(SumOfSquaresF32)(input, count);
}
double SumOfSquaresLoop(const double* input, int64_t count) {
  return HWY_DYNAMIC_DISPATCH(SumOfSquaresF64)(input, count);
}

double FiniteTestLoop(const float* input, int64_t count) {
  return HWY_DYNAMIC_DISPATCH(FiniteTestF32)(input, count);
}
double FiniteTestLoop(const double* input, int64_t count) {
  return HWY_DYNAMIC_DISPATCH(FiniteTestF64)(input, count);
}

BlockStatistics BlockStatisticsLoop(const float* values, const float* minus,
                                    float* copy, int64_t count, float low,
                                    float high, bool expect_zeros) {
  return HWY_DYNAMIC_DISPATCH(BlockF32)(values, minus, copy, count, low, high,
                                        expect_zeros);
}
BlockStatistics BlockStatisticsLoop(const double* values, const double* minus,
                                    double* copy, int64_t count, double low,
                                    double high, bool expect_zeros) {
  return HWY_DYNAMIC_DISPATCH(BlockF64)(values, minus, copy, count, low, high,
                                        expect_zeros);
}

void FindBinsLoop(const double* x, int64_t count, double minimum,
                  double maximum, int64_t bins, int32_t* places) {
  HWY_DYNAMIC_DISPATCH(FindBins)(x, count, minimum, maximum, bins, places);
}

}  // namespace evengrad
#endif  // HWY_ONCE
