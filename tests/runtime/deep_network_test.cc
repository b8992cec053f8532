// Gradients of networks of up to a hundred layers, held against the reference
// executor in double. Each gradient is compared as a whole: the norm of its
// error, relative to its own. SELU layers enlarge small differences between
// activations (their mean squared slope is 1.07), and with them rounding.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "evengrad/autodiff/gradients.h"
#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/layers.h"
#include "evengrad/ops/losses.h"
#include "evengrad/ops/ops.h"
#include "evengrad/runtime/reference_executor.h"
#include "evengrad/runtime/session.h"
#include "evengrad/testing/numbers.h"

namespace evengrad {
namespace {

using Activation = std::function<Value(const Value&)>;

constexpr uint64_t kSeed = 11;
constexpr int64_t kBatch = 32;
constexpr int64_t kInputs = 784;

struct Network {
  std::string name;
  std::vector<int64_t> hidden;
  Activation activation;
  double tolerance;
};

// Fetches the loss and the gradient of every parameter.
absl::StatusOr<Program> MakeProgram(const Network& network,
                                    std::vector<Feed>& feeds) {
  Program program;
  const Graph& graph = program.graph;
  const Value images = Placeholder(graph, "images", F32({"batch", kInputs}));
  const Value labels = Placeholder(graph, "labels", I32({"batch"}));
  Value x = images;
  for (size_t i = 0; i < network.hidden.size(); ++i) {
    const NameScope layer(graph, StrCat("hidden", i + 1));
    x = network.activation(Dense(x, network.hidden[i]));
  }
  const Value loss =
      SparseSoftmaxCrossEntropy(Dense(x, 10, {.name = "logits"}), labels);
  std::vector<Value> parameters;
  for (int id = 0; id < graph.num_nodes(); ++id) {
    const Node node = graph.node(id);
    if (IsParameter(node)) parameters.push_back(node.output());
  }
  EVENGRAD_ASSIGN_OR_RETURN(const std::vector<Value> gradients,
                            Gradients(loss, parameters));
  program.fetches.push_back({.name = "loss", .value = loss});
  for (size_t i = 0; i < parameters.size(); ++i) {
    program.fetches.push_back({.name = std::string(parameters[i].node().name()),
                               .value = gradients[i]});
  }
  testing::NumberSource numbers(5);
  Tensor pixels = *Tensor::Zeros(F32({kBatch, kInputs}));
  for (int64_t i = 0; i < pixels.num_elements(); ++i) {
    StoreFromDouble(DType::kF32, pixels.mutable_data(), i,
                    numbers.Uniform(-1.7, 1.7));
  }
  Tensor classes = *Tensor::Zeros(I32({kBatch}));
  for (int64_t i = 0; i < kBatch; ++i) {
    StoreFromDouble(DType::kI32, classes.mutable_data(), i,
                    static_cast<double>(i % 10));
  }
  feeds = {{images, pixels}, {labels, classes}};
  return program;
}

double RelativeError(const ReferenceTensor& found,
                     const ReferenceTensor& expected) {
  double error = 0, norm = 0;
  for (size_t i = 0; i < expected.values.size(); ++i) {
    const double difference = found.values[i] - expected.values[i];
    error += difference * difference;
    norm += expected.values[i] * expected.values[i];
  }
  return std::sqrt(error / norm);
}

class DeepNetworkTest : public ::testing::TestWithParam<Network> {};

TEST_P(DeepNetworkTest, GradientsAgreeWithDouble) {
  std::vector<Feed> feeds;
  const absl::StatusOr<Program> program = MakeProgram(GetParam(), feeds);
  ASSERT_TRUE(program.ok()) << program.status();
  std::vector<ReferenceFeed> reference_feeds;
  for (const Feed& feed : feeds) {
    reference_feeds.push_back({feed.value, ToReference(feed.tensor)});
  }
  const absl::StatusOr<ReferenceResult> expected =
      RunReference(*program, reference_feeds, {.seed = kSeed});
  ASSERT_TRUE(expected.ok()) << expected.status();
  absl::StatusOr<Session> session =
      Session::Create(program->graph, {.seed = kSeed, .num_threads = 2});
  ASSERT_TRUE(session.ok()) << session.status();
  const absl::StatusOr<RunResult> result = session->Run(*program, feeds);
  ASSERT_TRUE(result.ok()) << result.status();
  for (size_t i = 0; i < program->fetches.size(); ++i) {
    EXPECT_LT(
        RelativeError(ToReference(result->values()[i]), expected->fetches[i]),
        GetParam().tolerance)
        << program->fetches[i].name;
  }
}

std::vector<Network> Networks() {
  const auto selu = [](const Value& x) { return Selu(x); };
  const auto relu = [](const Value& x) { return Relu(x); };
  std::vector<int64_t> hundred(100, 100);
  hundred[0] = 300;
  return {{"relu_300_100", {300, 100}, relu, 2e-6},
          {"selu_20x100", std::vector<int64_t>(20, 100), selu, 2e-5},
          {"selu_100", hundred, selu, 5e-4},
          {"relu_100", hundred, relu, 2e-5}};
}

INSTANTIATE_TEST_SUITE_P(All, DeepNetworkTest, ::testing::ValuesIn(Networks()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace evengrad
