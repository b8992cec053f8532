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

}  // namespace
}  // namespace evengrad
