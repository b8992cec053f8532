#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#include "evengrad/graph/tensor.h"
#include "evengrad/ops/vector_primitives.h"

// Everything below, up to HWY_ONCE, is compiled for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "evengrad/ops/vector_conversions.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#ifndef EVENGRAD_OPS_VECTOR_CONVERSIONS_CC_
#define EVENGRAD_OPS_VECTOR_CONVERSIONS_CC_

namespace evengrad {
namespace {

// A bool's byte; any other type is its own.
struct Boolean {
  uint8_t byte = 0;
};

template <typename To, typename From>
To SaturatedTo(From value) {
  using Limits = std::numeric_limits<To>;
  if constexpr (std::is_floating_point_v<From>) {
    if (std::isnan(value)) return 0;
    // The upper limit may round up to a number that is out of range itself.
    if (value >= static_cast<From>(Limits::max())) return Limits::max();
    if (value <= static_cast<From>(Limits::min())) return Limits::min();
  } else {
    if (std::cmp_greater(value, Limits::max())) return Limits::max();
    if (std::cmp_less(value, Limits::min())) return Limits::min();
  }
  return static_cast<To>(value);
}

template <typename To, typename From>
To ConvertOne(From value) {
  if constexpr (std::is_same_v<From, To>) {
    return value;
  } else if constexpr (std::is_same_v<From, BFloat16>) {
    return ConvertOne<To>(ToFloat(value));
  } else if constexpr (std::is_same_v<From, Boolean>) {
    return ConvertOne<To>(uint8_t{value.byte != 0});
  } else if constexpr (std::is_same_v<To, Boolean>) {
    return {uint8_t{value != 0}};
  } else if constexpr (std::is_same_v<To, BFloat16>) {
    return ToBFloat16(static_cast<float>(value));
  } else if constexpr (std::is_floating_point_v<To>) {
    return static_cast<To>(value);
  } else {
    return SaturatedTo<To>(value);
  }
}

template <typename From, typename To>
void Convert(const void* a, const void*, const void*, void* output, size_t n) {
  const From* const from = static_cast<const From*>(a);
  To* const to = static_cast<To*>(output);
  for (size_t i = 0; i < n; ++i) to[i] = ConvertOne<To>(from[i]);
}

template <typename T>
void Copy(const void* a, const void*, const void*, void* output, size_t n) {
  if (n > 0 && a != output) std::memcpy(output, a, n * sizeof(T));
}

}  // namespace
}  // namespace evengrad

#endif  // EVENGRAD_OPS_VECTOR_CONVERSIONS_CC_

HWY_BEFORE_NAMESPACE();
namespace evengrad {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// Lanes of all types of a conversion between f32 and narrower types.
using Floats = hn::ScalableTag<float>;
using Words = hn::Rebind<int32_t, Floats>;
using Halves = hn::Rebind<uint16_t, Floats>;
using Bytes = hn::Rebind<uint8_t, Floats>;

hn::VFromD<Floats> Widen(Floats d, const BFloat16* from) {
  const hn::Rebind<uint32_t, Floats> du;
  const auto bits =
      hn::LoadU(Halves(), reinterpret_cast<const uint16_t*>(from));
  return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(du, bits)));
}

hn::VFromD<Floats> Widen(Floats d, const uint8_t* from) {
  return hn::ConvertTo(d, hn::PromoteTo(Words(), hn::LoadU(Bytes(), from)));
}

hn::VFromD<Floats> Widen(Floats d, const Boolean* from) {
  const auto values = Widen(d, reinterpret_cast<const uint8_t*>(from));
  return hn::Min(values, hn::Set(d, 1.0f));
}

hn::VFromD<Floats> Widen(Floats d, const int32_t* from) {
  return hn::ConvertTo(d, hn::LoadU(Words(), from));
}

void Narrow(Floats, hn::VFromD<Floats> values, BFloat16* to) {
  const Words dw;
  // Round to nearest even; NaN stays NaN.
  const auto bits = hn::BitCast(dw, values);
  const auto high = hn::ShiftRight<16>(bits);
  const auto odd = hn::And(high, hn::Set(dw, 1));
  const auto rounded =
      hn::ShiftRight<16>(hn::Add(bits, hn::Add(odd, hn::Set(dw, 0x7fff))));
  const auto quiet = hn::Or(high, hn::Set(dw, 0x40));
  const auto is_nan = hn::RebindMask(dw, hn::IsNaN(values));
  const auto result =
      hn::And(hn::IfThenElse(is_nan, quiet, rounded), hn::Set(dw, 0xffff));
  hn::StoreU(hn::DemoteTo(Halves(), result), Halves(),
             reinterpret_cast<uint16_t*>(to));
}

void Narrow(Floats d, hn::VFromD<Floats> values, Boolean* to) {
  const Words dw;
  const auto is_zero = hn::RebindMask(dw, hn::Eq(values, hn::Zero(d)));
  const auto result = hn::IfThenZeroElse(is_zero, hn::Set(dw, 1));
  hn::StoreU(hn::DemoteTo(Bytes(), result), Bytes(),
             reinterpret_cast<uint8_t*>(to));
}

