// Products of few rows with transposed weights, as backward passes have them:
// they are computed by columns, whatever follows them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "evengrad/graph/source_ops.h"
#include "evengrad/ops/ops.h"
#include "evengrad/runtime/program.h"
#include "evengrad/runtime/reference_executor.h"
#include "evengrad/runtime/session.h"
#include "tests/runtime/sine_numbers.h"

namespace evengrad {
namespace {

struct Sizes {
  int64_t rows;
  int64_t depth;
  int64_t columns;
};

class TransposedWeightsTest : public ::testing::TestWithParam<Sizes> {
 protected:
  // `fetches` are of `graph_`, in which x_ · w_^T is product_.
  void ExpectReference(const std::vector<Value>& fetches) {
    const auto [rows, depth, columns] = GetParam();
    const Tensor x = Numbers(rows, depth, 1);
    const Tensor w = Numbers(columns, depth, 2);
    const Tensor other = Numbers(rows, columns, 3);
    const std::vector<ReferenceFeed> feeds = {{x_, ToReference(x)},
                                              {w_, ToReference(w)},
                                              {other_, ToReference(other)}};
    const auto expected = RunReference(graph_, fetches, feeds);
    ASSERT_TRUE(expected.ok()) << expected.status();
    auto session = Session::Create(graph_, {.num_threads = 2});
    ASSERT_TRUE(session.ok()) << session.status();
    const std::vector<Feed> tensors = {{x_, x}, {w_, w}, {other_, other}};
    const auto result = session->Run(fetches, tensors);
    ASSERT_TRUE(result.ok()) << result.status();
    // What f32 may round in sums of 700 products and of 400 elements; an
    // element at a wrong place is off by its own size.
    double largest = 0;
    for (const ReferenceTensor& tensor : *expected) {
      for (const double x : tensor.values) {
        largest = std::max(largest, std::abs(x));
      }
    }
    for (size_t f = 0; f < fetches.size(); ++f) {
      const std::vector<double> found = result->Get(fetches[f])->ToDoubles();
      const std::vector<double>& values = (*expected)[f].values;
      ASSERT_EQ(found.size(), values.size());
      for (size_t i = 0; i < found.size(); ++i) {
        ASSERT_NEAR(found[i], values[i], 1e-5 * largest)
            << fetches[f].name() << " " << i;
      }
    }
  }

  Graph graph_;
  Value x_ = Placeholder(graph_, "x", F32({GetParam().rows, GetParam().depth}));
  Value w_ =
      Placeholder(graph_, "w", F32({GetParam().columns, GetParam().depth}));
  Value other_ =
      Placeholder(graph_, "other", F32({GetParam().rows, GetParam().columns}));
  Value product_ = MatMul(x_, w_, {.transpose_weights = true});
};

TEST_P(TransposedWeightsTest, Alone) { ExpectReference({product_}); }

TEST_P(TransposedWeightsTest, WithAnEpilogueThatReadsMore) {
  ExpectReference({Relu(product_) * other_});
}

TEST_P(TransposedWeightsTest, ReadAfterTheEpilogueToo) {
  ExpectReference({Relu(product_) + other_, product_});
}

TEST_P(TransposedWeightsTest, WithTheSumOfItsColumns) {
  const Value gradient = product_ * other_;
  ExpectReference({gradient, ReduceSum(gradient, {.axes = {0}})});
}

INSTANTIATE_TEST_SUITE_P(
    All, TransposedWeightsTest,
    ::testing::Values(Sizes{32, 100, 100}, Sizes{32, 100, 300},
                      Sizes{7, 250, 33}, Sizes{1, 60, 200},
                      // Several parts; rows that lie far apart.
                      Sizes{32, 256, 1100}, Sizes{61, 200, 2100},
                      // Too deep, or too many rows.
                      Sizes{16, 700, 300}, Sizes{400, 100, 100}),
    [](const auto& test) {
      return StrCat(test.param.rows, "x", test.param.depth, "x",
                    test.param.columns);
    });

}  // namespace
}  // namespace evengrad
