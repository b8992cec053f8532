#include "evengrad/ops/shared_blocks.h"

#include <gtest/gtest.h>

namespace evengrad {
namespace {

TEST(SharedBlocksTest, WhoIsFirstFillsABlockAndNobodyWaits) {
  SharedBlocks blocks(2, 3);
  EXPECT_EQ(blocks.bytes(), 2 * 3 * sizeof(float));
  float own[3] = {};
  const SharedBlocks::Place first = blocks.Take(1, own);
  EXPECT_FALSE(first.filled);
  EXPECT_TRUE(first.shared);
  EXPECT_NE(first.data, own);
  const SharedBlocks::Place meanwhile = blocks.Take(1, own);
  EXPECT_FALSE(meanwhile.filled);
  EXPECT_FALSE(meanwhile.shared);
  EXPECT_EQ(meanwhile.data, own);
  // Another block is another matter.
  EXPECT_TRUE(blocks.Take(0, own).shared);
  blocks.Publish(0);
  for (int i = 0; i < 3; ++i) first.data[i] = static_cast<float>(i);
  blocks.Publish(1);
  const SharedBlocks::Place later = blocks.Take(1, own);
  EXPECT_TRUE(later.filled);
  EXPECT_EQ(later.data, first.data);
  EXPECT_EQ(later.data[2], 2);
  blocks.Clear();
  for (const int64_t block : {0, 1}) {
    EXPECT_TRUE(blocks.Take(block, own).shared);
  }
}

}  // namespace
}  // namespace evengrad
