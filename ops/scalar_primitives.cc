#include "evengrad/ops/scalar_primitives.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace evengrad {
namespace {

// A double as i64: truncated, saturated, 0 for NaN.
int64_t Whole(double value) {
  constexpr double kEnd = 9223372036854775808.0;  // 2^63
  if (std::isnan(value)) return 0;
  if (value >= kEnd) return std::numeric_limits<int64_t>::max();
  if (value <= -kEnd) return std::numeric_limits<int64_t>::min();
  return static_cast<int64_t>(value);
}

// F over n elements of one to three inputs. Where bit i of kScalars is set,
// input i is a single element.
template <typename T, class F, unsigned kScalars>
void Loop(const void* a, const void* b, const void* c, void* output, size_t n) {
  const T* const x = static_cast<const T*>(a);
  const T* const y = static_cast<const T*>(b);
  const T* const z = static_cast<const T*>(c);
  T* const to = static_cast<T*>(output);
  for (size_t i = 0; i < n; ++i) {
    const T first = x[(kScalars & 1) != 0 ? 0 : i];
    if constexpr (std::is_invocable_v<F, T>) {
      to[i] = F()(first);
    } else {
      const T second = y[(kScalars & 2) != 0 ? 0 : i];
      if constexpr (std::is_invocable_v<F, T, T>) {
        to[i] = F()(first, second);
      } else {
        to[i] = F()(first, second, z[(kScalars & 4) != 0 ? 0 : i]);
      }
    }
  }
}

// The loop of a stateless function of T.
template <typename T, class F>
VectorFunction Find(F, [[maybe_unused]] unsigned scalars) {
  if constexpr (std::is_invocable_v<F, T>) {
    return Loop<T, F, 0>;
  } else if constexpr (std::is_invocable_v<F, T, T>) {
    constexpr VectorFunction kFunctions[] = {Loop<T, F, 0>, Loop<T, F, 1>,
                                             Loop<T, F, 2>};
    return kFunctions[scalars];
  } else {
    constexpr VectorFunction kFunctions[] = {
        Loop<T, F, 0>, Loop<T, F, 1>, Loop<T, F, 2>, Loop<T, F, 3>,
        Loop<T, F, 4>, Loop<T, F, 5>, Loop<T, F, 6>};
    return kFunctions[scalars];
  }
}

// A function of doubles as one of T.
template <typename T, class F>
VectorFunction FindConverted(F, unsigned scalars) {
  auto convert = [](double value) {
    if constexpr (std::is_same_v<T, int64_t>) {
      return Whole(value);
    } else {
      return static_cast<T>(value);
    }
  };
  if constexpr (std::is_invocable_v<F, double>) {
    return Find<T>(
        [](T x) { return decltype(convert)()(F()(static_cast<double>(x))); },
        scalars);
  } else {
    return Find<T>(
        [](T a, T b) {
          return decltype(convert)()(
              F()(static_cast<double>(a), static_cast<double>(b)));
        },
        scalars);
  }
}

// The functions of the C library; null for other primitives.
template <typename T>
VectorFunction FindElementary(Primitive primitive, unsigned scalars) {
  switch (primitive) {
    case Primitive::kSqrt:
      return FindConverted<T>([](double x) { return std::sqrt(x); }, scalars);
    case Primitive::kExp:
      return FindConverted<T>([](double x) { return std::exp(x); }, scalars);
    case Primitive::kExpm1:
      return FindConverted<T>([](double x) { return std::expm1(x); }, scalars);
    case Primitive::kLog:
      return FindConverted<T>([](double x) { return std::log(x); }, scalars);
    case Primitive::kLog1p:
      return FindConverted<T>([](double x) { return std::log1p(x); }, scalars);
    case Primitive::kTanh:
      return FindConverted<T>([](double x) { return std::tanh(x); }, scalars);
    case Primitive::kErf:
      return FindConverted<T>([](double x) { return std::erf(x); }, scalars);
    case Primitive::kPower:
      return FindConverted<T>([](double a, double b) { return std::pow(a, b); },
                              scalars);
    default:
      return nullptr;
  }
}

using I = int64_t;
using U = uint64_t;  // for arithmetic that wraps

I Wrapped(U value) { return static_cast<I>(value); }

VectorFunction FindI64Unary(Primitive primitive) {
  switch (primitive) {
    case Primitive::kNegate:
      return Find<I>([](I x) { return Wrapped(U{0} - static_cast<U>(x)); }, 0);
    case Primitive::kAbs:
      return Find<I>(
          [](I x) { return x < 0 ? Wrapped(U{0} - static_cast<U>(x)) : x; }, 0);
    case Primitive::kSign:
      return Find<I>([](I x) { return I{x > 0} - I{x < 0}; }, 0);
    case Primitive::kNot:
      return Find<I>([](I x) { return I{x == 0}; }, 0);
    case Primitive::kFloor:
    case Primitive::kTruncate:
      return Find<I>([](I x) { return x; }, 0);
    default:
      return nullptr;
  }
}

VectorFunction FindI64Arithmetic(Primitive primitive, unsigned scalars) {
  switch (primitive) {
    case Primitive::kAdd:
      return Find<I>(
          [](I a, I b) {
            return Wrapped(static_cast<U>(a) + static_cast<U>(b));
          },
          scalars);
    case Primitive::kSubtract:
      return Find<I>(
          [](I a, I b) {
            return Wrapped(static_cast<U>(a) - static_cast<U>(b));
          },
          scalars);
    case Primitive::kMultiply:
      return Find<I>(
          [](I a, I b) {
            return Wrapped(static_cast<U>(a) * static_cast<U>(b));
          },
          scalars);
    case Primitive::kDivide:
      return Find<I>(
          [](I a, I b) {
            if (b == 0) return I{0};
            return b == -1 ? Wrapped(U{0} - static_cast<U>(a)) : a / b;
          },
          scalars);
    case Primitive::kMultiplyAdd:
      return Find<I>(
          [](I a, I b, I c) {
            return Wrapped(static_cast<U>(a) * static_cast<U>(b) +
                           static_cast<U>(c));
          },
          scalars);
    case Primitive::kSelect:
      return Find<I>([](I a, I b, I c) { return a != 0 ? b : c; }, scalars);
    default:
      return nullptr;
  }
}

VectorFunction FindI64Comparison(Primitive primitive, unsigned scalars) {
  switch (primitive) {
    case Primitive::kMaximum:
      return Find<I>([](I a, I b) { return std::max(a, b); }, scalars);
    case Primitive::kMinimum:
      return Find<I>([](I a, I b) { return std::min(a, b); }, scalars);
    case Primitive::kLess:
      return Find<I>([](I a, I b) { return I{a < b}; }, scalars);
    case Primitive::kLessEqual:
      return Find<I>([](I a, I b) { return I{a <= b}; }, scalars);
    case Primitive::kEqual:
      return Find<I>([](I a, I b) { return I{a == b}; }, scalars);
    case Primitive::kNotEqual:
      return Find<I>([](I a, I b) { return I{a != b}; }, scalars);
    default:
      return nullptr;
  }
}

}  // namespace

VectorFunction FindScalarPrimitive(Primitive primitive, DType compute_type,
                                   unsigned scalars) {
  if (compute_type == DType::kF32) {
    return FindElementary<float>(primitive, scalars);
  }
  if (compute_type == DType::kF64) {
    return FindElementary<double>(primitive, scalars);
  }
  VectorFunction function = FindI64Unary(primitive);
  if (function == nullptr) function = FindI64Arithmetic(primitive, scalars);
  if (function == nullptr) function = FindI64Comparison(primitive, scalars);
  if (function == nullptr) function = FindElementary<I>(primitive, scalars);
  return function;
}

}  // namespace evengrad
