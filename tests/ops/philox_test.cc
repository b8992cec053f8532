#include "evengrad/ops/philox.h"

#include <gtest/gtest.h>

#include <set>

namespace evengrad {
namespace {

// From the file kat_vectors of Random123 (D. E. Shaw Research).
TEST(PhiloxTest, KnownAnswers) {
  EXPECT_EQ(Philox4x32({0, 0, 0, 0}, {0, 0}),
            (PhiloxCounter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(Philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
                       {0xffffffff, 0xffffffff}),
            (PhiloxCounter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(Philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                       {0xa4093822, 0x299f31d0}),
            (PhiloxCounter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(PhiloxTest, SourceIsTheDocumentedCounter) {
  const RandomSource source = {.seed = 0x299f31d0a4093822,
                               .step = 0x85a308d3,
                               .stream = 0x0370734413198a2e};
  EXPECT_EQ(source.Block(0x243f6a88),
            (PhiloxCounter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(PhiloxTest, BlocksOfNeighboursDiffer) {
  std::set<PhiloxCounter> blocks;
  for (uint64_t seed : {0, 1}) {
    for (uint64_t step : {0, 1}) {
      for (int64_t stream : {int64_t{0}, int64_t{1}, int64_t{1} << 32}) {
        for (int64_t block : {0, 1}) {
          blocks.insert(RandomSource{seed, step, stream}.Block(block));
        }
      }
    }
  }
  EXPECT_EQ(blocks.size(), 24u);
}

}  // namespace
}  // namespace evengrad
