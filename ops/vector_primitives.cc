#include "evengrad/ops/vector_primitives.h"

#include <cmath>
#include <cstring>
#include <type_traits>

#include "evengrad/ops/joined_primitives.h"

// Everything below, up to HWY_ONCE, is compiled for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "evengrad/ops/vector_primitives.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "evengrad/ops/vector_loop-inl.h"
#include "evengrad/ops/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evengrad {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// One struct a primitive: what it does to vectors.

#define EVENGRAD_UNARY(name, expression)                 \
  struct name {                                          \
    template <class D, class V>                          \
    static HWY_INLINE V Run([[maybe_unused]] D d, V x) { \
      return expression;                                 \
    }                                                    \
  }
#define EVENGRAD_BINARY(name, expression)                     \
  struct name {                                               \
    template <class D, class V>                               \
    static HWY_INLINE V Run([[maybe_unused]] D d, V a, V b) { \
      return expression;                                      \
    }                                                         \
  }

template <class D, class M>
HWY_INLINE hn::VFromD<D> OneWhere(D d, M mask) {
  return hn::IfThenElseZero(mask, hn::Set(d, hn::TFromD<D>{1}));
}

EVENGRAD_UNARY(NegateOp, hn::Neg(x));
EVENGRAD_UNARY(AbsOp, hn::Abs(x));
EVENGRAD_UNARY(SqrtOp, hn::Sqrt(x));
EVENGRAD_UNARY(FloorOp, hn::Floor(x));
EVENGRAD_UNARY(TruncateOp, hn::Trunc(x));
EVENGRAD_UNARY(NotOp, OneWhere(d, hn::Eq(x, hn::Zero(d))));
EVENGRAD_UNARY(ExpOp, Exp(d, x));
EVENGRAD_UNARY(Expm1Op, Expm1(d, x));
EVENGRAD_UNARY(LogOp, Log(d, x));
EVENGRAD_UNARY(Log1pOp, Log1p(d, x));
EVENGRAD_UNARY(TanhOp, Tanh(d, x));
EVENGRAD_UNARY(ErfOp, Erf(d, x));

EVENGRAD_BINARY(AddOp, hn::Add(a, b));
EVENGRAD_BINARY(SubtractOp, hn::Sub(a, b));
EVENGRAD_BINARY(MultiplyOp, hn::Mul(a, b));
EVENGRAD_BINARY(DivideOp, hn::Div(a, b));
// A comparison with NaN is false, so a NaN in b wins; one in a by IsNaN. (Ne is
// false for NaN on some instruction sets.)
EVENGRAD_BINARY(MaximumOp,
                hn::IfThenElse(hn::Or(hn::Gt(a, b), hn::IsNaN(a)), a, b));
EVENGRAD_BINARY(MinimumOp,
                hn::IfThenElse(hn::Or(hn::Lt(a, b), hn::IsNaN(a)), a, b));
EVENGRAD_BINARY(LessOp, OneWhere(d, hn::Lt(a, b)));
EVENGRAD_BINARY(LessEqualOp, OneWhere(d, hn::Le(a, b)));
EVENGRAD_BINARY(EqualOp, OneWhere(d, hn::Eq(a, b)));
EVENGRAD_BINARY(NotEqualOp, OneWhere(d, hn::Not(hn::Eq(a, b))));

struct SignOp {
  template <class D, class V>
  static HWY_INLINE V Run(D d, V x) {
    const V zero = hn::Zero(d);
    const V one = hn::Set(d, hn::TFromD<D>{1});
    const V negative = hn::IfThenElse(hn::Lt(x, zero), hn::Neg(one), x);
    return hn::IfThenElse(hn::Gt(x, zero), one, negative);
  }
};

struct MultiplyAddOp {
  template <class D, class V>
  static HWY_INLINE V Run(D, V a, V b, V c) {
    return hn::MulAdd(a, b, c);
  }
};

struct SelectOp {
  template <class D, class V>
  static HWY_INLINE V Run(D d, V a, V b, V c) {
    return hn::IfThenElse(hn::Eq(a, hn::Zero(d)), c, b);
  }
};

struct MultiplySubtractOp {
  template <class D, class V>
  static HWY_INLINE V Run(D, V a, V b, V c) {
    return hn::MulSub(a, b, c);
  }
};

struct NegativeMultiplyAddOp {
  template <class D, class V>
  static HWY_INLINE V Run(D, V a, V b, V c) {
    return hn::NegMulAdd(a, b, c);
  }
};

struct SelectPositiveOp {
  template <class D, class V>
  static HWY_INLINE V Run(D d, V a, V b, V c) {
    return hn::IfThenElse(hn::Gt(a, hn::Zero(d)), b, c);
  }
};

