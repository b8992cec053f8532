// Each initializer against its definition: mean, variance, bounds and shape of
// what a session starts with.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/initializers.h"
#include "evengrad/runtime/session.h"
#include "tests/ops/initial_values.h"

namespace evengrad {
namespace {

std::string ErrorOf(const Initializer& initializer, const TensorType& type,
                    const InitializerOptions& options = {.name = "w"}) {
  Graph graph;
  const NameScope scope(graph, "hidden1");
  AddInitializer(graph, initializer, type, options, {"model.cc", 7});
  return std::string(Message(graph.status()));
}

// ---- Kernels ----------------------------------------------------------------

TEST(InitializerRecipesTest, VariancesOfKernels) {
  const TensorType kernel = F32({128, 32, 3, 3});
  auto variance = [&](const Initializer& initializer,
                      const WeightLayout& layout) {
    return MomentsOf(Draw(initializer, kernel, {.layout = layout})).variance;
  };
  EXPECT_NEAR(variance(HeNormal(), {}) * (32 * 9) / 2, 1, 0.03);
  EXPECT_NEAR(variance(GlorotUniform(), {}) * (160 * 9) / 2, 1, 0.03);
  EXPECT_NEAR(variance(GlorotUniform(), {.groups = 4}) * (64 * 9) / 2, 1, 0.03);
  EXPECT_NEAR(variance(HeNormal(), {.transposed = true}) * (128 * 9) / 2, 1,
              0.03);
  EXPECT_NEAR(variance(VarianceScaling(1, Fan::kGeometricAverage,
                                       Distribution::kNormal),
                       {}) *
                  std::sqrt(32 * 9 * 128 * 9),
              1, 0.03);
}

// The automatic initializer keeps the layout until it is resolved.
TEST(InitializerRecipesTest, TheAutomaticChoiceKnowsTheLayout) {
  Graph graph;
  Parameter(graph, "kernel",
            AddInitializer(graph, AutoInitializer(), F32({128, 8, 3, 3}),
                           {.layout = {.groups = 4}}));
  const absl::StatusOr<Session> session = Session::Create(graph, {.seed = 3});
  ASSERT_TRUE(session.ok()) << session.status();
  const Moments moments = MomentsOf(session->Read("kernel")->ToDoubles());
  EXPECT_NEAR(moments.variance * (8 * 9 + 32 * 9) / 2, 1, 0.05);
}

// ---- Distributions ----------------------------------------------------------

TEST(InitializerRecipesTest, Uniform) {
  const Moments moments =
      MomentsOf(Draw(UniformInitializer(-0.5, 1.5), F32({300, 300})));
  EXPECT_NEAR(moments.mean, 0.5, 0.01);
  EXPECT_NEAR(moments.variance, 4.0 / 12, 0.01);
  EXPECT_GE(moments.least, -0.5);
  EXPECT_LT(moments.largest, 1.5);
  EXPECT_LT(moments.least, -0.499);
  EXPECT_GT(moments.largest, 1.499);
  EXPECT_NE(ErrorOf(UniformInitializer(1, 1), F32({2}))
                .find("low must be below high"),
            std::string::npos);
}

TEST(InitializerRecipesTest, NormalIsNotTruncated) {
  const Moments moments =
      MomentsOf(Draw(NormalInitializer(2, 0.1), F32({300, 300})));
  EXPECT_NEAR(moments.mean, 2, 0.002);
  EXPECT_NEAR(moments.variance, 0.01, 0.0003);
  EXPECT_LT(moments.least, 2 - 0.3);
  EXPECT_GT(moments.largest, 2 + 0.3);
}

// The truncated variable has the deviation asked for when corrected, and 0.8796
// of it when not.
TEST(InitializerRecipesTest, TruncatedNormal) {
  const Moments corrected =
      MomentsOf(Draw(TruncatedNormalInitializer(1, 0.1), F32({300, 300})));
  EXPECT_NEAR(corrected.mean, 1, 0.002);
  EXPECT_NEAR(std::sqrt(corrected.variance), 0.1, 0.001);
  const double bound = 2 * 0.1 / 0.87962566103423978;
  EXPECT_GE(corrected.least, 1 - bound - 1e-6);
  EXPECT_LE(corrected.largest, 1 + bound + 1e-6);
  EXPECT_GT(corrected.largest, 1 + 0.98 * bound);
  const Moments plain = MomentsOf(
      Draw(TruncatedNormalInitializer(1, 0.1, false), F32({300, 300})));
  EXPECT_NEAR(std::sqrt(plain.variance), 0.1 * 0.87962566103423978, 0.001);
  EXPECT_GE(plain.least, 1 - 0.2 - 1e-6);
  EXPECT_LE(plain.largest, 1 + 0.2 + 1e-6);
}

// ---- Orthogonal -------------------------------------------------------------

// The inner product of rows (or columns) a and b of a matrix.
double Inner(const std::vector<double>& matrix, int64_t rows, int64_t columns,
             bool of_rows, int64_t a, int64_t b) {
  double sum = 0;
  for (int64_t i = 0; i < (of_rows ? columns : rows); ++i) {
    sum += of_rows ? matrix[a * columns + i] * matrix[b * columns + i]
                   : matrix[i * columns + a] * matrix[i * columns + b];
  }
  return sum;
}

// The shorter side's vectors have length `gain` and are orthogonal.
void ExpectOrthogonal(const std::vector<double>& matrix, int64_t rows,
                      int64_t columns, double gain, double tolerance) {
  ASSERT_EQ(matrix.size(), static_cast<size_t>(rows * columns));
  const bool of_rows = rows < columns;
  const int64_t count = std::min(rows, columns);
  for (int64_t a = 0; a < count; ++a) {
    for (int64_t b = 0; b <= a; ++b) {
      EXPECT_NEAR(Inner(matrix, rows, columns, of_rows, a, b),
                  a == b ? gain * gain : 0, tolerance)
          << a << " " << b;
    }
  }
}

TEST(InitializerRecipesTest, OrthogonalMatrices) {
  ExpectOrthogonal(Draw(OrthogonalInitializer(), F64({30, 30})), 30, 30, 1,
                   1e-13);
  ExpectOrthogonal(Draw(OrthogonalInitializer(1.4), F64({40, 7})), 40, 7, 1.4,
                   1e-13);
  ExpectOrthogonal(Draw(OrthogonalInitializer(0.5), F32({9, 33})), 9, 33, 0.5,
                   1e-6);
  ExpectOrthogonal(Draw(OrthogonalInitializer(), BF16({8, 16})), 8, 16, 1,
                   0.03);
}

TEST(InitializerRecipesTest, OrthogonalKernelsByBothConventions) {
  // [first, rest] and [rest, last], row by row.
  ExpectOrthogonal(Draw(OrthogonalInitializer(), F64({6, 5, 3, 3})), 6, 45, 1,
                   1e-13);
  ExpectOrthogonal(
      Draw(OrthogonalInitializer(1, Flattening::kLastAxis), F64({3, 3, 5, 6})),
      45, 6, 1, 1e-13);
  // They are not the same.
  const std::vector<double> last =
      Draw(OrthogonalInitializer(1, Flattening::kLastAxis), F64({6, 5, 2}));
  EXPECT_GT(std::abs(Inner(last, 6, 10, true, 0, 0) - 1), 1e-3);
  EXPECT_EQ(
      Draw(OrthogonalInitializer(1, Flattening::kLastAxis), F64({6, 5})),
      Draw(OrthogonalInitializer(1, Flattening::kFirstAxis), F64({6, 5})));
}

// Uniform over the orthogonal matrices: without the signs of R's diagonal, the
// first element would have one sign; and its square is 1/n on average.
TEST(InitializerRecipesTest, OrthogonalMatricesAreUniform) {
  constexpr int kDraws = 400;
  int positive_first = 0;
  int positive_last = 0;
  int positive_determinant = 0;
  double squares = 0;
  for (int seed = 0; seed < kDraws; ++seed) {
    const std::vector<double> q =
        Draw(OrthogonalInitializer(), F64({2, 2}), {}, seed);
    positive_first += q[0] > 0 ? 1 : 0;
    positive_last += q[3] > 0 ? 1 : 0;
    positive_determinant += q[0] * q[3] - q[1] * q[2] > 0 ? 1 : 0;
    squares += q[0] * q[0] / kDraws;
  }
  const double allowed = 4 * std::sqrt(kDraws) / 2;  // four deviations
  EXPECT_NEAR(positive_first, kDraws / 2.0, allowed);
  EXPECT_NEAR(positive_last, kDraws / 2.0, allowed);
  EXPECT_NEAR(positive_determinant, kDraws / 2.0, allowed);
  EXPECT_NEAR(squares, 0.5, 4 * std::sqrt(0.125 / kDraws));
}

// ---- Identity, sparse -------------------------------------------------------

TEST(InitializerRecipesTest, Identity) {
  EXPECT_EQ(Draw(IdentityInitializer(), F32({2, 3})),
            (std::vector<double>{1, 0, 0, 0, 1, 0}));
  EXPECT_EQ(Draw(IdentityInitializer(0.5), F64({3, 2})),
            (std::vector<double>{0.5, 0, 0, 0.5, 0, 0}));
}

TEST(InitializerRecipesTest, SparseHasExactlySoManyZerosAColumn) {
  constexpr int64_t kRows = 100;
  constexpr int64_t kColumns = 200;
  const std::vector<double> values =
      Draw(SparseInitializer(0.855, 0.2), F32({kRows, kColumns}));
  std::vector<int> zeros_of_row(kRows, 0);
  double squares = 0;
  for (int64_t j = 0; j < kColumns; ++j) {
    int zeros = 0;
    for (int64_t i = 0; i < kRows; ++i) {
      const double x = values[i * kColumns + j];
      zeros += x == 0 ? 1 : 0;
      zeros_of_row[i] += x == 0 ? 1 : 0;
      squares += x * x;
    }
    EXPECT_EQ(zeros, 86) << "column " << j;  // ceil(0.855 * 100)
  }
  EXPECT_NEAR(squares / (14 * kColumns), 0.04, 0.004);
  // Anywhere in the column: no row has all or none.
  for (int zeros : zeros_of_row) {
    EXPECT_GT(zeros, 140);
    EXPECT_LT(zeros, 200);
  }
  EXPECT_EQ(Draw(SparseInitializer(1), F32({3, 2})),
            std::vector<double>(6, 0.0));
  const std::vector<double> full = Draw(SparseInitializer(0), F32({3, 2}));
  EXPECT_EQ(std::count(full.begin(), full.end(), 0.0), 0);
}

// ---- Mistakes ---------------------------------------------------------------

TEST(InitializerRecipesTest, MistakesAreNamed) {
  const std::string prefix = "model.cc:7: hidden1/w: ";
  EXPECT_EQ(ErrorOf(HeNormal(), F32({3})).substr(0, 47),
            prefix + "a weight of shape [3] ha");
  EXPECT_EQ(ErrorOf(OrthogonalInitializer(), F32({3})).substr(0, 47),
            prefix + "a weight of shape [3] ha");
  EXPECT_EQ(ErrorOf(OrthogonalInitializer(), F32({3, 0})),
            prefix +
                "a weight of shape [3,0] has a fan-in of 3 and a fan-out "
                "of 0; both must be positive");
  EXPECT_EQ(ErrorOf(OrthogonalInitializer(-1), F32({3, 3})),
            prefix + "gain must be positive and finite, not -1");
  EXPECT_EQ(ErrorOf(OrthogonalInitializer(), I32({3, 3})),
            prefix + "random weights are f32, f64 or bf16, not i32");
  EXPECT_EQ(ErrorOf(IdentityInitializer(), F32({3, 3, 3})),
            prefix + "an identity is a matrix, f32[3,3,3] has rank 3");
  EXPECT_EQ(ErrorOf(IdentityInitializer(HUGE_VAL), F32({3, 3})),
            prefix + "gain must be finite, not inf");
  EXPECT_EQ(ErrorOf(SparseInitializer(0.5), F32({3})),
            prefix + "a sparse weight is a matrix, f32[3] has rank 1");
  EXPECT_EQ(ErrorOf(SparseInitializer(1.5), F32({3, 3})),
            prefix + "sparsity is a share from 0 to 1, not 1.5");
  EXPECT_EQ(ErrorOf(SparseInitializer(0.5, -1), F32({3, 3})),
            prefix + "deviation must be positive and finite, not -1");
  EXPECT_EQ(ErrorOf(AutoInitializer(), F32({3}),
                    {.name = "w", .fans = Fans{.in = 3, .out = 3}}),
            prefix +
                "the automatic initializer takes its fans from the shape; "
                "give another one");
  EXPECT_EQ(ErrorOf(HeNormal(), F32({3}),
                    {.name = "w", .fans = Fans{.in = 0, .out = 3}}),
            prefix + "the fan must be positive and finite, not 0");
  EXPECT_EQ(ErrorOf(GlorotNormal(), F32({6, 4, 3}),
                    {.name = "w", .layout = {.groups = 4}}),
            prefix +
                "groups = 4 of a kernel of shape [6,4,3], expected a "
                "divisor of its 6 outputs");
}

}  // namespace
}  // namespace evengrad
