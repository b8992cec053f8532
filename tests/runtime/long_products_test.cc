// Matrix products that are cut into panels of unequal lengths.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "evengrad/graph/source_ops.h"
#include "evengrad/ops/ops.h"
#include "evengrad/runtime/program.h"
#include "evengrad/runtime/session.h"
#include "tests/runtime/sine_numbers.h"

namespace evengrad {
namespace {

struct Sizes {
  int64_t rows;
  int64_t columns;
  int64_t depth;
};

class LongProductsTest : public ::testing::TestWithParam<Sizes> {};

// An element that two panels have would be added twice, one that none has not
// at all; what panels pack for each other is not that of an earlier run.
TEST_P(LongProductsTest, EachElementIsUpdatedOnce) {
  const auto [rows, columns, depth] = GetParam();
  constexpr int kSteps = 2;
  std::vector<Tensor> left;
  std::vector<Tensor> right;
  for (int step = 0; step < kSteps; ++step) {
    left.push_back(Numbers(depth, rows, 1 + step));
    right.push_back(Numbers(columns, depth, 2 + step * 0.3));
  }
  std::vector<double> results[2];
  for (const int threads : {1, 2}) {
    Graph graph;
    const Value x = Placeholder(graph, "x", F32({depth, rows}));
    const Value y = Placeholder(graph, "y", F32({columns, depth}));
    const Value sum = State(
        graph, "sum", Constant(graph, *Tensor::Zeros(F32({rows, columns}))));
    const Value product =
        MatMul(x, y, {.transpose_input = true, .transpose_weights = true});
    Program program{.graph = graph};
    program.updates = {{sum, sum + product}};
    auto session = Session::Create(graph, {.num_threads = threads});
    ASSERT_TRUE(session.ok()) << session.status();
    for (int step = 0; step < kSteps; ++step) {
      const auto run =
          session->Run(program, {{x, left[step]}, {y, right[step]}});
      ASSERT_TRUE(run.ok()) << run.status();
    }
    results[threads - 1] = session->Read("sum")->ToDoubles();
  }
  EXPECT_TRUE(results[0] == results[1]);
  // Of deep products, some rows.
  const int64_t next = depth > 100 ? 13 : 1;
  std::vector<double> a[kSteps];
  std::vector<double> b[kSteps];
  for (int step = 0; step < kSteps; ++step) {
    a[step] = left[step].ToDoubles();
    b[step] = right[step].ToDoubles();
  }
  for (int64_t i = 0; i < rows; i += next) {
    for (int64_t j = 0; j < columns; ++j) {
      double expected = 0;
      for (int step = 0; step < kSteps; ++step) {
        for (int64_t k = 0; k < depth; ++k) {
          expected += a[step][k * rows + i] * b[step][j * depth + k];
        }
      }
      ASSERT_NEAR(results[0][i * columns + j], expected, 1e-4) << i << ',' << j;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, LongProductsTest,
    ::testing::Values(Sizes{70, 2048, 24}, Sizes{2049, 64, 24},
                      Sizes{61, 3111, 24}, Sizes{4100, 33, 24},
                      // In several blocks of rows and of depth, whose copies
                      // panels share: of the input, then of the weights.
                      Sizes{70, 2048, 300}, Sizes{520, 2100, 270},
                      Sizes{2100, 520, 270}));

}  // namespace
}  // namespace evengrad