struct ScaledEluOp {
  template <class D, class V>
  static HWY_INLINE V Run(D d, V a, V b, V c) {
    // Below, expm1 rounds to -1; a NaN passes. Positive numbers give nonsense
    // that is not selected.
    const V low = hn::Set(d, -87.0f);
    const V bounded = hn::IfThenElse(hn::Lt(a, low), low, a);
    const V negative = hn::Mul(c, Expm1InRange(d, bounded));
    return hn::IfThenElse(hn::Gt(a, hn::Zero(d)), hn::Mul(b, a), negative);
  }
};

#undef EVENGRAD_UNARY
#undef EVENGRAD_BINARY

// An input of a loop over T: an array, or one element for all.
template <typename T, bool kIsScalar>
class Input {
 public:
  using D = hn::ScalableTag<T>;

  explicit Input(const void* data) : data_(static_cast<const T*>(data)) {}
  HWY_INLINE hn::VFromD<D> At(D d, size_t i) const {
    return hn::LoadU(d, data_ + i);
  }
  HWY_INLINE hn::VFromD<D> At(D d, size_t i, size_t count) const {
    return LoadFirst(d, data_ + i, count);
  }

 private:
  const T* data_;
};

template <typename T>
class Input<T, true> {
 public:
  using D = hn::ScalableTag<T>;

  explicit Input(const void* data) : element_(*static_cast<const T*>(data)) {}
  template <typename... Place>
  HWY_INLINE hn::VFromD<D> At(D d, Place...) const {
    return hn::Set(d, element_);
  }

 private:
  T element_;
};

// Op::Run over n elements of the inputs.
template <class Op, typename T, class... Inputs>
HWY_INLINE void RunLoop(void* output, size_t n, Inputs... inputs) {
  const hn::ScalableTag<T> d;
  const size_t lanes = hn::Lanes(d);
  T* const to = static_cast<T*>(output);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    hn::StoreU(Op::Run(d, inputs.At(d, i)...), d, to + i);
  }
  if (i == n) return;
  const size_t count = n - i;
  StoreFirst(d, Op::Run(d, inputs.At(d, i, count)...), to + i, count);
}

template <class Op, typename T>
void Unary(const void* a, const void*, const void*, void* output, size_t n) {
  RunLoop<Op, T>(output, n, Input<T, false>(a));
}

template <class Op, typename T, unsigned kScalars>
void Binary(const void* a, const void* b, const void*, void* output, size_t n) {
  RunLoop<Op, T>(output, n, Input<T, (kScalars & 1) != 0>(a),
                 Input<T, (kScalars & 2) != 0>(b));
}

template <class Op, typename T, unsigned kScalars>
void Ternary(const void* a, const void* b, const void* c, void* output,
             size_t n) {
  RunLoop<Op, T>(output, n, Input<T, (kScalars & 1) != 0>(a),
                 Input<T, (kScalars & 2) != 0>(b),
                 Input<T, (kScalars & 4) != 0>(c));
}

template <class Op, typename T>
VectorFunction FindBinary(unsigned scalars) {
  constexpr VectorFunction kFunctions[] = {Binary<Op, T, 0>, Binary<Op, T, 1>,
                                           Binary<Op, T, 2>};
  return kFunctions[scalars];
}

template <class Op, typename T>
VectorFunction FindTernary(unsigned scalars) {
  constexpr VectorFunction kFunctions[] = {Ternary<Op, T, 0>, Ternary<Op, T, 1>,
                                           Ternary<Op, T, 2>, Ternary<Op, T, 3>,
                                           Ternary<Op, T, 4>, Ternary<Op, T, 5>,
                                           Ternary<Op, T, 6>};
  return kFunctions[scalars];
}

