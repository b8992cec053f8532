// Fan-in and fan-out of matrices and kernels.
#include <gtest/gtest.h>

#include <string>

#include "evengrad/graph/status.h"
#include "evengrad/ops/initializers.h"

namespace evengrad {
namespace {

TEST(FansTest, OfGroupsAndTransposedWeights) {
  struct Row {
    Shape shape;
    WeightLayout layout;
    double in;
    double out;
  };
  const Row rows[] = {
      {{784, 100}, {}, 784, 100},
      {{784, 100}, {.transposed = true}, 100, 784},
      {{64, 16, 3, 5}, {}, 16 * 15, 64 * 15},
      // Depthwise: PyTorch has a fan-out of 36 here.
      {{4, 1, 3, 3}, {.groups = 4}, 9, 9},
      {{4, 1, 3, 3}, {}, 9, 36},
      {{64, 8, 3}, {.groups = 2}, 8 * 3, 32 * 3},
      {{16, 64, 3, 3}, {.transposed = true}, 16 * 9, 64 * 9},
      {{16, 4, 3, 3}, {.transposed = true, .groups = 2}, 8 * 9, 4 * 9},
  };
  for (const Row& row : rows) {
    const absl::StatusOr<Fans> fans = ComputeFans(row.shape, row.layout);
    ASSERT_TRUE(fans.ok()) << fans.status();
    EXPECT_EQ(fans->in, row.in) << row.shape.ToString();
    EXPECT_EQ(fans->out, row.out) << row.shape.ToString();
  }
}

TEST(FansTest, ThatMakeNoSense) {
  auto message = [](const Shape& shape, const WeightLayout& layout) {
    return std::string(Message(ComputeFans(shape, layout).status()));
  };
  EXPECT_EQ(message({6, 4, 3}, {.groups = 4}),
            "groups = 4 of a kernel of shape [6,4,3], expected a divisor of "
            "its 6 outputs");
  EXPECT_EQ(message({6, 4, 3}, {.transposed = true, .groups = 4}),
            "groups = 4 of a kernel of shape [6,4,3], expected a divisor of "
            "its 6 inputs");
  EXPECT_EQ(message({6, 4, 3}, {.groups = 0}),
            "groups = 0 of a kernel of shape [6,4,3], expected a divisor of "
            "its 6 outputs");
  EXPECT_EQ(message({6, 4}, {.groups = 2}),
            "groups = 2 for the matrix [6,4], expected 1; only convolutions "
            "have groups");
  EXPECT_EQ(message({4, 2, 0}, {}),
            "a weight of shape [4,2,0] has a fan-in of 0 and a fan-out of 0; "
            "both must be positive");
}

}  // namespace
}  // namespace evengrad
