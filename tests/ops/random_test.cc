// The random ops: what they draw, how exactly, and what decides it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "evengrad/ops/ops.h"
#include "tests/ops/run_op.h"

namespace evengrad {
namespace {

using testing::RunKernel;
using testing::RunOptions;
using testing::RunReference;

struct Moments {
  double mean = 0;
  double variance = 0;
  double fourth = 0;  // standardised: 3 for a normal
  double minimum = 0;
  double maximum = 0;
};
Moments MomentsOf(const std::vector<double>& values) {
  Moments moments;
  const double count = static_cast<double>(values.size());
  for (double x : values) moments.mean += x / count;
  for (double x : values) {
    const double square = (x - moments.mean) * (x - moments.mean);
    moments.variance += square / count;
    moments.fourth += square * square / count;
  }
  moments.fourth /= moments.variance * moments.variance;
  moments.minimum = *std::min_element(values.begin(), values.end());
  moments.maximum = *std::max_element(values.begin(), values.end());
  return moments;
}

constexpr DType kFloats[] = {DType::kF32, DType::kF64, DType::kBF16};

TEST(RandomTest, UniformMoments) {
  for (DType dtype : kFloats) {
    Graph graph;
    const Value x = RandomUniform(graph, {dtype, {100000}}, -2, 4);
    const Moments moments = MomentsOf(*RunKernel(x, {}, {.seed = 7}));
    EXPECT_NEAR(moments.mean, 1, 0.03) << Name(dtype);
    EXPECT_NEAR(moments.variance, 3, 0.04) << Name(dtype);
    EXPECT_NEAR(moments.fourth, 1.8, 0.02) << Name(dtype);
    EXPECT_GE(moments.minimum, -2);
    EXPECT_LT(moments.maximum, 4);
  }
}

TEST(RandomTest, UniformStaysBelowHigh) {
  // Each draw close to 2 rounds up to 2 unless it is kept away.
  for (DType dtype : kFloats) {
    Graph graph;
    const Value x = RandomUniform(graph, {dtype, {400000}}, 1.99, 2);
    const Moments moments = MomentsOf(*RunKernel(x));
    EXPECT_LT(moments.maximum, 2) << Name(dtype);
    EXPECT_GE(moments.minimum, 1.99) << Name(dtype);
  }
  Graph graph;
  // The next number is -0.99609375.
  const Value negative = RandomUniform(graph, BF16({1000}), -1, -0.997);
  EXPECT_EQ(*RunKernel(negative), std::vector<double>(1000, -1));
}

TEST(RandomTest, NormalMoments) {
  for (DType dtype : kFloats) {
    Graph graph;
    const Value x = RandomNormal(graph, {dtype, {100000}}, 3, 2);
    const Moments moments = MomentsOf(*RunKernel(x, {}, {.seed = 7}));
    EXPECT_NEAR(moments.mean, 3, 0.03) << Name(dtype);
    EXPECT_NEAR(moments.variance, 4, 0.08) << Name(dtype);
    EXPECT_NEAR(moments.fourth, 3, 0.1) << Name(dtype);
    EXPECT_GT(moments.maximum, 3 + 2 * 3.5);
    EXPECT_LT(moments.minimum, 3 - 2 * 3.5);
  }
}

TEST(RandomTest, TruncatedNormalMoments) {
  for (DType dtype : kFloats) {
    Graph graph;
    const Value x = RandomTruncatedNormal(graph, {dtype, {100000}}, 1, 0.5);
    const Moments moments = MomentsOf(*RunKernel(x, {}, {.seed = 7}));
    EXPECT_NEAR(moments.mean, 1, 0.006) << Name(dtype);
    EXPECT_NEAR(std::sqrt(moments.variance), 0.5 * 0.8796256610342398, 0.004)
        << Name(dtype);
    EXPECT_GE(moments.minimum, 0) << Name(dtype);
    EXPECT_LE(moments.maximum, 2) << Name(dtype);
    EXPECT_LT(moments.minimum, 0.01) << Name(dtype);
    EXPECT_GT(moments.maximum, 1.99) << Name(dtype);
  }
}

// The distribution function at a few places, against that of the definition:
// a normal that is drawn again where it is outside.
TEST(RandomTest, TruncatedNormalIsTheConditionalDistribution) {
  Graph graph;
  const std::vector<double> values =
      *RunKernel(RandomTruncatedNormal(graph, F32({200000})));
  const double share = std::erf(std::sqrt(2.0));
  for (double x : {-1.9, -1.0, -0.3, 0.0, 0.5, 1.5}) {
    const double below = static_cast<double>(std::count_if(
        values.begin(), values.end(), [&](double value) { return value < x; }));
    const double expected = (std::erf(x / std::sqrt(2.0)) / share + 1) / 2;
    EXPECT_NEAR(below / 200000, expected, 0.005) << x;
  }
}

TEST(RandomTest, KernelsAgreeWithReferences) {
  for (DType dtype : kFloats) {
    Graph graph;
    const TensorType type = {dtype, {3, 1237}};
    const double tolerance = dtype == DType::kF32   ? 0x1p-23
                             : dtype == DType::kF64 ? 1e-14
                                                    : 0x1p-7;
    for (const Value& value :
         {RandomUniform(graph, type, -1, 3), RandomNormal(graph, type, 0.5, 2),
          RandomTruncatedNormal(graph, type, -0.5, 2)}) {
      const RunOptions options = {.seed = 0x123456789abcdef, .step = 9};
      const std::vector<double> kernel = *RunKernel(value, {}, options);
      const std::vector<double> reference = *RunReference(value, {}, options);
      ASSERT_EQ(kernel.size(), reference.size());
      for (size_t i = 0; i < kernel.size(); ++i) {
        EXPECT_NEAR(kernel[i], reference[i],
                    tolerance * std::abs(reference[i]) + 1e-13)
            << value.name() << " " << Name(dtype) << " element " << i;
      }
    }
  }
}

TEST(RandomTest, NumbersDependOnSeedStepAndStreamAlone) {
  Graph graph;
  const TensorType type = F32({5000});
  const Value a = RandomNormal(graph, type, 0, 1, {.name = "a"});
  const Value b = RandomNormal(graph, type, 0, 1, {.name = "b"});
  Graph other;
  RandomNormal(other, type);
  const Value again = RandomNormal(other, type, 0, 1, {.name = "a"});

  std::set<std::vector<double>> different;
  for (RunOptions options : {RunOptions{0, 0}, RunOptions{1, 0},
                             RunOptions{0, 1}, RunOptions{uint64_t{1} << 32}}) {
    different.insert(*RunKernel(a, {}, options));
    different.insert(*RunKernel(b, {}, options));
  }
  EXPECT_EQ(different.size(), 8u);
  EXPECT_EQ(*RunKernel(a), *RunKernel(again));
  EXPECT_EQ(*RunKernel(a), *RunKernel(a, {}, {.parts_backward = true}));
}

TEST(RandomTest, ALargerTensorStartsWithTheSameNumbers) {
  Graph graph;
  std::vector<double> large = *RunKernel(
      RandomTruncatedNormal(graph, F32({100000}), 0, 1, {.stream = 5}));
  std::vector<double> small =
      *RunKernel(RandomTruncatedNormal(graph, F32({7}), 0, 1, {.stream = 5}));
  large.resize(7);
  EXPECT_EQ(large, small);
}

TEST(RandomTest, EdgeSizesAndParameters) {
  Graph graph;
  EXPECT_EQ(RunKernel(RandomNormal(graph, F32({3, 0})))->size(), 0u);
  EXPECT_EQ(RunKernel(RandomUniform(graph, F32({})))->size(), 1u);
  EXPECT_EQ(*RunKernel(RandomNormal(graph, F32({3}), 4, 0)),
            std::vector<double>({4, 4, 4}));
  EXPECT_EQ(RandomUniform(graph, F32({"batch", 3})).shape(),
            Shape({"batch", 3}));
  EXPECT_TRUE(graph.status().ok()) << graph.status();
}

std::string MessageOf(Value (*build)(const Graph&)) {
  Graph graph;
  build(graph);
  return std::string(Message(graph.status()));
}

TEST(RandomTest, Errors) {
  auto expect = [](Value (*build)(const Graph&), std::string_view part) {
    const std::string message = MessageOf(build);
    EXPECT_NE(message.find(part), std::string::npos) << message;
  };
  expect([](const Graph& g) { return RandomUniform(g, F32({2}), 1, 1); },
         "no f32 number lies in [1, 1); low must be below high");
  expect([](const Graph& g) { return RandomUniform(g, F32({2}), 2, 1); },
         "low must be below high");
  expect([](const Graph& g) { return RandomUniform(g, F32({2}), NAN, 1); },
         "attribute low = nan is out of range");
  expect([](const Graph& g) { return RandomUniform(g, F32({2}), 0, INFINITY); },
         "must be finite");
  expect([](const Graph& g) { return RandomNormal(g, F32({2}), 0, -1); },
         "attribute deviation = -1 is out of range");
  expect([](const Graph& g) { return RandomNormal(g, F32({2}), INFINITY); },
         "must be finite");
  expect([](const Graph& g) { return RandomNormal(g, I32({2})); },
         "random numbers are f32, f64 or bf16, not i32");
  expect(
      [](const Graph& g) {
        return RandomNormal(g, F32({Dimension::Unknown()}));
      },
      "the shape [?] must have no unknown dimension");
  expect(
      [](const Graph& g) {
        return RandomNormal(g, F32({int64_t{1} << 34, 2}));
      },
      "elements, a random stream has 17179869184");
  expect(
      [](const Graph& g) {
        return RandomNormal(g, F32({2}), 0, 1, {.stream = -2});
      },
      "attribute stream = -2 is out of range");
}

}  // namespace
}  // namespace evengrad
