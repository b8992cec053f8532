#include "evengrad/ops/bernoulli_loop.h"

#include <algorithm>
#include <bit>
#include <cstring>

// Everything below, up to HWY_ONCE, is compiled for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "evengrad/ops/bernoulli_loop.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace evengrad {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET != HWY_SCALAR
using D = hn::ScalableTag<uint32_t>;
using V = hn::VFromD<D>;

// The low and high halves of the products of lanes.
HWY_INLINE void MultiplyWide(D d, V a, V b, V& low, V& high) {
  const hn::Repartition<uint64_t, D> wide;
  const auto even = hn::MulEven(a, b);
  const auto odd =
      hn::MulEven(hn::BitCast(d, hn::ShiftRight<32>(hn::BitCast(wide, a))),
                  hn::BitCast(d, hn::ShiftRight<32>(hn::BitCast(wide, b))));
  low =
      hn::OddEven(hn::BitCast(d, hn::ShiftLeft<32>(odd)), hn::BitCast(d, even));
  high = hn::OddEven(hn::BitCast(d, odd),
                     hn::BitCast(d, hn::ShiftRight<32>(even)));
}

// A byte of 1 in place `i` of each lane in which `draw` is at most `last`.
template <int i>
HWY_INLINE V Hits(D d, V draw, V last) {
  const V one = hn::ShiftLeft<8 * i>(hn::Set(d, 1u));
  return hn::IfThenElseZero(hn::Eq(hn::Min(draw, last), draw), one);
}

// Lane b of each vector belongs to block first + b.
HWY_INLINE V DrawVector(D d, const RandomSource& source, uint32_t first,
                        uint32_t last) {
  const uint64_t stream = static_cast<uint64_t>(source.stream);
  V c0 = hn::Iota(d, first);
  V c1 = hn::Set(d, static_cast<uint32_t>(source.step));
  V c2 = hn::Set(d, static_cast<uint32_t>(stream));
  V c3 = hn::Set(d, static_cast<uint32_t>(stream >> 32));
  uint32_t key0 = static_cast<uint32_t>(source.seed);
  uint32_t key1 = static_cast<uint32_t>(source.seed >> 32);
  const V multiplier0 = hn::Set(d, 0xD2511F53u);
  const V multiplier1 = hn::Set(d, 0xCD9E8D57u);
  for (int round = 0; round < 10; ++round) {
    V low0, high0, low1, high1;
    MultiplyWide(d, c0, multiplier0, low0, high0);
    MultiplyWide(d, c2, multiplier1, low1, high1);
    c0 = hn::Xor(hn::Xor(high1, c1), hn::Set(d, key0));
    c2 = hn::Xor(hn::Xor(high0, c3), hn::Set(d, key1));
    c1 = low1;
    c3 = low0;
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  const V limit = hn::Set(d, last);
  return hn::Or(hn::Or(Hits<0>(d, c0, limit), Hits<1>(d, c1, limit)),
                hn::Or(Hits<2>(d, c2, limit), Hits<3>(d, c3, limit)));
}

// Bytes of a lane are in memory order on little-endian machines only.
static_assert(std::endian::native == std::endian::little);

void Draw(const RandomSource& source, int64_t first_block, int64_t count,
          uint32_t last, uint8_t* bits) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t b = 0; b < count; b += lanes) {
    HWY_ALIGN uint32_t words[hn::MaxLanes(d)];
    hn::Store(
        DrawVector(d, source, static_cast<uint32_t>(first_block + b), last), d,
        words);
    std::memcpy(bits + 4 * b, words,
                static_cast<size_t>(4 * std::min(lanes, count - b)));
  }
}
#else
void Draw(const RandomSource& source, int64_t first_block, int64_t count,
          uint32_t last, uint8_t* bits) {
  for (int64_t b = 0; b < count; ++b) {
    const PhiloxCounter block = source.Block(first_block + b);
    for (int i = 0; i < 4; ++i) bits[4 * b + i] = block[i] <= last;
  }
}
#endif

}  // namespace
// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace evengrad
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace evengrad {

HWY_EXPORT(Draw);

void DrawBernoulli(const RandomSource& source, int64_t first_block,
                   int64_t count, uint64_t threshold, uint8_t* bits) {
  if (threshold == 0) {
    std::memset(bits, 0, static_cast<size_t>(4 * count));
    return;
  }
  HWY_DYNAMIC_DISPATCH(Draw)
  (source, first_block, count, static_cast<uint32_t>(threshold - 1), bits);
}

}  // namespace evengrad
#endif  // HWY_ONCE
