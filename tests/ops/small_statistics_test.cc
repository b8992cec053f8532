#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "evengrad/graph/graph.h"
#include "evengrad/graph/source_ops.h"
#include "evengrad/ops/statistics.h"
#include "tests/ops/run_op.h"

namespace evengrad {
namespace {

// A vanishing gradient has a norm as long as its elements are numbers of f32,
// though their squares are none: down to 1e-37.
TEST(SmallStatisticsTest, NormAndDeviationOfNumbersWhoseSquaresUnderflow) {
  for (const float size : {1e-3f, 1e-17f, 1e-19f, 1e-22f, 1e-30f, 1e-37f}) {
    Graph graph;
    const Value x = Placeholder(graph, "x", F32({3000}));
    const Value summary = Statistics(x).summary;
    ASSERT_TRUE(summary.valid());
    std::vector<float> values(3000);
    for (size_t i = 0; i < values.size(); ++i) {
      values[i] = i % 2 == 0 ? size : -3 * size;
    }
    const auto result =
        testing::RunKernel(summary, {*Tensor::Of<float>({3000}, values)});
    ASSERT_TRUE(result.ok()) << result.status();
    // 1 and -3: mean -1, deviation 2, mean square 5.
    auto expect = [&](Statistic statistic, double expected) {
      EXPECT_NEAR((*result)[static_cast<size_t>(statistic)] / size, expected,
                  1e-4 * std::fabs(expected))
          << size;
    };
    expect(Statistic::kMean, -1);
    expect(Statistic::kDeviation, 2);
    expect(Statistic::kNorm, std::sqrt(5.0 * 3000));
    expect(Statistic::kMinimum, -3);
  }
}

// A limit is what an element near it would be, whoever stands beside that.
TEST(SmallStatisticsTest, LimitsAreComparedAsElementsHoldThem) {
  for (const float other : {0.9f, HUGE_VALF}) {
    Graph graph;
    const Value x = Placeholder(graph, "x", F32({3}));
    const Value summary = Statistics(x, {.low = 0.7, .high = 1e300}).summary;
    ASSERT_TRUE(summary.valid());
    const auto result = testing::RunKernel(
        summary,
        {*Tensor::Of<float>({3}, std::vector<float>{0.7f, 0.8f, other})});
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ((*result)[static_cast<size_t>(Statistic::kOutside)], 0) << other;
  }
}

// The rounded sum of a block has lost more of the mean than they deviate.
TEST(SmallStatisticsTest, NumbersFarFromZero) {
  constexpr float kStep = 0x1p-13f;  // of floats at 1000
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({1000}));
  const Value summary = Statistics(x).summary;
  ASSERT_TRUE(summary.valid());
  std::vector<float> values(1000);
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = 1000 + kStep * static_cast<float>(i % 7);
  }
  double mean = 0, squares = 0;
  for (const float v : values) mean += v / 1000.0;
  for (const float v : values) squares += (v - mean) * (v - mean);
  const auto result =
      testing::RunKernel(summary, {*Tensor::Of<float>({1000}, values)});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_NEAR((*result)[static_cast<size_t>(Statistic::kDeviation)],
              std::sqrt(squares / 1000), 1e-3 * kStep);
}

}  // namespace
}  // namespace evengrad
