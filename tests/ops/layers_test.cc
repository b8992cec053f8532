// Layers: the nodes they add, what they compute, what they refuse.
#include "evengrad/ops/layers.h"

#include <gtest/gtest.h>

#include <string>

#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/verifier.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/ops.h"
#include "tests/ops/run_op.h"

namespace evengrad {
namespace {

using testing::Counting;
using testing::Evaluate;

const Dimension kUnknown = Dimension::Unknown();

TEST(LayersTest, DenseAddsNamedParameters) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({"batch", 784}));
  const Value y = Dense(x, 100, {.name = "logits"});
  ASSERT_TRUE(graph.status().ok()) << graph.status();
  EXPECT_EQ(y.type(), F32({"batch", 100}));
  const std::vector<Value> parameters = Parameters(graph);
  ASSERT_EQ(parameters.size(), 2u);
  EXPECT_EQ(parameters[0].name(), "logits/weights");
  EXPECT_EQ(parameters[0].type(), F32({784, 100}));
  EXPECT_EQ(parameters[1].name(), "logits/bias");
  EXPECT_EQ(parameters[1].type(), F32({100}));
  EXPECT_TRUE(graph.FindNode("logits/matmul").valid());
  EXPECT_EQ(LayerOf(y.node()), "logits");
  EXPECT_TRUE(VerifyGraph(graph).ok()) << VerifyGraph(graph);
}

TEST(LayersTest, DenseWithoutBiasInTheCurrentScope) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F64({2, 3}));
  NameScope scope(graph, "hidden1");
  const Value y =
      Dense(x, 4, {.bias = false, .initializer = ConstantInitializer(2)});
  ASSERT_TRUE(graph.status().ok()) << graph.status();
  ASSERT_EQ(Parameters(graph).size(), 1u);
  EXPECT_EQ(Parameters(graph)[0].name(), "hidden1/weights");
  EXPECT_EQ(y.name(), "hidden1/matmul");
  EXPECT_EQ(y.type(), F64({2, 4}));
}

TEST(LayersTest, DenseComputes) {
  for (const Shape& shape : {Shape({2, 3}), Shape({1, 2, 3})}) {
    Graph graph;
    const Value x = Placeholder(graph, "x", F32(shape));
    const Value y = Dense(x, 2);
    ASSERT_TRUE(graph.status().ok()) << graph.status();
    EXPECT_EQ(Evaluate(y, {{x, Counting(*shape.Sizes())},
                           {Parameters(graph)[0], Counting({3, 2})},
                           {Parameters(graph)[1], Counting({2})}})
                  ->values,
              std::vector<double>({23, 30, 50, 66}));
  }
}

TEST(LayersTest, DenseOverLeadingDimensions) {
  auto dense = [](const Shape& shape) {
    Graph graph;
    const Value y = Dense(Placeholder(graph, "x", F32(shape)), 5);
    EXPECT_TRUE(graph.status().ok()) << graph.status();
    EXPECT_EQ(Parameters(graph)[0].shape(), Shape({3, 5}));
    return y.valid() ? y.shape().ToString() : "";
  };
  EXPECT_EQ(dense({4, 2, 3}), "[4,2,5]");
  EXPECT_EQ(dense({"batch", 2, 3}), "[batch,2,5]");
  EXPECT_EQ(dense({"batch", "time", 3}), "[batch,time,5]");
  EXPECT_EQ(dense({kUnknown, 3}), "[?,5]");
  EXPECT_EQ(dense({"batch", kUnknown, 3}), "[batch,?,5]");
}

TEST(LayersTest, DenseErrorsNameTheCallersLine) {
  auto message = [](const TensorType& type, int64_t units,
                    std::string_view name = "") {
    Graph graph;
    const Value y = Dense(Placeholder(graph, "x", type), units, {.name = name},
                          Here("/home/me/model.cc", 27));
    EXPECT_FALSE(y.valid());
    EXPECT_TRUE(Parameters(graph).empty());
    return std::string(Message(graph.status()));
  };
  EXPECT_EQ(message(F32({2, 3}), 0, "logits"),
            "model.cc:27: logits: a dense layer has 0 units, expected at least "
            "1");
  EXPECT_EQ(message(F32({2, "features"}), 5),
            "model.cc:27: dense: the last dimension of f32[2,features] is the "
            "number of weights of a unit: it must be a positive integer, not "
            "features");
  EXPECT_EQ(message(F32({2, kUnknown}), 5),
            "model.cc:27: dense: the last dimension of f32[2,?] is the number "
            "of weights of a unit: it must be a positive integer, not ?");
  EXPECT_EQ(message(F32({3}), 5),
            "model.cc:27: dense: a dense layer takes an input of rank 2 or "
            "more, f32[3] has rank 1");
  EXPECT_EQ(message(I32({2, 3}), 5),
            "model.cc:27: dense: a dense layer takes f32, f64 or bf16, not "
            "i32[2,3]; cast it");
  EXPECT_EQ(message(F32({kUnknown, kUnknown, 3}), 5),
            "model.cc:27: dense: at most one dimension may be unknown, "
            "f32[?,?,3] has 2; name those of equal size");
}

TEST(LayersTest, DenseErrorsNameTheScope) {
  Graph graph;
  const NameScope model(graph, "model");
  const NameScope layer(graph, "hidden3");
  EXPECT_EQ(graph.scope(), "model/hidden3");
  Dense(Placeholder(graph, "x", F32({3})), 5, {}, Here("model.cc", 27));
  EXPECT_EQ(Message(graph.status()),
            "model.cc:27: model/hidden3/dense: a dense layer takes an input of "
            "rank 2 or more, f32[3] has rank 1");
  // Of parameters too.
  Graph other;
  const NameScope hidden(other, "hidden1");
  Dense(Placeholder(other, "x", F32({2, 3})), 5,
        {.name = "logits", .initializer = OrthogonalInitializer(-1)},
        Here("model.cc", 28));
  EXPECT_EQ(Message(other.status()),
            "model.cc:28: hidden1/logits/weights/initial: gain must be "
            "positive and finite, not -1");
  Graph third;
  const NameScope scope(third, "hidden1");
  Parameter(third, "w", Value(), Here("model.cc", 29));
  EXPECT_EQ(Message(third.status()),
            "model.cc:29: hidden1/w: the initial value is empty or comes from "
            "a failed call");
}

// A layer made by a caller whose line nobody knows shows no line of its own.
TEST(LayersTest, NoLineIsBetterThanOneOfTheLibrary) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({2, 3}), {});
  Dense(x, 4, {}, {});
  for (int id = 0; id < graph.num_nodes(); ++id) {
    EXPECT_EQ(graph.node(id).location().ToString(), "")
        << graph.node(id).name();
  }
}

TEST(LayersTest, NodesPointAtTheCallersLine) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({2, 3}));
  Dense(x, 4, {.name = "hidden1"}, Here("model.cc", 27));
  for (int id = 1; id < graph.num_nodes(); ++id) {
    EXPECT_EQ(graph.node(id).location().line, 27) << graph.node(id).name();
  }
}

TEST(LayersTest, AnErrorStaysTheFirst) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({2, 3}));
  const Value bad = Dense(x, -1);
  const std::string first(Message(graph.status()));
  EXPECT_FALSE(Dense(bad, 4).valid());
  EXPECT_EQ(Message(graph.status()), first);
  EXPECT_FALSE(Dense(Value(), 4).valid());
}

}  // namespace
}  // namespace evengrad
