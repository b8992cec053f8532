// What loops over arrays have in common, compiled once for each instruction
// set: vectors at the end of an array, and those that sums are taken in.

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

// Sums that training depends on are taken in these, of 32 bytes at most: they
// have the same bits on AVX2 and on AVX-512.
template <typename T>
using SumVectors = hn::CappedTag<T, 32 / sizeof(T)>;

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

// Copies `count` < 2 * kPiece elements in pieces of fixed sizes.
template <size_t kPiece, typename T>
HWY_INLINE void CopyFirst(const T* from, T* to, size_t count) {
  if ((count & kPiece) != 0) {
    std::memcpy(to, from, kPiece * sizeof(T));
    from += kPiece;
    to += kPiece;
  }
  if constexpr (kPiece > 1) CopyFirst<kPiece / 2>(from, to, count);
}

// Stores the first `count` elements of `vector`, fewer than it holds. (Masked
// stores of AVX2 are slow on some machines.)
template <class D, typename T>
HWY_INLINE void StoreFirst(D d, hn::VFromD<D> vector, T* to, size_t count) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
  hn::BlendedStore(vector, hn::FirstN(d, count), d, to);
#else
  HWY_ALIGN T elements[hn::MaxLanes(d)];
  hn::Store(vector, d, elements);
  if constexpr (hn::MaxLanes(d) > 1) {
    CopyFirst<hn::MaxLanes(d) / 2>(elements, to, count);
  }
#endif
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace evengrad
HWY_AFTER_NAMESPACE();

#endif  // EVENGRAD_OPS_VECTOR_LOOP_INL_H_