template <typename From>
void WidenAll(const void* a, const void*, const void*, void* output, size_t n) {
  const Floats d;
  const From* const from = static_cast<const From*>(a);
  float* const to = static_cast<float*>(output);
  size_t i = 0;
  for (; i + hn::Lanes(d) <= n; i += hn::Lanes(d)) {
    hn::StoreU(Widen(d, from + i), d, to + i);
  }
  for (; i < n; ++i) to[i] = ConvertOne<float>(from[i]);
}

template <typename To>
void NarrowAll(const void* a, const void*, const void*, void* output,
               size_t n) {
  const Floats d;
  const float* const from = static_cast<const float*>(a);
  To* const to = static_cast<To*>(output);
  size_t i = 0;
  for (; i + hn::Lanes(d) <= n; i += hn::Lanes(d)) {
    Narrow(d, hn::LoadU(d, from + i), to + i);
  }
  for (; i < n; ++i) to[i] = ConvertOne<To>(from[i]);
}

void FloatToDouble(const void* a, const void*, const void*, void* output,
                   size_t n) {
  const hn::ScalableTag<double> d;
  const hn::Rebind<float, hn::ScalableTag<double>> df;
  const float* const from = static_cast<const float*>(a);
  double* const to = static_cast<double*>(output);
  size_t i = 0;
  for (; i + hn::Lanes(d) <= n; i += hn::Lanes(d)) {
    hn::StoreU(hn::PromoteTo(d, hn::LoadU(df, from + i)), d, to + i);
  }
  for (; i < n; ++i) to[i] = from[i];
}

void DoubleToFloat(const void* a, const void*, const void*, void* output,
                   size_t n) {
  const hn::ScalableTag<double> d;
  const hn::Rebind<float, hn::ScalableTag<double>> df;
  const double* const from = static_cast<const double*>(a);
  float* const to = static_cast<float*>(output);
  size_t i = 0;
  for (; i + hn::Lanes(d) <= n; i += hn::Lanes(d)) {
    hn::StoreU(hn::DemoteTo(df, hn::LoadU(d, from + i)), df, to + i);
  }
  for (; i < n; ++i) to[i] = static_cast<float>(from[i]);
}

VectorFunction FindVectorConversion(DType from, DType to) {
  if (from == DType::kF32) {
    if (to == DType::kF64) return FloatToDouble;
    if (to == DType::kBF16) return NarrowAll<BFloat16>;
    if (to == DType::kBool) return NarrowAll<Boolean>;
    return nullptr;
  }
  if (to != DType::kF32) return nullptr;
  switch (from) {
    case DType::kF64:
      return DoubleToFloat;
    case DType::kBF16:
      return WidenAll<BFloat16>;
    case DType::kI32:
      return WidenAll<int32_t>;
    case DType::kU8:
      return WidenAll<uint8_t>;
    case DType::kBool:
      return WidenAll<Boolean>;
    default:
      return nullptr;
  }
}

}  // namespace
// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace evengrad
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace evengrad {

HWY_EXPORT(FindVectorConversion);

namespace {

VectorFunction FindCopy(DType dtype) {
  switch (SizeOf(dtype)) {
    case 8:
      return Copy<uint64_t>;
    case 4:
      return Copy<uint32_t>;
    case 2:
      return Copy<uint16_t>;
    default:
      return Copy<uint8_t>;
  }
}

template <typename From>
VectorFunction FindFrom(DType to) {
  switch (to) {
    case DType::kF32:
      return Convert<From, float>;
    case DType::kF64:
      return Convert<From, double>;
    case DType::kBF16:
      return Convert<From, BFloat16>;
    case DType::kI32:
      return Convert<From, int32_t>;
    case DType::kI64:
      return Convert<From, int64_t>;
    case DType::kBool:
      return Convert<From, Boolean>;
    default:
      return Convert<From, uint8_t>;
  }
}

VectorFunction FindPlainConversion(DType from, DType to) {
  switch (from) {
    case DType::kF32:
      return FindFrom<float>(to);
    case DType::kF64:
      return FindFrom<double>(to);
    case DType::kBF16:
      return FindFrom<BFloat16>(to);
    case DType::kI32:
      return FindFrom<int32_t>(to);
    case DType::kI64:
      return FindFrom<int64_t>(to);
    case DType::kBool:
      return FindFrom<Boolean>(to);
    default:
      return FindFrom<uint8_t>(to);
  }
}

}  // namespace

VectorFunction FindConversion(DType from, DType to) {
  if (from == to) return FindCopy(from);
  const VectorFunction function =
      HWY_DYNAMIC_DISPATCH(FindVectorConversion)(from, to);
  return function != nullptr ? function : FindPlainConversion(from, to);
}

}  // namespace evengrad
#endif  // HWY_ONCE
