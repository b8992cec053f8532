// Batch norm, layer norm and PReLU as layers: their states, and what they
// refuse. What the ops compute is in the table of op cases.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/graph/verifier.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/initializers.h"
#include "evengrad/ops/layers.h"
#include "evengrad/ops/ops.h"
#include "tests/ops/run_op.h"

namespace evengrad {
namespace {

using testing::Counting;
using testing::Evaluate;

std::vector<std::string> Names(const std::vector<Value>& values) {
  std::vector<std::string> names;
  for (const Value& value : values) {
    names.push_back(value.name() + " " + value.type().ToString());
  }
  return names;
}

TEST(NormalizationLayersTest, BatchNormHasParametersAndRunningStatistics) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({"batch", 3, 5, 5}));
  const Value y = BatchNorm(x, {.name = "norm"});
  ASSERT_TRUE(graph.status().ok()) << graph.status();
  EXPECT_EQ(y.type(), x.type());
  EXPECT_EQ(
      Names(Parameters(graph)),
      (std::vector<std::string>{"norm/scale f32[3]", "norm/shift f32[3]"}));
  ASSERT_EQ(States(graph).size(), 4u);
  for (const auto& [name, output] :
       {std::pair("norm/running_mean", 3), {"norm/running_variance", 4}}) {
    const Node state = graph.FindNode(name);
    ASSERT_TRUE(state.valid()) << name;
    EXPECT_EQ(state.training_update(), y.node().output(output));
  }
  EXPECT_EQ(Evaluate(graph.FindNode("norm/running_mean").initializer())->values,
            std::vector<double>({0, 0, 0}));
  EXPECT_EQ(
      Evaluate(graph.FindNode("norm/running_variance").initializer())->values,
      std::vector<double>({1, 1, 1}));
  EXPECT_EQ(LayerOf(y.node()), "norm");
  EXPECT_TRUE(VerifyGraph(graph).ok()) << VerifyGraph(graph);
}

TEST(NormalizationLayersTest, ScaleAndShiftAreOptional) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({"batch", 3}));
  BatchNorm(x, {.name = "norm", .scale = false, .shift = false});
  LayerNorm(x, {.name = "layer", .shift = false});
  ASSERT_TRUE(graph.status().ok()) << graph.status();
  EXPECT_EQ(Names(Parameters(graph)),
            std::vector<std::string>{"layer/scale f32[3]"});
}

TEST(NormalizationLayersTest, ConventionsOfPyTorchAndKeras) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({"batch", 7, 3}));
  const Node torch = BatchNorm(x, BatchNormOptions::PyTorch()).node();
  EXPECT_EQ(torch.attribute<int64_t>("axis"), 1);
  EXPECT_EQ(torch.attribute<double>("epsilon"), 1e-5);
  EXPECT_EQ(torch.attribute<double>("momentum"), 0.1);
  EXPECT_TRUE(torch.attribute<bool>("unbiased"));
  const Node keras = BatchNorm(x, BatchNormOptions::Keras()).node();
  EXPECT_EQ(keras.attribute<int64_t>("axis"), -1);
  EXPECT_EQ(keras.attribute<double>("epsilon"), 1e-3);
  EXPECT_EQ(keras.attribute<double>("momentum"), 0.01);
  EXPECT_FALSE(keras.attribute<bool>("unbiased"));
  EXPECT_EQ(keras.input(1).type(), F32({3}));
  ASSERT_TRUE(graph.status().ok()) << graph.status();
}

TEST(NormalizationLayersTest, NarrowInputsHaveWideStates) {
  Graph graph;
  const Value x = Placeholder(graph, "x", BF16({"batch", 4}));
  EXPECT_EQ(BatchNorm(x).type(), BF16({"batch", 4}));
  EXPECT_EQ(LayerNorm(x).type(), BF16({"batch", 4}));
  ASSERT_TRUE(graph.status().ok()) << graph.status();
  for (const Value& state : States(graph)) {
    EXPECT_EQ(state.type(), F32({4})) << state.name();
  }
}

TEST(NormalizationLayersTest, LayerNormOverSeveralAxes) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({"batch", 2, 3}));
  const Value y = LayerNorm(x, {.name = "norm", .num_axes = 2});
  ASSERT_TRUE(graph.status().ok()) << graph.status();
  EXPECT_EQ(y.type(), x.type());
  EXPECT_EQ(
      Names(Parameters(graph)),
      (std::vector<std::string>{"norm/scale f32[2,3]", "norm/shift f32[2,3]"}));
}

TEST(NormalizationLayersTest, PreluSlopes) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({"batch", 3, 4}));
  EXPECT_EQ(Prelu(x, {.name = "one"}).type(), x.type());
  EXPECT_EQ(
      Prelu(x, {.name = "each", .initial = 0, .per_channel = true}).type(),
      x.type());
  EXPECT_EQ(Prelu(x, {.name = "last", .per_channel = true, .axis = -1}).type(),
            x.type());
  ASSERT_TRUE(graph.status().ok()) << graph.status();
  EXPECT_EQ(Names(Parameters(graph)),
            (std::vector<std::string>{"one/slope f32[]", "each/slope f32[3]",
                                      "last/slope f32[4]"}));
  EXPECT_EQ(Evaluate(graph.FindNode("one/slope").initializer())->values,
            std::vector<double>{0.25});
}

