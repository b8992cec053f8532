// Precision::kBF16: what is rounded, and what is not.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "evengrad/autodiff/gradients.h"
#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/layers.h"
#include "evengrad/ops/losses.h"
#include "evengrad/ops/ops.h"
#include "evengrad/runtime/compiler.h"
#include "evengrad/runtime/passes.h"
#include "evengrad/runtime/session.h"
#include "evengrad/train/minimize.h"
#include "evengrad/train/optimizers.h"
#include "tests/runtime/sine_numbers.h"

namespace evengrad {
namespace {

void Scale(Tensor& tensor, float factor) {
  const std::span<float> values = *tensor.mutable_values<float>();
  for (float& value : values) value *= factor;
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
      double magnitude = 0;
      for (int64_t k = 0; k < depth; ++k) {
        const double term =
            Rounded(left[i * depth + k]) * Rounded(right[j * depth + k]);
        sum += term;
        magnitude += std::abs(term);
      }
      // What f32 rounds on the way, on CPUs that have bf16 and on others.
      const double tolerance = 1e-6 * magnitude + 1e-6;
      ASSERT_NEAR(found[i * columns + j], sum, tolerance);
      ASSERT_NEAR(after[i * columns + j], std::max(sum, 0.0) + 0.125,
                  tolerance);
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
    std::vector<int32_t> classes(32);
    for (int32_t i = 0; i < 32; ++i) classes[i] = i % 10;
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
  ASSERT_TRUE(NarrowPass(program).ok());
  ASSERT_TRUE(SharePass(program).ok());
  ASSERT_TRUE(PrunePass(program).ok());
  int casts = 0;
  for (int id = 0; id < program.graph.num_nodes(); ++id) {
    const Node node = program.graph.node(id);
    if (node.op().name != "cast") continue;
    ++casts;
    EXPECT_FALSE(IsState(node.input(0).node())) << node.name();
  }
  // Images, hidden activations, the gradients of both layers, and the new
  // weights of both.
  EXPECT_EQ(casts, 6);
}

TEST(MixedPrecisionTest, TheUpdateWritesTheCopy) {
  const Network network;
  auto training = Minimize(network.loss, Sgd{.learning_rate = 0.1});
  ASSERT_TRUE(training.ok()) << training.status();
  const auto compiled = Compile(*training,
                                {{network.images.id().node, Shape({32, 50})},
                                 {network.labels.id().node, Shape({32})}},
                                {.precision = Precision::kBF16});
  ASSERT_TRUE(compiled.ok()) << compiled.status();
  ASSERT_EQ((*compiled)->rounded_states.size(), 2u);
  const auto writes = [&](const KernelDescription& kernel,
                          const std::string& state) {
    return std::ranges::any_of(kernel.writes, [&](int buffer) {
      return (*compiled)->buffers[buffer].name == state;
    });
  };
  for (const RoundedState& rounded : (*compiled)->rounded_states) {
    int kernels = 0;
    for (const KernelDescription& kernel : (*compiled)->kernel_descriptions) {
      EXPECT_EQ(writes(kernel, rounded.state), writes(kernel, rounded.copy));
      kernels += writes(kernel, rounded.copy) ? 1 : 0;
    }
    EXPECT_EQ(kernels, 1) << rounded.state;
  }
}

// What follows from a state depends on the state alone, whatever has changed
// it: a session that is given the same states at once gives the same.
TEST(MixedPrecisionTest, CopiesFollowWhateverChangesAState) {
  const Network network;
  const SessionOptions options = {.seed = 1, .precision = Precision::kBF16};
  auto training = Minimize(network.loss, Sgd{.learning_rate = 0.1});
  ASSERT_TRUE(training.ok()) << training.status();
  const Value weights =
      *network.graph.Resolve(Parameters(network.graph).front());
  ASSERT_EQ(weights.rank(), 2);
  Program doubling{.graph = network.graph.Clone()};
  const Value own = *doubling.graph.Resolve(weights);
  doubling.updates = {{own, own * 2.0}};
  auto session = Session::Create(network.graph, options);
  ASSERT_TRUE(session.ok()) << session.status();
  const std::vector<Feed> batch = network.Batch();
  const std::vector<Value> loss = {network.loss};
  Tensor shared;
  const auto change = [&](int step) -> absl::Status {
    switch (step) {
      case 1:
        return session->Write(weights, Numbers(50, 40, 9));
      case 2:
        return session->Run(doubling, {}).status();
      case 3:
        return session->FindNonFinite(*training, batch).status();
      case 4: {
        EVENGRAD_ASSIGN_OR_RETURN(shared, session->Share("hidden/weights"));
        return absl::OkStatus();
      }
      case 5:
        Scale(shared, 0.5f);
        return absl::OkStatus();
      case 6:
        Scale(shared, 1.5f);
        shared = Tensor();
        return absl::OkStatus();
      default:
        return absl::OkStatus();
    }
  };
  for (int step = 0; step < 9; ++step) {
    const absl::Status changed = change(step);
    ASSERT_TRUE(changed.ok()) << changed;
    auto other = Session::Create(network.graph, options);
    ASSERT_TRUE(other.ok() && other->Initialize(*training).ok());
    for (const std::string& name : session->StateNames()) {
      ASSERT_TRUE(other->Write(name, *session->Read(name)).ok()) << name;
    }
    EXPECT_EQ(*session->Run(loss, batch)->Scalar(network.loss),
              *other->Run(loss, batch)->Scalar(network.loss))
        << step;
    const auto found = session->Run(*training, batch);
    const auto expected = other->Run(*training, batch);
    ASSERT_TRUE(found.ok() && expected.ok()) << found.status();
    EXPECT_EQ(*found->Scalar("loss"), *expected->Scalar("loss")) << step;
    EXPECT_EQ(*session->Read(weights), *other->Read(weights)) << step;
  }
}

// Of a state and its copy, one may be written in place, and the other not at
// all in a run that ends with an error.
TEST(MixedPrecisionTest, AFailedRunLeavesTheCopyOfTheState) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({8, 8}));
  const Value scale = Placeholder(graph, "scale", F32({}));
  const Value w = State(graph, "w", Constant(graph, Numbers(8, 8, 2)));
  const Value y = MatMul(x, w);
  Program program = {.graph = graph};
  program.fetches = {{"y", y}};
  program.updates = {{w, MatMul(w, x)}};
  program.guards = {{.value = ReduceSum(y) * scale, .description = "y"}};
  auto session = Session::Create(graph, {.precision = Precision::kBF16});
  ASSERT_TRUE(session.ok()) << session.status();
  const Tensor input = Numbers(8, 8, 1);
  for (const float by : {1.0f, INFINITY, 1.0f, 1.0f}) {
    const std::vector<double> left = input.ToDoubles();
    const std::vector<double> right = session->Read("w")->ToDoubles();
    const std::vector<Feed> feeds = {{x, input},
                                     {scale, *Tensor::Of<float>({}, {by})}};
    const auto result = session->Run(program, feeds);
    EXPECT_EQ(result.ok(), by == 1);
    if (!result.ok()) continue;
    double expected = 0;
    for (int k = 0; k < 8; ++k) {
      expected += Rounded(left[k]) * Rounded(right[k * 8]);
    }
    EXPECT_NEAR(result->Get("y")->ToDoubles()[0], expected, 1e-5);
  }
}

}  // namespace
}  // namespace evengrad
