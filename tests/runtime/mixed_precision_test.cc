// Precision::kBF16: what is rounded, and what is not.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

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

TEST(MixedPrecisionTest, FactorsAreRoundedAndSumsAreNot) {
  constexpr int64_t kRows = 37, kDepth = 300, kColumns = 70;
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({kRows, kDepth}));
  const Value w = Placeholder(graph, "w", F32({kColumns, kDepth}));
  const Value y = MatMul(x, w, {.transpose_weights = true});
  const Value z = Relu(y) + 0.125;
  EXPECT_EQ(y.dtype(), DType::kF32);
  auto session =
      Session::Create(graph, {.num_threads = 2, .precision = Precision::kBF16});
  ASSERT_TRUE(session.ok()) << session.status();
  const Tensor a = Numbers(kRows, kDepth, 1);
  const Tensor b = Numbers(kColumns, kDepth, 2);
  auto result = session->Run({y, z}, {{x, a}, {w, b}});
  ASSERT_TRUE(result.ok()) << result.status();
  const std::vector<double> left = a.ToDoubles();
  const std::vector<double> right = b.ToDoubles();
  const std::vector<double> found = result->Get(y)->ToDoubles();
  const std::vector<double> after = result->Get(z)->ToDoubles();
  for (int64_t i = 0; i < kRows; ++i) {
    for (int64_t j = 0; j < kColumns; ++j) {
      double sum = 0;
      for (int64_t k = 0; k < kDepth; ++k) {
        sum += Rounded(left[i * kDepth + k]) * Rounded(right[j * kDepth + k]);
      }
      ASSERT_NEAR(found[i * kColumns + j], sum, 1e-4);
      ASSERT_NEAR(after[i * kColumns + j], std::max(sum, 0.0) + 0.125, 1e-4);
    }
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