// Channel 0 doubles what is negative, channel 1 triples it.
TEST(NormalizationLayersTest, PreluLinesUpWithItsAxis) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({1, 2, 2}));
  const Value y = Prelu(-x, {.per_channel = true});
  ASSERT_TRUE(graph.status().ok()) << graph.status();
  const Value slope = Parameters(graph)[0];
  const Node aligned = graph.FindNode("reshape");
  ASSERT_TRUE(aligned.valid());
  EXPECT_EQ(aligned.input(0), slope);
  const Tensor slopes = *Tensor::Of<float>({2, 1}, {2, 3});
  EXPECT_EQ(Evaluate(y, {{x, Counting({1, 2, 2})}, {aligned.output(), slopes}})
                ->values,
            std::vector<double>({-2, -4, -9, -12}));
}

// Norms and dropout keep the activation in sight of the layer's initializer.
TEST(NormalizationLayersTest, InitializersLookThroughNormsAndDropout) {
  auto chosen = [](Value (*behind)(const Value& x)) {
    Graph graph;
    const Value x = Placeholder(graph, "x", F32({"batch", 3}));
    behind(Dense(x, 4, {.name = "layer"}));
    EXPECT_TRUE(ResolveInitializers(graph).ok());
    return graph.FindNode("layer/weights").initializer().node().op().name;
  };
  EXPECT_EQ(chosen([](const Value& x) { return Tanh(BatchNorm(x)); }),
            "random_uniform");
  for (auto behind : {+[](const Value& x) { return Relu(BatchNorm(x)); },
                      +[](const Value& x) { return Selu(LayerNorm(x)); },
                      +[](const Value& x) { return Relu(Dropout(x)); },
                      +[](const Value& x) { return Selu(AlphaDropout(x)); },
                      +[](const Value& x) { return Prelu(x); },
                      +[](const Value& x) { return Rrelu(x); }}) {
    EXPECT_EQ(chosen(behind), "random_truncated_normal");
  }
}

template <typename Function>
std::string ErrorOf(const TensorType& type, Function add) {
  Graph graph;
  const Value x = Placeholder(graph, "x", type);
  EXPECT_FALSE(add(x, Here("/home/me/model.cc", 27)).valid());
  EXPECT_TRUE(Parameters(graph).empty());
  return std::string(Message(graph.status()));
}

TEST(NormalizationLayersTest, ErrorsNameTheCallersLine) {
  auto batch_norm = [](const Value& x, SourceLocation at) {
    return BatchNorm(x, {.name = "norm"}, at);
  };
  EXPECT_EQ(ErrorOf(I32({4, 3}), batch_norm),
            "model.cc:27: norm: batch norm takes f32, f64 or bf16, not "
            "i32[4,3]; cast it");
  EXPECT_EQ(ErrorOf(F32({4, "channels"}), batch_norm),
            "model.cc:27: norm: dimension 1 of f32[4,channels] is the number "
            "of parameters of batch norm: it must be a positive integer, not "
            "channels");
  EXPECT_EQ(ErrorOf(F32({4, 0}), batch_norm),
            "model.cc:27: norm: dimension 1 of f32[4,0] is the number of "
            "parameters of batch norm: it must be a positive integer, not 0");
  EXPECT_EQ(ErrorOf(F32({4}), batch_norm),
            "model.cc:27: norm: batch norm of f32[4]: axis 1 is out of range "
            "for rank 1");
  EXPECT_EQ(ErrorOf(F32({4, 3}),
                    [](const Value& x, SourceLocation at) {
                      return LayerNorm(x, {.num_axes = 3}, at);
                    }),
            "model.cc:27: layer_norm: layer norm over the last 3 axes of "
            "f32[4,3]; expected 1 to 2");
  EXPECT_EQ(ErrorOf(F32({4, 3}),
                    [](const Value& x, SourceLocation at) {
                      return Prelu(x, {.per_channel = true, .axis = 2}, at);
                    }),
            "model.cc:27: prelu: PReLU of f32[4,3]: axis 2 is out of range for "
            "rank 2");
}

TEST(NormalizationLayersTest, AnErrorStaysTheFirst) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({2, 3}));
  const Value bad = MatMul(x, x);
  const std::string first(Message(graph.status()));
  EXPECT_FALSE(BatchNorm(bad).valid());
  EXPECT_FALSE(LayerNorm(bad).valid());
  EXPECT_FALSE(Prelu(bad).valid());
  EXPECT_EQ(Message(graph.status()), first);
  EXPECT_FALSE(BatchNorm(Value()).valid());
}

}  // namespace
}  // namespace evengrad
