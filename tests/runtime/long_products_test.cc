// Matrix products that are cut into panels of unequal lengths.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <vector>

#include "evengrad/graph/source_ops.h"
#include "evengrad/ops/ops.h"
#include "evengrad/runtime/program.h"
#include "evengrad/runtime/session.h"

namespace evengrad {
namespace {

Tensor Numbers(int64_t rows, int64_t columns, double seed) {
  Tensor tensor = *Tensor::Zeros(F32({rows, columns}));
  for (float& value : *tensor.mutable_values<float>()) {
    value = static_cast<float>(std::sin(seed));
    seed += 0.7;
  }
  return tensor;
}

class LongProductsTest
    : public ::testing::TestWithParam<std::array<int64_t, 2>> {};

// An element that two panels have would be added twice, one that none has not
// at all.
TEST_P(LongProductsTest, EachElementIsUpdatedOnce) {
  const auto [rows, columns] = GetParam();
  constexpr int64_t kDepth = 24;
  const Tensor left = Numbers(kDepth, rows, 1);
  const Tensor right = Numbers(columns, kDepth, 2);
  std::vector<double> results[2];
  for (const int threads : {1, 2}) {
    Graph graph;
    const Value x = Placeholder(graph, "x", F32({kDepth, rows}));
    const Value y = Placeholder(graph, "y", F32({columns, kDepth}));
    const Value sum = State(
        graph, "sum", Constant(graph, *Tensor::Zeros(F32({rows, columns}))));
    const Value product =
        MatMul(x, y, {.transpose_input = true, .transpose_weights = true});
    Program program{.graph = graph};
    program.updates = {{sum, sum + product}};
    auto session = Session::Create(graph, {.num_threads = threads});
    ASSERT_TRUE(session.ok()) << session.status();
    for (int step = 0; step < 2; ++step) {
      const auto run = session->Run(program, {{x, left}, {y, right}});
      ASSERT_TRUE(run.ok()) << run.status();
    }
    results[threads - 1] = session->Read("sum")->ToDoubles();
  }
  EXPECT_TRUE(results[0] == results[1]);
  const std::vector<double> a = left.ToDoubles();
  const std::vector<double> b = right.ToDoubles();
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; ++j) {
      double expected = 0;
      for (int64_t k = 0; k < kDepth; ++k) {
        expected += 2 * a[k * rows + i] * b[j * kDepth + k];
      }
      ASSERT_NEAR(results[0][i * columns + j], expected, 1e-4) << i << ',' << j;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, LongProductsTest,
                         ::testing::Values(std::array<int64_t, 2>{70, 2048},
                                           std::array<int64_t, 2>{2049, 64},
                                           std::array<int64_t, 2>{61, 3111},
                                           std::array<int64_t, 2>{4100, 33}));

}  // namespace
}  // namespace evengrad
