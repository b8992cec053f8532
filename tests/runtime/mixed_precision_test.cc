// Precision::kBF16: what is rounded, and what is not.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "evengrad/autodiff/gradients.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/layers.h"
#include "evengrad/ops/losses.h"
#include "evengrad/ops/ops.h"
#include "evengrad/runtime/passes.h"
#include "evengrad/runtime/session.h"
#include "evengrad/train/minimize.h"
#include "evengrad/train/optimizers.h"

namespace evengrad {
namespace {

// Numbers between -1 and 1 that bf16 does not hold.
Tensor Numbers(int64_t rows, int64_t columns, int seed) {
  Tensor tensor = *Tensor::Zeros(F32({rows, columns}));
  double angle = seed;
  for (float& value : *tensor.mutable_values<float>()) {
    angle += 0.7;
    value = static_cast<float>(std::sin(angle));
  }
  return tensor;
}

double Rounded(double x) { return ToFloat(ToBFloat16(static_cast<float>(x))); }

// One panel, and several.
class MixedProductTest
    : public ::testing::TestWithParam<std::array<int64_t, 3>> {};

TEST_P(MixedProductTest, FactorsAreRoundedAndSumsAreNot) {
  const auto [rows, depth, columns] = GetParam();
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({rows, depth}));
  const Value w = Placeholder(graph, "w", F32({columns, depth}));
  const Value y = MatMul(x, w, {.transpose_weights = true});
  const Value z = Relu(y) + 0.125;
  EXPECT_EQ(y.dtype(), DType::kF32);
  auto session =
      Session::Create(graph, {.num_threads = 2, .precision = Precision::kBF16});
  ASSERT_TRUE(session.ok()) << session.status();
  const Tensor a = Numbers(rows, depth, 1);
  const Tensor b = Numbers(columns, depth, 2);
  auto result = session->Run({y, z}, {{x, a}, {w, b}});
  ASSERT_TRUE(result.ok()) << result.status();
  const std::vector<double> left = a.ToDoubles();
  const std::vector<double> right = b.ToDoubles();
  const std::vector<double> found = result->Get(y)->ToDoubles();
  const std::vector<double> after = result->Get(z)->ToDoubles();
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; ++j) {
      double sum = 0;
      for (int64_t k = 0; k < depth; ++k) {
        sum += Rounded(left[i * depth + k]) * Rounded(right[j * depth + k]);
      }
      ASSERT_NEAR(found[i * columns + j], sum, 1e-4);
      ASSERT_NEAR(after[i * columns + j], std::max(sum, 0.0) + 0.125, 1e-4);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, MixedProductTest,
                         ::testing::Values(std::array<int64_t, 3>{37, 300, 70},
                                           std::array<int64_t, 3>{130, 300,
                                                                  700},
                                           std::array<int64_t, 3>{3, 0, 5},
                                           std::array<int64_t, 3>{0, 4, 5}));

TEST(MixedPrecisionTest, GradientsOfNarrowMatricesAreNarrow) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({6, 20}));
  const Value w = Placeholder(graph, "w", F32({20, 5}));
  const auto gradients = [&](const Value& a, const Value& b) {
    const Value product = MatMul(a, b, {.output_f32 = true});
    EXPECT_EQ(product.dtype(), DType::kF32);
    const auto first = Gradients(ReduceSum(Square(product)), {{a, b}});
    EXPECT_TRUE(first.ok()) << first.status();
    const Value again = ReduceSum(Square(Cast((*first)[0], DType::kF32)));
    const auto second = Gradients(again, {{a, b}});
    EXPECT_TRUE(second.ok()) << second.status();
    std::vector<Value> all = *first;
    all.insert(all.end(), second->begin(), second->end());
    return all;
  };
  const std::vector<Value> wide = gradients(x, w);
  const std::vector<Value> narrow =
      gradients(Cast(x, DType::kBF16), Cast(w, DType::kBF16));
  std::vector<Value> both = wide;
  for (const Value& gradient : narrow) {
    EXPECT_EQ(gradient.dtype(), DType::kBF16);
    both.push_back(Cast(gradient, DType::kF32));
  }
  auto session = Session::Create(graph);
  ASSERT_TRUE(session.ok()) << session.status();
  const std::vector<Feed> feeds = {{x, Numbers(6, 20, 1)},
                                   {w, Numbers(20, 5, 2)}};
  const auto result = session->Run(both, feeds);
  ASSERT_TRUE(result.ok()) << result.status();
  for (size_t i = 0; i < wide.size(); ++i) {
    const std::vector<double> expected = result->values()[i].ToDoubles();
    const std::vector<double> found =
        result->values()[wide.size() + i].ToDoubles();
    double error = 0, norm = 0;
    for (size_t j = 0; j < expected.size(); ++j) {
      error += std::pow(found[j] - expected[j], 2);
      norm += std::pow(expected[j], 2);
    }
    EXPECT_LT(std::sqrt(error), 0.02 * std::sqrt(norm)) << i;
    EXPECT_GT(error, 0) << i;
  }
}

