// Vectors at the end of an array, compiled once for each instruction set.

// Per-target include guard.
#if defined(EVENGRAD_OPS_VECTOR_LOOP_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EVENGRAD_OPS_VECTOR_LOOP_INL_H_
#undef EVENGRAD_OPS_VECTOR_LOOP_INL_H_
#else
#define EVENGRAD_OPS_VECTOR_LOOP_INL_H_
#endif

#include <hwy/highway.h>

#include <cstddef>
#include <cstring>

HWY_BEFORE_NAMESPACE();
namespace evengrad {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// The `count` elements at `from`, fewer than a vector holds, and zeros. Touches
// no memory beyond them.
template <class D, typename T>
HWY_INLINE hn::VFromD<D> LoadFirst(D d, const T* from, size_t count) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2
  return hn::MaskedLoad(hn::FirstN(d, count), d, from);
#else
  HWY_ALIGN T elements[hn::MaxLanes(d)] = {};
  std::memcpy(elements, from, count * sizeof(T));
  return hn::Load(d, elements);
#endif
}

// Stores the first `count` elements of `vector`.
template <class D, typename T>
HWY_INLINE void StoreFirst(D d, hn::VFromD<D> vector, T* to, size_t count) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2
  hn::BlendedStore(vector, hn::FirstN(d, count), d, to);
#else
  HWY_ALIGN T elements[hn::MaxLanes(d)];
  hn::Store(vector, d, elements);
  std::memcpy(to, elements, count * sizeof(T));
#endif
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace evengrad
HWY_AFTER_NAMESPACE();

#endif  // EVENGRAD_OPS_VECTOR_LOOP_INL_H_
