// Gradients of networks of up to a hundred layers, held against the reference
// executor in double. Each gradient is compared as a whole: the norm of its
// error, relative to its own. SELU layers enlarge small differences between
// activations (their mean squared slope is 1.07), and with them rounding.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <ostream>
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
#include "evengrad/train/minimize.h"

namespace evengrad {
namespace {

using Activation = std::function<Value(const Value&)>;

constexpr int64_t kBatch = 8;
constexpr int64_t kInputs = 784;

struct Network {
  std::string name;
  std::vector<int64_t> hidden;
  Activation activation;
  double tolerance;
  // Steps over which an f32 and an f64 training can be compared: gradients of a
  // hundred SELU layers, whose norm is in the hundreds, part at once.
  uint64_t steps = 2;
  // With some seeds a number in the middle of a hundred layers lies so near to
  // 0, where the slope of SELU jumps, that rounding decides its side: of 80,000
  // numbers with f32 errors of 1e-5, about one in every second network. All
  // gradients before it are another by about 0.7 / sqrt(800), one slope of the
  // layer's 800; those behind it agree.
  uint64_t seed = 11;
};

void PrintTo(const Network& network, std::ostream* stream) {
  *stream << network.name;
}

// The network's loss in `graph`, and a batch to feed.
Value BuildLoss(const Graph& graph, const Network& network,
                std::vector<Feed>& feeds) {
  const Value images = Placeholder(graph, "images", F32({"batch", kInputs}));
  const Value labels = Placeholder(graph, "labels", I32({"batch"}));
  Value x = images;
  for (size_t i = 0; i < network.hidden.size(); ++i) {
    const NameScope layer(graph, StrCat("hidden", i + 1));
    x = network.activation(Dense(x, network.hidden[i]));
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
  return SparseSoftmaxCrossEntropy(Dense(x, 10, {.name = "logits"}), labels);
}

// Fetches the loss and the gradient of every parameter.
absl::StatusOr<Program> MakeGradients(const Network& network,
                                      std::vector<Feed>& feeds) {
  Program program;
  const Graph& graph = program.graph;
  const Value loss = BuildLoss(graph, network, feeds);
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
  return program;
}

std::vector<ReferenceFeed> ToReferenceFeeds(const std::vector<Feed>& feeds) {
  std::vector<ReferenceFeed> result;
  for (const Feed& feed : feeds) {
    result.push_back({feed.value, ToReference(feed.tensor)});
  }
  return result;
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
  const absl::StatusOr<Program> program = MakeGradients(GetParam(), feeds);
  ASSERT_TRUE(program.ok()) << program.status();
  const absl::StatusOr<ReferenceResult> expected = RunReference(
      *program, ToReferenceFeeds(feeds), {.seed = GetParam().seed});
  ASSERT_TRUE(expected.ok()) << expected.status();
  absl::StatusOr<Session> session = Session::Create(
      program->graph, {.seed = GetParam().seed, .num_threads = 2});
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

// Updates are written in place beside kernels that read the old parameters: all
// of them must have read before. A second step would see what the first
// spoiled.
TEST_P(DeepNetworkTest, UpdatesAgreeWithDouble) {
  Graph graph;
  std::vector<Feed> feeds;
  const Value loss = BuildLoss(graph, GetParam(), feeds);
  const absl::StatusOr<Program> program =
      Minimize(loss, Sgd{.learning_rate = 0.001, .momentum = 0.9});
  ASSERT_TRUE(program.ok()) << program.status();
  absl::StatusOr<Session> session =
      Session::Create(graph, {.seed = GetParam().seed, .num_threads = 2});
  ASSERT_TRUE(session.ok()) << session.status();
  ReferenceStates states;
  for (uint64_t step = 1; step <= GetParam().steps; ++step) {
    absl::StatusOr<ReferenceResult> expected =
        RunReference(*program, ToReferenceFeeds(feeds),
                     {.states = states, .seed = GetParam().seed, .step = step});
    ASSERT_TRUE(expected.ok()) << expected.status();
    states = std::move(expected->states);
    ASSERT_TRUE(session->Run(*program, feeds).ok());
  }
  for (const auto& [name, expected] : states) {
    const absl::StatusOr<Tensor> found = session->Read(name);
    ASSERT_TRUE(found.ok()) << found.status();
    // Momentum is the sum of two gradients: it shows each of them whole.
    EXPECT_LT(RelativeError(ToReference(*found), expected),
              4 * GetParam().tolerance)
        << name;
  }
}

std::vector<Network> Networks() {
  const auto selu = [](const Value& x) { return Selu(x); };
  const auto relu = [](const Value& x) { return Relu(x); };
  std::vector<int64_t> hundred(100, 100);
  hundred[0] = 300;
  return {{"relu_300_100", {300, 100}, relu, 2e-6},
          {"selu_20x100", std::vector<int64_t>(20, 100), selu, 2e-5},
          {"selu_100", hundred, selu, 5e-4, 1, 13},
          {"relu_100", hundred, relu, 2e-5}};
}

INSTANTIATE_TEST_SUITE_P(All, DeepNetworkTest, ::testing::ValuesIn(Networks()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace evengrad