// A small classifier, its training and a batch.
struct Network {
  Graph graph;
  Value images = Placeholder(graph, "images", F32({"batch", 50}));
  Value labels = Placeholder(graph, "labels", I32({"batch"}));
  Value loss = SparseSoftmaxCrossEntropy(
      Dense(Selu(Dense(images, 40, {.name = "hidden"})), 10,
            {.name = "output"}),
      labels);
  std::vector<Feed> Batch() const {
    std::vector<int32_t> classes;
    for (int32_t i = 0; i < 32; ++i) classes.push_back(i % 10);
    return {{images, Numbers(32, 50, 3)},
            {labels, *Tensor::Of<int32_t>({32}, classes)}};
  }
};

TEST(MixedPrecisionTest, WeightsStayF32AndTrainingFollowsTheF32One) {
  const Network network;
  auto training = Minimize(network.loss, Sgd{.learning_rate = 0.1});
  ASSERT_TRUE(training.ok()) << training.status();
  auto wide = Session::Create(network.graph, {.seed = 1});
  auto narrow = Session::Create(network.graph,
                                {.seed = 1, .precision = Precision::kBF16});
  ASSERT_TRUE(wide.ok() && narrow.ok());
  for (const Value& parameter : Parameters(network.graph)) {
    EXPECT_EQ(*wide->Read(parameter), *narrow->Read(parameter));
  }
  bool differ = false;
  for (int step = 0; step < 30; ++step) {
    auto expected = wide->Run(*training, network.Batch());
    auto found = narrow->Run(*training, network.Batch());
    ASSERT_TRUE(expected.ok() && found.ok()) << found.status();
    const double loss = *expected->Scalar("loss");
    EXPECT_NEAR(*found->Scalar("loss"), loss, 0.02 * loss);
    differ |= *found->Scalar("loss") != loss;
  }
  EXPECT_TRUE(differ);
  bool rounded = true;
  for (const double weight : narrow->Read("hidden/weights")->ToDoubles()) {
    rounded &= weight == Rounded(weight);
  }
  EXPECT_FALSE(rounded);
}

TEST(MixedPrecisionTest, EachMatrixIsRoundedOnceAStep) {
  const Network network;
  auto training = Minimize(network.loss, Sgd{.learning_rate = 0.1});
  ASSERT_TRUE(training.ok()) << training.status();
  Program program = *training;
  ASSERT_TRUE(*NarrowPass(program));
  ASSERT_TRUE(SharePass(program).ok());
  ASSERT_TRUE(PrunePass(program).ok());
  int casts = 0;
  for (int id = 0; id < program.graph.num_nodes(); ++id) {
    casts += program.graph.node(id).op().name == "cast";
  }
  // Images, hidden activations, the output layer's weights, which two products
  // read, the hidden ones', and the gradients of both layers.
  EXPECT_EQ(casts, 6);
}

}  // namespace
}  // namespace evengrad
