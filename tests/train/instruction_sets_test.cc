// Training gives the same bits on every instruction set that multiplies and
// adds in one rounding: AVX2 and AVX-512.
#include "tests/ops/instruction_sets.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "evengrad/evengrad.h"

namespace evengrad {
namespace {

constexpr int64_t kFeatures = 70;
constexpr int64_t kBatch = 37;
constexpr int64_t kClasses = 5;

using Activation = Value (*)(const Value&);

// A layer of each activation; products of all kinds of sizes, some in several
// parts.
struct Network {
  Graph graph;
  Value inputs = Placeholder(graph, "inputs", F32({kBatch, kFeatures}));
  Value labels = Placeholder(graph, "labels", I32({kBatch}));
  Value logits;
  Value loss;

  Network() {
    const std::vector<Activation> activations = {
        [](const Value& x) { return Selu(x); },
        [](const Value& x) { return Tanh(x); },
        [](const Value& x) { return Gelu(x); },
        [](const Value& x) { return Relu(BatchNorm(x)); },
        [](const Value& x) { return Softplus(x); },
        [](const Value& x) { return Sigmoid(x) * 4.0; },
        [](const Value& x) { return Elu(x) + Exp(-Square(x)); },
        [](const Value& x) { return Mish(x); },
        [](const Value& x) { return Log(Abs(x) + 1.0) + Erf(x); },
        [](const Value& x) { return Dropout(Silu(LayerNorm(x)), 0.1); }};
    Value x = inputs;
    int64_t units = 270;
    for (const Activation activation : activations) {
      x = activation(Dense(x, units, {.name = StrCat("units", units)}));
      units -= 23;
    }
    // Products of many matrices at once.
    const Value parts = Reshape(x, {kBatch, 3, 21});
    const Value mixed = MatMul(parts, Transpose(parts, {0, 2, 1}));
    x = Reshape(mixed, {kBatch, 9}) * 0.1;
    logits = Dense(x, kClasses, {.name = "logits"});
    loss = SparseSoftmaxCrossEntropy(logits, labels);
  }
};

struct Run {
  Optimizer optimizer = Sgd{.learning_rate = 0.05, .momentum = 0.9};
  bool fuse = true;
  bool lsuv = false;
};

// Losses of ten steps, then all states.
absl::StatusOr<std::vector<Tensor>> Train(int64_t set, const Run& run) {
  const UseInstructionSet use_set(set);
  const Network network;
  std::vector<float> inputs;
  std::vector<int32_t> labels;
  for (int64_t i = 0; i < kBatch * kFeatures; ++i) {
    inputs.push_back(static_cast<float>(i * 7919 % 1013) / 500.0f - 1.0f);
  }
  for (int64_t i = 0; i < kBatch; ++i) {
    labels.push_back(static_cast<int32_t>(i * i % kClasses));
  }
  EVENGRAD_ASSIGN_OR_RETURN(const Tensor fed,
                            Tensor::Of<float>({kBatch, kFeatures}, inputs));
  EVENGRAD_ASSIGN_OR_RETURN(const Tensor classes,
                            Tensor::Of<int32_t>({kBatch}, labels));
  EVENGRAD_ASSIGN_OR_RETURN(const Program training,
                            Minimize(network.loss, run.optimizer,
                                     {.hooks = {ClipByGlobalNorm(0.5)}}));
  EVENGRAD_ASSIGN_OR_RETURN(
      Session session,
      Session::Create(network.graph,
                      {.seed = 3, .num_threads = 2, .fuse = run.fuse}));
  if (run.lsuv) {
    EVENGRAD_RETURN_IF_ERROR(
        InitializeLsuv(session, network.logits, {{network.inputs, fed}})
            .status());
  }
  std::vector<Tensor> trace;
  for (int step = 0; step < 10; ++step) {
    EVENGRAD_ASSIGN_OR_RETURN(
        const RunResult result,
        session.Run(training,
                    {{network.inputs, fed}, {network.labels, classes}}));
    EVENGRAD_ASSIGN_OR_RETURN(const Tensor loss, result.Get("loss"));
    EVENGRAD_ASSIGN_OR_RETURN(Tensor copy, loss.Clone());
    trace.push_back(std::move(copy));
  }
  for (const Value& parameter : Parameters(network.graph)) {
    EVENGRAD_ASSIGN_OR_RETURN(Tensor value, session.Read(parameter));
    trace.push_back(std::move(value));
  }
  return trace;
}

void ExpectSameBits(const Run& run) {
  const std::vector<int64_t> sets = FusedInstructionSets();
  if (sets.size() < 2) GTEST_SKIP() << "this CPU has one such set";
  const absl::StatusOr<std::vector<Tensor>> first = Train(sets[0], run);
  ASSERT_TRUE(first.ok()) << first.status();
  for (size_t i = 1; i < sets.size(); ++i) {
    const absl::StatusOr<std::vector<Tensor>> other = Train(sets[i], run);
    ASSERT_TRUE(other.ok()) << other.status();
    ASSERT_EQ(first->size(), other->size());
    for (size_t t = 0; t < first->size(); ++t) {
      EXPECT_EQ((*first)[t], (*other)[t])
          << hwy::TargetName(sets[0]) << " and " << hwy::TargetName(sets[i])
          << ": " << t;
    }
  }
}

TEST(InstructionSetsTest, ChangeNoBitOfMomentum) { ExpectSameBits({}); }

TEST(InstructionSetsTest, ChangeNoBitOfAdam) {
  ExpectSameBits({.optimizer = Adam{.learning_rate = 0.01}});
}

TEST(InstructionSetsTest, ChangeNoBitWithoutFusion) {
  ExpectSameBits({.fuse = false});
}

TEST(InstructionSetsTest, ChangeNoBitAfterLsuv) {
  ExpectSameBits({.lsuv = true});
}

}  // namespace
}  // namespace evengrad
