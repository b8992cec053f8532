// Philox4x32-10, a counter-based random generator (Salmon, Moraes, Dror and
// Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011): 128 random bits
// as a function of a counter and a key, with no state in between. Checked
// against the known answers of Random123.
#ifndef EVENGRAD_OPS_PHILOX_H_
#define EVENGRAD_OPS_PHILOX_H_

#include <array>
#include <cstdint>

namespace evengrad {

using PhiloxCounter = std::array<uint32_t, 4>;
using PhiloxKey = std::array<uint32_t, 2>;

constexpr PhiloxCounter Philox4x32(PhiloxCounter counter, PhiloxKey key) {
  constexpr uint64_t kMultiplier0 = 0xD2511F53;
  constexpr uint64_t kMultiplier1 = 0xCD9E8D57;
  constexpr uint32_t kWeyl0 = 0x9E3779B9;  // golden ratio
  constexpr uint32_t kWeyl1 = 0xBB67AE85;  // sqrt(3) - 1
  for (int round = 0; round < 10; ++round) {
    const uint64_t product0 = kMultiplier0 * counter[0];
    const uint64_t product1 = kMultiplier1 * counter[2];
    counter = {static_cast<uint32_t>(product1 >> 32) ^ counter[1] ^ key[0],
               static_cast<uint32_t>(product1),
               static_cast<uint32_t>(product0 >> 32) ^ counter[3] ^ key[1],
               static_cast<uint32_t>(product0)};
    key = {key[0] + kWeyl0, key[1] + kWeyl1};
  }
  return counter;
}

// Where a random node draws from. Its block b of 128 bits is
//   Philox4x32(counter = {b, step, stream low, stream high}, key = seed)
// so blocks of different streams, steps and places are never the same, as long
// as a node has at most 2^32 blocks and a session at most 2^32 steps (the step
// is taken modulo that).
struct RandomSource {
  uint64_t seed = 0;
  uint64_t step = 0;
  int64_t stream = 0;

  static constexpr int64_t kMaxBlocks = int64_t{1} << 32;
  constexpr PhiloxCounter Block(int64_t block) const {
    const uint64_t wide_stream = static_cast<uint64_t>(stream);
    return Philox4x32(
        {static_cast<uint32_t>(block), static_cast<uint32_t>(step),
         static_cast<uint32_t>(wide_stream),
         static_cast<uint32_t>(wide_stream >> 32)},
        {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)});
  }
};

}  // namespace evengrad

#endif  // EVENGRAD_OPS_PHILOX_H_
