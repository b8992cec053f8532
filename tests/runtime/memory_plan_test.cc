#include "evengrad/runtime/memory_plan.h"

#include <algorithm>
#include <limits>
#include <random>
#include <vector>

#include "evengrad/graph/status.h"
#include "gtest/gtest.h"

namespace evengrad {
namespace {

using Buffers = std::vector<BufferLifetime>;

void ExpectSound(const Buffers& buffers, const MemoryPlan& plan) {
  ASSERT_EQ(plan.offsets.size(), buffers.size());
  EXPECT_GE(plan.arena_bytes, plan.lower_bound);
  for (size_t i = 0; i < buffers.size(); ++i) {
    EXPECT_GE(plan.offsets[i], 0);
    EXPECT_EQ(plan.offsets[i] % 64, 0);
    EXPECT_LE(plan.offsets[i] + buffers[i].bytes, plan.arena_bytes);
    for (size_t j = 0; j < i; ++j) {
      const bool same_time = buffers[i].first <= buffers[j].last &&
                             buffers[j].first <= buffers[i].last;
      const bool same_place =
          plan.offsets[i] < plan.offsets[j] + buffers[j].bytes &&
          plan.offsets[j] < plan.offsets[i] + buffers[i].bytes;
      ASSERT_FALSE(same_time && same_place && buffers[i].bytes > 0 &&
                   buffers[j].bytes > 0)
          << "buffers " << i << " and " << j;
    }
  }
}

// The most bytes in use at once, counted position by position.
int64_t MostInUse(const Buffers& buffers) {
  int last = 0;
  for (const BufferLifetime& buffer : buffers)
    last = std::max(last, buffer.last);
  int64_t most = 0;
  for (int position = 0; position <= last; ++position) {
    int64_t in_use = 0;
    for (const BufferLifetime& buffer : buffers) {
      if (buffer.first <= position && position <= buffer.last) {
        in_use += (buffer.bytes + 63) / 64 * 64;
      }
    }
    most = std::max(most, in_use);
  }
  return most;
}

TEST(MemoryPlanTest, NothingNeedsNothing) {
  absl::StatusOr<MemoryPlan> plan = PlanMemory({});
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->arena_bytes, 0);
  plan = PlanMemory(Buffers{{0, 0, 5}, {0, 2, 3}});
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->arena_bytes, 0);
}

TEST(MemoryPlanTest, BuffersThatNeverMeetShareTheirPlace) {
  absl::StatusOr<MemoryPlan> plan =
      PlanMemory(Buffers{{100, 0, 1}, {100, 2, 3}, {64, 4, 4}});
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->arena_bytes, 128);
  EXPECT_EQ(plan->offsets, std::vector<int64_t>({0, 0, 0}));
}

TEST(MemoryPlanTest, TheLastPositionIsIncluded) {
  absl::StatusOr<MemoryPlan> plan = PlanMemory(Buffers{{64, 0, 1}, {64, 1, 2}});
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->arena_bytes, 128);
}

TEST(MemoryPlanTest, RandomLifetimesNeverOverlap) {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    Buffers buffers;
    const int count = 1 + static_cast<int>(random() % 120);
    const int length = 1 + static_cast<int>(random() % 60);
    for (int i = 0; i < count; ++i) {
      const int first = static_cast<int>(random() % 60);
      const auto bytes = static_cast<int64_t>(
          random() % 4 == 0 ? random() % 3 : random() % 5000);
      buffers.push_back(
          {bytes, first, first + static_cast<int>(random() % length)});
    }
    absl::StatusOr<MemoryPlan> plan = PlanMemory(buffers);
    ASSERT_TRUE(plan.ok());
    ExpectSound(buffers, *plan);
    EXPECT_EQ(plan->lower_bound, MostInUse(buffers));
    EXPECT_LE(plan->arena_bytes, 2 * plan->lower_bound);
    EXPECT_EQ(PlanMemory(buffers)->offsets, plan->offsets);
  }
}

// Activations live from their layer's forward step to its backward step;
// products and gradients live for a step or two.
Buffers TrainingStep(int num_layers, std::mt19937& random) {
  Buffers buffers;
  const int end = 4 * num_layers;
  for (int layer = 0; layer < num_layers; ++layer) {
    const auto activation = static_cast<int64_t>(64 + random() % 100000);
    const auto weights = static_cast<int64_t>(64 + random() % 100000);
    const int forward = 2 * layer;
    const int backward = end - 2 * layer;
    buffers.push_back({activation, forward, forward + 1});
    buffers.push_back({activation, forward + 1, backward});
    buffers.push_back({activation, backward - 2, backward});
    buffers.push_back({activation, backward - 1, backward});
    buffers.push_back({weights, backward, backward + 1});
  }
  return buffers;
}

TEST(MemoryPlanTest, TrainingNeedsLittleMoreThanTheLeast) {
  std::mt19937 random(3);
  for (int num_layers : {1, 2, 5, 20, 100}) {
    for (int round = 0; round < 10; ++round) {
      const Buffers buffers = TrainingStep(num_layers, random);
      absl::StatusOr<MemoryPlan> plan = PlanMemory(buffers);
      ASSERT_TRUE(plan.ok());
      ExpectSound(buffers, *plan);
      EXPECT_LE(static_cast<double>(plan->arena_bytes),
                1.1 * static_cast<double>(plan->lower_bound))
          << num_layers << " layers";
    }
  }
}

TEST(MemoryPlanTest, BadInputIsAnError) {
  EXPECT_EQ(Message(PlanMemory(Buffers{{64, 0, 1}, {-1, 0, 1}}).status()),
            "buffer 1 of -1 bytes lives from 0 to 1; sizes and lifetimes must "
            "not be negative");
  EXPECT_EQ(Message(PlanMemory(Buffers{{64, 3, 2}}).status()),
            "buffer 0 of 64 bytes lives from 3 to 2; sizes and lifetimes must "
            "not be negative");
  const int64_t huge = std::numeric_limits<int64_t>::max();
  EXPECT_FALSE(PlanMemory(Buffers{{huge, 0, 1}}).ok());
  const Buffers many(6, {huge / 4, 0, 1});
  EXPECT_EQ(PlanMemory(many).status().code(),
            absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace evengrad