// The primitives that f32 and f64 share; null for others.
template <typename T>
VectorFunction FindShared(Primitive primitive, unsigned scalars) {
  switch (primitive) {
    case Primitive::kNegate:
      return Unary<NegateOp, T>;
    case Primitive::kAbs:
      return Unary<AbsOp, T>;
    case Primitive::kSign:
      return Unary<SignOp, T>;
    case Primitive::kSqrt:
      return Unary<SqrtOp, T>;
    case Primitive::kFloor:
      return Unary<FloorOp, T>;
    case Primitive::kTruncate:
      return Unary<TruncateOp, T>;
    case Primitive::kNot:
      return Unary<NotOp, T>;
    case Primitive::kAdd:
      return FindBinary<AddOp, T>(scalars);
    case Primitive::kSubtract:
      return FindBinary<SubtractOp, T>(scalars);
    case Primitive::kMultiply:
      return FindBinary<MultiplyOp, T>(scalars);
    case Primitive::kDivide:
      return FindBinary<DivideOp, T>(scalars);
    case Primitive::kMaximum:
      return FindBinary<MaximumOp, T>(scalars);
    case Primitive::kMinimum:
      return FindBinary<MinimumOp, T>(scalars);
    case Primitive::kLess:
      return FindBinary<LessOp, T>(scalars);
    case Primitive::kLessEqual:
      return FindBinary<LessEqualOp, T>(scalars);
    case Primitive::kEqual:
      return FindBinary<EqualOp, T>(scalars);
    case Primitive::kNotEqual:
      return FindBinary<NotEqualOp, T>(scalars);
    case Primitive::kMultiplyAdd:
      return FindTernary<MultiplyAddOp, T>(scalars);
    case Primitive::kSelect:
      return FindTernary<SelectOp, T>(scalars);
    default:
      return nullptr;
  }
}

VectorFunction FindF32(Primitive primitive, unsigned scalars) {
  switch (primitive) {
    case Primitive::kExp:
      return Unary<ExpOp, float>;
    case Primitive::kExpm1:
      return Unary<Expm1Op, float>;
    case Primitive::kLog:
      return Unary<LogOp, float>;
    case Primitive::kLog1p:
      return Unary<Log1pOp, float>;
    case Primitive::kTanh:
      return Unary<TanhOp, float>;
    case Primitive::kErf:
      return Unary<ErfOp, float>;
    default:
      return FindShared<float>(primitive, scalars);
  }
}

VectorFunction FindF64(Primitive primitive, unsigned scalars) {
  return FindShared<double>(primitive, scalars);
}

// Those of joined_primitives.h.
template <typename T>
VectorFunction FindJoinedOf(JoinedPrimitive primitive, unsigned scalars) {
  switch (primitive) {
    case JoinedPrimitive::kMultiplySubtract:
      return FindTernary<MultiplySubtractOp, T>(scalars);
    case JoinedPrimitive::kNegativeMultiplyAdd:
      return FindTernary<NegativeMultiplyAddOp, T>(scalars);
    case JoinedPrimitive::kSelectPositive:
      return FindTernary<SelectPositiveOp, T>(scalars);
    default:
      return nullptr;
  }
}

VectorFunction FindJoinedVector(JoinedPrimitive primitive, bool is_f32,
                                unsigned scalars) {
  if (primitive == JoinedPrimitive::kScaledElu) {
    return scalars == 0 ? Ternary<ScaledEluOp, float, 0>
                        : Ternary<ScaledEluOp, float, 6>;
  }
  return is_f32 ? FindJoinedOf<float>(primitive, scalars)
                : FindJoinedOf<double>(primitive, scalars);
}

template <typename T>
void Fill(const void* a, const void*, const void*, void* output, size_t n) {
  const hn::ScalableTag<T> d;
  const size_t lanes = hn::Lanes(d);
  const auto element = hn::Set(d, *static_cast<const T*>(a));
  T* const to = static_cast<T*>(output);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(element, d, to + i);
  if (i < n) StoreFirst(d, element, to + i, n - i);
}

VectorFunction FindVectorFill(size_t element_size) {
  return element_size == sizeof(float) ? Fill<float> : Fill<double>;
}

}  // namespace
// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace evengrad
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "evengrad/ops/scalar_primitives.h"

namespace evengrad {

HWY_EXPORT(FindF32);
HWY_EXPORT(FindF64);
HWY_EXPORT(FindVectorFill);
HWY_EXPORT(FindJoinedVector);

VectorFunction FindPrimitive(Primitive primitive, DType compute_type,
                             unsigned scalars) {
  VectorFunction function = nullptr;
  if (compute_type == DType::kF32) {
    function = HWY_DYNAMIC_DISPATCH(FindF32)(primitive, scalars);
  } else if (compute_type == DType::kF64) {
    function = HWY_DYNAMIC_DISPATCH(FindF64)(primitive, scalars);
  }
  if (function != nullptr) return function;
  return FindScalarPrimitive(primitive, compute_type, scalars);
}

VectorFunction FindJoined(JoinedPrimitive primitive, DType compute_type,
                          unsigned scalars) {
  return HWY_DYNAMIC_DISPATCH(FindJoinedVector)(
      primitive, compute_type == DType::kF32, scalars);
}

VectorFunction FindFill(DType compute_type) {
  return HWY_DYNAMIC_DISPATCH(FindVectorFill)(SizeOf(compute_type));
}

}  // namespace evengrad
#endif  // HWY_ONCE
