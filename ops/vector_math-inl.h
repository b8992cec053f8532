// Elementary functions of f32 vectors, compiled once for each instruction set.
// Every lane depends on its own element alone, never on its neighbours. NaN
// gives NaN, infinities and results below the smallest normal number are as in
// the C library. Coefficients: minimax polynomials (Remez), computed for these
// intervals.
//
// Largest error in units in the last place, over all floats, measured with
// fused multiply-add (without it up to 1 more):
//   Exp 1.1   Expm1 1.2   Log 1.0   Log1p 1.5   Tanh 2.5   Erf 1.5
// A zero result loses the sign of a zero input in Expm1 and Log1p.

// Per-target include guard.
#if defined(EVENGRAD_OPS_VECTOR_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EVENGRAD_OPS_VECTOR_MATH_INL_H_
#undef EVENGRAD_OPS_VECTOR_MATH_INL_H_
#else
#define EVENGRAD_OPS_VECTOR_MATH_INL_H_
#endif

#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>
#include <limits>

HWY_BEFORE_NAMESPACE();
namespace evengrad {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// c[0] + c[1] x + … + c[n-1] x^(n-1).
template <class D, class V, size_t n>
HWY_INLINE V Polynomial(D d, V x, const float (&c)[n]) {
  V sum = hn::Set(d, c[n - 1]);
  for (size_t i = n - 1; i-- > 0;) sum = hn::MulAdd(sum, x, hn::Set(d, c[i]));
  return sum;
}

// 2^n as a float for -126 <= n <= 127, from any integer vector whose low nine
// bits are n.
template <class D, class VI>
HWY_INLINE hn::VFromD<D> PowerOfTwo(D d, VI n) {
  const hn::Rebind<int32_t, D> di;
  const auto one = hn::BitCast(di, hn::Set(d, 1.0f));
  return hn::BitCast(d, hn::Add(one, hn::ShiftLeft<23>(n)));
}

// exp(r) - 1 where x = n ln 2 + r with |r| <= ln 2 / 2, for |x| < 2^21 ln 2.
// The low nine bits of `n_bits` are n.
template <class D, class V, class VI>
HWY_INLINE V SplitExp(D d, V x, V& n, VI& n_bits) {
  const hn::Rebind<int32_t, D> di;
  // Adding 1.5 * 2^23 rounds to a whole number, which stands in the low bits.
  const V rounder = hn::Set(d, 12582912.0f);
  const V shifted = hn::MulAdd(x, hn::Set(d, 1.44269504f), rounder);
  n_bits = hn::BitCast(di, shifted);
  n = hn::Sub(shifted, rounder);
  // ln 2 in two parts: n times the first one is exact.
  V r = hn::NegMulAdd(n, hn::Set(d, 0.693359375f), x);
  r = hn::NegMulAdd(n, hn::Set(d, -2.12194440e-4f), r);
  constexpr float kCoefficients[] = {0.499999934f, 0.166665201f, 0.041668394f,
                                     0.00836878062f, 0.00138144785f};
  const V q = Polynomial(d, r, kCoefficients);
  return hn::MulAdd(hn::Mul(r, r), q, r);
}

// exp(x) for |x| < 87 (and nonsense for NaN).
template <class D, class V>
HWY_INLINE V ExpInRange(D d, V x) {
  const hn::Rebind<int32_t, D> di;
  V n;
  hn::VFromD<decltype(di)> n_bits;
  const V tail = SplitExp(d, x, n, n_bits);
  const V power = hn::Add(tail, hn::Set(d, 1.0f));
  return hn::BitCast(
      d, hn::Add(hn::BitCast(di, power), hn::ShiftLeft<23>(n_bits)));
}

// exp(x) for every x.
template <class D, class V>
HWY_INLINE V ExpAnywhere(D d, V x) {
  const hn::Rebind<int32_t, D> di;
  const V low = hn::Set(d, -104.0f);
  const V high = hn::Set(d, 89.0f);
  V bounded = hn::IfThenElse(hn::Lt(x, low), low, x);
  bounded = hn::IfThenElse(hn::Gt(bounded, high), high, bounded);
  V n;
  hn::VFromD<decltype(di)> n_bits;
  const V tail = SplitExp(d, bounded, n, n_bits);
  // 2^n in two steps, since it may be no float.
  const auto whole = hn::ConvertTo(di, n);
  const auto half = hn::ShiftRight<1>(whole);
  const V power = hn::Add(tail, hn::Set(d, 1.0f));
  const V result = hn::Mul(hn::Mul(power, PowerOfTwo(d, half)),
                           PowerOfTwo(d, hn::Sub(whole, half)));
  return hn::IfThenElse(hn::IsNaN(x), x, result);
}

template <class D, class V>
HWY_INLINE V Exp(D d, V x) {
  if (HWY_LIKELY(hn::AllTrue(d, hn::Lt(hn::Abs(x), hn::Set(d, 87.0f))))) {
    return ExpInRange(d, x);
  }
  return ExpAnywhere(d, x);
}

// exp(x) - 1 for |x| < 87, and NaN for NaN.
template <class D, class V>
HWY_INLINE V Expm1InRange(D d, V x) {
  V n;
  hn::VFromD<hn::Rebind<int32_t, D>> n_bits;
  const V tail = SplitExp(d, x, n, n_bits);
  const V scale = PowerOfTwo(d, n_bits);
  return hn::MulAdd(scale, tail, hn::Sub(scale, hn::Set(d, 1.0f)));
}

template <class D, class V>
HWY_INLINE V Expm1(D d, V x) {
  const V limit = hn::Set(d, 87.0f);
  const auto in_range = hn::Lt(hn::Abs(x), limit);
  if (HWY_LIKELY(hn::AllTrue(d, in_range))) return Expm1InRange(d, x);
  // Outside, exp(x) - 1 rounds to exp(x) or to -1.
  const V far = hn::Sub(ExpAnywhere(d, x), hn::Set(d, 1.0f));
  return hn::IfThenElse(in_range,
                        Expm1InRange(d, hn::IfThenElseZero(in_range, x)), far);
}

// log(1 + f) - f for 1 + f in [sqrt(1/2), sqrt(2)].
template <class D, class V>
HWY_INLINE V LogTail(D d, V f) {
  constexpr float kCoefficients[] = {
      -0.5f,        0.333333126f,  -0.250000096f, 0.200021183f,  -0.166679951f,
      0.142195597f, -0.124056043f, 0.118881253f,  -0.116755587f, 0.0674661344f};
  return hn::Mul(hn::Mul(f, f), Polynomial(d, f, kCoefficients));
}

// m where x = m 2^k with m in [sqrt(1/2), sqrt(2)), for normal positive x.
template <class D, class V, class VI>
HWY_INLINE V SplitLog(D d, V x, VI& k) {
  const hn::Rebind<int32_t, D> di;
  const auto sqrt_half = hn::Set(di, 0x3f3504f3);
  const auto bits = hn::Sub(hn::BitCast(di, x), sqrt_half);
  const auto mantissa = hn::And(bits, hn::Set(di, 0x7fffff));
  k = hn::ShiftRight<23>(bits);
  return hn::BitCast(d, hn::Add(mantissa, sqrt_half));
}

// k ln 2 + log(1 + f).
template <class D, class V>
HWY_INLINE V JoinLog(D d, V k, V f) {
  const V low = hn::MulAdd(k, hn::Set(d, -2.12194440e-4f), LogTail(d, f));
  return hn::MulAdd(k, hn::Set(d, 0.693359375f), hn::Add(f, low));
}

// `result`, or what a logarithm of `x` is where x is no positive number.
template <class D, class V>
HWY_INLINE V OutsideOfLog(D d, V x, V result) {
  const V infinity = hn::Set(d, std::numeric_limits<float>::infinity());
  const V nan = hn::Set(d, std::numeric_limits<float>::quiet_NaN());
  result = hn::IfThenElse(hn::Eq(x, infinity), infinity, result);
  result = hn::IfThenElse(hn::Eq(x, hn::Zero(d)), hn::Neg(infinity), result);
  result = hn::IfThenElse(hn::Lt(x, hn::Zero(d)), nan, result);
  return hn::IfThenElse(hn::IsNaN(x), x, result);
}

template <class D, class V>
HWY_INLINE V Log(D d, V x) {
  hn::VFromD<hn::Rebind<int32_t, D>> exponent;
  const V one = hn::Set(d, 1.0f);
  const V smallest = hn::Set(d, std::numeric_limits<float>::min());
  const V infinity = hn::Set(d, std::numeric_limits<float>::infinity());
  const auto is_small = hn::Lt(x, smallest);
  const auto is_normal = hn::AndNot(is_small, hn::Lt(x, infinity));
  if (HWY_LIKELY(hn::AllTrue(d, is_normal))) {
    const V m = SplitLog(d, x, exponent);
    return JoinLog(d, hn::ConvertTo(d, exponent), hn::Sub(m, one));
  }
  // Numbers below the normal ones are scaled by 2^25.
  const V scaled =
      hn::IfThenElse(is_small, hn::Mul(x, hn::Set(d, 33554432.0f)), x);
  const V m = SplitLog(d, scaled, exponent);
  const V k = hn::Sub(hn::ConvertTo(d, exponent),
                      hn::IfThenElseZero(is_small, hn::Set(d, 25.0f)));
  return OutsideOfLog(d, x, JoinLog(d, k, hn::Sub(m, one)));
}

// log(1 + x) for -1 < x < infinity.
template <class D, class V>
HWY_INLINE V Log1pInRange(D d, V x) {
  const hn::Rebind<int32_t, D> di;
  const V one = hn::Set(d, 1.0f);
  const V sum = hn::Add(x, one);
  // What rounding took from 1 + x, exactly.
  const V lost = hn::IfThenElse(hn::Ge(x, one), hn::Sub(one, hn::Sub(sum, x)),
                                hn::Sub(x, hn::Sub(sum, one)));
  hn::VFromD<decltype(di)> exponent;
  const V m = SplitLog(d, sum, exponent);
  const auto bias = hn::BitCast(di, one);
  // 2^-k, and 0 for 2^-128, which no normal float is.
  const V scale = hn::BitCast(
      d, hn::Max(hn::Sub(bias, hn::ShiftLeft<23>(exponent)), hn::Zero(di)));
  const V f = hn::MulAdd(lost, scale, hn::Sub(m, one));
  return JoinLog(d, hn::ConvertTo(d, exponent), f);
}

template <class D, class V>
HWY_INLINE V Log1p(D d, V x) {
  const V minus_one = hn::Set(d, -1.0f);
  const V infinity = hn::Set(d, std::numeric_limits<float>::infinity());
  const auto in_range = hn::And(hn::Gt(x, minus_one), hn::Lt(x, infinity));
  if (HWY_LIKELY(hn::AllTrue(d, in_range))) return Log1pInRange(d, x);
  const V result = Log1pInRange(d, hn::IfThenElseZero(in_range, x));
  return OutsideOfLog(d, hn::Add(x, hn::Set(d, 1.0f)), result);
}

template <class D, class V>
HWY_INLINE V Tanh(D d, V x) {
  // Beyond 10 the result is 1. A NaN passes.
  const V limit = hn::Set(d, 10.0f);
  const V size = hn::Abs(x);
  const V bounded = hn::IfThenElse(hn::Gt(size, limit), limit, size);
  const V power = Expm1InRange(d, hn::Add(bounded, bounded));
  return hn::CopySign(hn::Div(power, hn::Add(power, hn::Set(d, 2.0f))), x);
}

template <class D, class V>
HWY_INLINE V Erf(D d, V x) {
  // erf(x) / x - 1 as a polynomial of x^2, for |x| <= 1.
  constexpr float kNear[] = {0.128379166f,   -0.376126258f,  0.112835852f,
                             -0.0268538121f, 0.00518832793f, -0.000801019561f,
                             7.85386724e-5f};
  // -log(1 - erf(x)) for 1 <= x <= 4. Beyond 4 the result is 1.
  constexpr float kFar[] = {0.000341554276f, 1.12708906f,    0.638145065f,
                            0.103106543f,    -0.0218379581f, 0.00294763067f,
                            -0.00018637626f};
  const V one = hn::Set(d, 1.0f);
  const V limit = hn::Set(d, 4.0f);
  const V size = hn::Abs(x);
  const V near = hn::MulAdd(x, Polynomial(d, hn::Mul(x, x), kNear), x);
  const V bounded = hn::IfThenElse(hn::Gt(size, limit), limit, size);
  const V power = ExpInRange(d, hn::Neg(Polynomial(d, bounded, kFar)));
  const V far = hn::CopySign(hn::Sub(one, power), x);
  // `far` is no NaN for NaN; `near` is.
  return hn::IfThenElse(hn::Ge(size, one), far, near);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace evengrad
HWY_AFTER_NAMESPACE();

#endif  // EVENGRAD_OPS_VECTOR_MATH_INL_H_
