// Initializers: fans, variances, names, and the automatic choice.
#include "evengrad/ops/initializers.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/verifier.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/layers.h"
#include "evengrad/ops/ops.h"
#include "tests/ops/run_op.h"

namespace evengrad {
namespace {

using testing::Evaluate;
using testing::RunKernel;

TEST(InitializersTest, Fans) {
  const Fans matrix = *ComputeFans({784, 100});
  EXPECT_EQ(matrix.in, 784);
  EXPECT_EQ(matrix.out, 100);
  const Fans kernel = *ComputeFans({64, 16, 3, 5});
  EXPECT_EQ(kernel.in, 16 * 15);
  EXPECT_EQ(kernel.out, 64 * 15);
}

TEST(InitializersTest, FanErrors) {
  auto message = [](const Shape& shape) {
    return std::string(Message(ComputeFans(shape).status()));
  };
  EXPECT_EQ(message({100}),
            "a weight of shape [100] has no fan-in and fan-out: expected two "
            "dimensions or more; give a constant initializer or one of your "
            "own");
  EXPECT_EQ(message({0, 3}),
            "a weight of shape [0,3] has a fan-in of 0 and a fan-out of 3; "
            "both must be positive");
  EXPECT_EQ(message({"n", 3}), "dimension n of [n,3] has no size yet");
}

double VarianceOf(const Initializer& initializer, const Shape& shape) {
  Graph graph;
  const Value value = AddInitializer(graph, initializer, F32(shape));
  const std::vector<double> values = *RunKernel(value, {}, {.seed = 3});
  double sum = 0;
  double squares = 0;
  for (double x : values) {
    sum += x;
    squares += x * x;
  }
  const double count = static_cast<double>(values.size());
  EXPECT_NEAR(sum / count, 0, 0.02 * std::sqrt(squares / count));
  return squares / count;
}

TEST(InitializersTest, Variances) {
  const Shape shape = {300, 500};
  const double in = 300;
  const double average = 400;
  auto expect = [&](const Initializer& initializer, double variance) {
    EXPECT_NEAR(VarianceOf(initializer, shape) / variance, 1, 0.02);
  };
  expect(GlorotNormal(), 1 / average);
  expect(GlorotUniform(), 1 / average);
  expect(HeNormal(), 2 / in);
  expect(HeUniform(), 2 / in);
  expect(LeCunNormal(), 1 / in);
  expect(LeCunUniform(), 1 / in);
  expect(VarianceScaling(3, Fan::kOut, Distribution::kNormal), 3.0 / 500);
  EXPECT_NEAR(VarianceOf(HeNormal(), {500, 30, 3, 3}) * 270 / 2, 1, 0.02);
}

TEST(InitializersTest, NodesOfARecipe) {
  Graph graph;
  const Value normal =
      AddInitializer(graph, LeCunNormal(), F32({16, 3}), "w/initial");
  EXPECT_EQ(normal.name(), "w/initial/random_truncated_normal");
  EXPECT_DOUBLE_EQ(normal.node().attribute<double>("deviation"),
                   0.25 / 0.87962566103423978);
  const Value uniform =
      AddInitializer(graph, HeUniform(), F64({6, 3}), "u/initial");
  EXPECT_EQ(uniform.name(), "u/initial/random_uniform");
  EXPECT_DOUBLE_EQ(uniform.node().attribute<double>("low"), -1);
  EXPECT_DOUBLE_EQ(uniform.node().attribute<double>("high"), 1);
  const Value tenth =
      AddInitializer(graph, ConstantInitializer(0.5), F32({2, 2}));
  EXPECT_EQ(Evaluate(tenth)->values, std::vector<double>(4, 0.5));
  const Value scalar = AddInitializer(graph, Zeros(), I64({}), "step");
  EXPECT_EQ(Evaluate(scalar)->values, std::vector<double>{0});
  EXPECT_EQ(scalar.type(), I64({}));
  EXPECT_TRUE(VerifyGraph(graph).ok()) << VerifyGraph(graph);
}

TEST(InitializersTest, Errors) {
  auto message = [](const Initializer& initializer, const TensorType& type) {
    Graph graph;
    AddInitializer(graph, initializer, type, "w", Here("/home/me/model.cc", 7));
    return std::string(Message(graph.status()));
  };
  EXPECT_EQ(message(HeNormal(), F32({3})).substr(0, 40),
            "model.cc:7: w: a weight of shape [3] has");
  EXPECT_EQ(message(AutoInitializer(), F32({3})).substr(0, 40),
            "model.cc:7: w/auto_initializer: a weight");
  EXPECT_EQ(message(HeNormal(), I32({3, 3})),
            "model.cc:7: w: random weights are f32, f64 or bf16, not i32");
  EXPECT_EQ(message(VarianceScaling(-1, Fan::kIn, Distribution::kNormal),
                    F32({3, 3})),
            "model.cc:7: w: scale of the variance must be positive and finite, "
            "not -1");
  EXPECT_EQ(message(ConstantInitializer(NAN), F32({3})),
            "model.cc:7: w: the initial value nan is not finite");
}

TEST(InitializersTest, ByName) {
  EXPECT_EQ(*InitializerByName("he_normal"), HeNormal());
  EXPECT_EQ(*InitializerByName("auto"), AutoInitializer());
  EXPECT_EQ(Message(InitializerByName("he_norml").status()),
            "unknown initializer 'he_norml'; did you mean 'he_normal'?");
  EXPECT_EQ(Message(InitializerByName("kaiming").status()).substr(0, 72),
            "unknown initializer 'kaiming'; there are auto, zeros, constant, "
            "uniform,");
}

// ---- The automatic choice ---------------------------------------------------

// "random_uniform 1/fan": op and variance * 64 of the weights, all layers being
// 64 wide.
std::string Chosen(Graph graph, std::string_view name = "weights") {
  const absl::Status status = ResolveInitializers(graph);
  if (!status.ok()) return std::string(Message(status));
  const Node node = graph.FindNode(name).initializer().node();
  if (&node.op() == &RandomUniformOp()) {
    const double limit = node.attribute<double>("high");
    return StrCat("uniform ", std::round(limit * limit / 3 * 6400) / 100);
  }
  const double deviation =
      node.attribute<double>("deviation") * 0.87962566103423978;
  return StrCat("normal ", std::round(deviation * deviation * 6400) / 100);
}

constexpr char kGlorot[] = "uniform 1";
constexpr char kHe[] = "normal 2";
constexpr char kLeCun[] = "normal 1";

struct Model {
  Graph graph;
  Value input = Placeholder(graph, "x", F32({"batch", 64}));
};

TEST(InitializersTest, FollowsTheActivation) {
  auto chosen = [](Value (*activation)(const Value&)) {
    Model model;
    activation(Dense(model.input, 64));
    EXPECT_TRUE(model.graph.status().ok()) << model.graph.status();
    return Chosen(model.graph);
  };
  EXPECT_EQ(chosen([](const Value& x) { return Relu(x); }), kHe);
  EXPECT_EQ(chosen([](const Value& x) { return LeakyRelu(x, 0.3); }), kHe);
  EXPECT_EQ(chosen([](const Value& x) { return Elu(x); }), kHe);
  EXPECT_EQ(chosen([](const Value& x) { return Selu(x); }), kLeCun);
  EXPECT_EQ(chosen([](const Value& x) { return Tanh(x); }), kGlorot);
  EXPECT_EQ(chosen([](const Value& x) { return Sigmoid(x); }), kGlorot);
  EXPECT_EQ(chosen([](const Value& x) { return x; }), kGlorot);
}

TEST(InitializersTest, GoesThroughWhatPassesTheRoleOn) {
  Model reshaped;
  Relu(Transpose(Reshape(Dense(reshaped.input, 64), {"batch", 8, 8})));
  EXPECT_EQ(Chosen(reshaped.graph), kHe);
  Model residual;
  Selu(residual.input + Dense(residual.input, 64));
  EXPECT_EQ(Chosen(residual.graph), kLeCun);
  Model tied;
  const Value weights =
      Parameter(tied.graph, "weights",
                AddInitializer(tied.graph, AutoInitializer(), F32({64, 64})));
  Relu(MatMul(tied.input, Transpose(weights)));
  EXPECT_EQ(Chosen(tied.graph), kHe);
}

TEST(InitializersTest, StopsAtTheNextLayerAndAtForks) {
  Model stacked;
  const Value first = Dense(stacked.input, 64, {.name = "first"});
  Relu(Dense(first, 64, {.name = "second"}));
  EXPECT_EQ(Chosen(stacked.graph, "first/weights"), kGlorot);
  EXPECT_EQ(Chosen(stacked.graph, "second/weights"), kHe);
  Model forked;
  const Value hidden = Dense(forked.input, 64);
  Relu(hidden);
  Tanh(hidden);
  EXPECT_EQ(Chosen(forked.graph), kGlorot);
}

TEST(InitializersTest, PenaltiesAndGradientsChangeNothing) {
  Model model;
  Relu(Dense(model.input, 64));
  const Value weights = model.graph.FindNode("weights").output();
  ReduceSum(Square(weights));
  SizeOf(model.graph.FindNode("matmul").output());
  {
    GradientScope gradient(model.graph, 0);
    Square(model.graph.FindNode("matmul").output());
  }
  EXPECT_EQ(Chosen(model.graph), kHe);
}

TEST(InitializersTest, UsesOfSharedWeightsMustAgree) {
  Model model;
  const Value weights =
      Parameter(model.graph, "weights",
                AddInitializer(model.graph, AutoInitializer(), F32({64, 64})));
  const Value hidden = Relu(MatMul(model.input, weights));
  Graph agreed = model.graph.Clone();
  Relu(MatMul(*agreed.Resolve(hidden), *agreed.Resolve(weights)));
  EXPECT_EQ(Chosen(agreed), kHe);
  Selu(MatMul(hidden, weights));
  EXPECT_EQ(Chosen(model.graph), kGlorot);
}

TEST(InitializersTest, ResolvedNodesAreNamedAfterTheParameter) {
  Model model;
  {
    NameScope scope(model.graph, "hidden1");
    Selu(Dense(model.input, 64));
  }
  Graph resolved = model.graph.Clone();
  ASSERT_TRUE(ResolveInitializers(resolved).ok());
  const Value initial = resolved.FindNode("hidden1/weights").initializer();
  EXPECT_EQ(initial.name(), "hidden1/weights/initial/random_truncated_normal");
  EXPECT_TRUE(VerifyGraph(resolved).ok()) << VerifyGraph(resolved);
  const int num_nodes = resolved.num_nodes();
  ASSERT_TRUE(ResolveInitializers(resolved).ok());
  EXPECT_EQ(resolved.num_nodes(), num_nodes);

  // The same numbers as when the user asks for the initializer by name.
  Model by_hand;
  {
    NameScope scope(by_hand.graph, "hidden1");
    Selu(Dense(by_hand.input, 64, {.initializer = LeCunNormal()}));
  }
  const Node same = by_hand.graph.FindNode("hidden1/weights");
  EXPECT_EQ(same.initializer().node().attributes(),
            initial.node().attributes());
}

TEST(InitializersTest, UnresolvedIsGlorotUniform) {
  Graph graph;
  const Value automatic = AddInitializer(graph, AutoInitializer(),
                                         F32({64, 64}), "hidden1/initial");
  const std::vector<Value> parts =
      automatic.node().op().decompose(automatic.node());
  ASSERT_EQ(parts.size(), 1u);
  EXPECT_EQ(&parts[0].node().op(), &RandomUniformOp());
  EXPECT_EQ(parts[0].type(), automatic.type());
}

}  // namespace
}  // namespace evengrad
