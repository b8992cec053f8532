#include "evengrad/autodiff/gradients.h"

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "evengrad/graph/status.h"
#include "evengrad/graph/verifier.h"
#include "evengrad/ops/layers.h"
#include "evengrad/ops/losses.h"
#include "evengrad/ops/ops.h"
#include "evengrad/runtime/session.h"
#include "gtest/gtest.h"
#include "tests/autodiff/derivatives.h"

namespace evengrad {
namespace {

absl::StatusOr<Value> GradientOf(const Value& loss, const Value& wrt,
                                 const GradientOptions& options = {}) {
  EVENGRAD_ASSIGN_OR_RETURN(std::vector<Value> gradients,
                            Gradients(loss, std::vector<Value>{wrt}, options));
  return gradients[0];
}

std::string ErrorOf(const Value& loss, const std::vector<Value>& wrt,
                    const GradientOptions& options = {}) {
  return std::string(Message(Gradients(loss, wrt, options).status()));
}

// An op of one input with the given gradient.
OpDef TestOp(std::string_view name, GradientFunction gradient) {
  return {.name = name,
          .inputs = {"input"},
          .infer_type = SameAsInput,
          .gradient = std::move(gradient),
          .alias = true};
}

Value Apply(const OpDef& op, const Value& input, int line = 0) {
  return AddNode(op, {input}, {}, {.location = Line(line)}).output();
}

TEST(GradientsTest, OfAScalar) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F64({}));
  const Value y = Exp(Square(x));
  absl::StatusOr<Value> gradient = GradientOf(y, x);
  ASSERT_TRUE(gradient.ok()) << Message(gradient.status());
  EXPECT_EQ(gradient->type(), x.type());
  ExpectNear(Evaluate(*gradient, {FeedOf(x, {}, {0.7})}),
             {2 * 0.7 * std::exp(0.49)});
}

TEST(GradientsTest, OfThePartsOfANetwork) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F64({"batch", 3}));
  const Value w = Placeholder(graph, "w", F64({3, 2}));
  const Value b = Placeholder(graph, "b", F64({2}));
  const Value loss = ReduceMean(Square(Tanh(MatMul(x, w) + b) - 0.3 * b));
  const std::vector<Value> wrt = {x, w, b};
  absl::StatusOr<std::vector<Value>> gradients = Gradients(loss, wrt);
  ASSERT_TRUE(gradients.ok()) << Message(gradients.status());
  const std::vector<ReferenceFeed> feeds = {
      FeedOf(x, {4, 3},
             {0.1, -0.5, 0.9, 1.1, 0.3, -0.2, 0.6, -1.3, 0.2, 0.5, 0.4, -0.7}),
      FeedOf(w, {3, 2}, {0.3, -0.2, 0.8, 0.5, -0.6, 0.1}),
      FeedOf(b, {2}, {0.05, -0.4})};
  for (size_t i = 0; i < wrt.size(); ++i) {
    EXPECT_EQ((*gradients)[i].type(), wrt[i].type());
    ExpectNear(Evaluate((*gradients)[i], feeds),
               CentralDifferences(loss, feeds, i));
  }
}

// A value read often gets the sum of what its readers contribute.
TEST(GradientsTest, ContributionsAddUp) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F64({3}));
  const Value y = x * x * x + Exp(x) - x;
  absl::StatusOr<Value> gradient = GradientOf(ReduceSum(y), x);
  ASSERT_TRUE(gradient.ok()) << Message(gradient.status());
  Doubles expected;
  const Doubles at = {-0.5, 0.2, 1.5};
  for (double v : at) expected.push_back(3 * v * v + std::exp(v) - 1);
  ExpectNear(Evaluate(*gradient, {FeedOf(x, {3}, at)}), expected);
}

TEST(GradientsTest, OfGradients) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F64({"n"}));
  const Value w = Placeholder(graph, "w", F64({"n"}));
  const Value loss = ReduceSum(Tanh(x * w) * Exp(w));
  absl::StatusOr<Value> first = GradientOf(loss, w);
  ASSERT_TRUE(first.ok()) << Message(first.status());
  // The penalty of a gradient, as in gradient-penalty training.
  const Value penalty = ReduceSum(Square(*first));
  const std::vector<Value> wrt = {x, w};
  absl::StatusOr<std::vector<Value>> second = Gradients(penalty, wrt);
  ASSERT_TRUE(second.ok()) << Message(second.status());
  const std::vector<ReferenceFeed> feeds = {FeedOf(x, {3}, {0.4, -0.8, 1.2}),
                                            FeedOf(w, {3}, {0.3, 0.9, -0.5})};
  for (size_t i = 0; i < wrt.size(); ++i) {
    ExpectNear(Evaluate((*second)[i], feeds),
               CentralDifferences(penalty, feeds, i));
  }
  EXPECT_TRUE(VerifyGraph(graph).ok()) << Message(VerifyGraph(graph));
}

TEST(GradientsTest, OfTheLossItselfAndOfIntermediateValues) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F64({}));
  const Value middle = Square(x);
  const Value loss = Exp(middle);
  absl::StatusOr<std::vector<Value>> gradients =
      Gradients(loss, std::vector<Value>{loss, middle, x});
  ASSERT_TRUE(gradients.ok());
  const std::vector<ReferenceFeed> feeds = {FeedOf(x, {}, {0.5})};
  EXPECT_EQ(Evaluate((*gradients)[0], feeds), Doubles({1}));
  ExpectNear(Evaluate((*gradients)[1], feeds), {std::exp(0.25)});
  ExpectNear(Evaluate((*gradients)[2], feeds), {std::exp(0.25)});
}

TEST(GradientsTest, StartWithAGivenOutputGradient) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F64({"n"}));
  const Value seed = Placeholder(graph, "seed", F64({"n"}));
  const Value y = Square(x);
  absl::StatusOr<Value> gradient = GradientOf(y, x, {.output_gradient = seed});
  ASSERT_TRUE(gradient.ok()) << Message(gradient.status());
  ExpectNear(
      Evaluate(*gradient, {FeedOf(x, {2}, {3, 5}), FeedOf(seed, {2}, {1, 10})}),
      {6, 100});
  EXPECT_EQ(ErrorOf(y, {x}),
            "the loss 'square' has type f64[n], expected a scalar; reduce it "
            "(ReduceMean) or give GradientOptions::output_gradient");
  const Value wrong = Placeholder(graph, "wrong", F64({"m"}));
  EXPECT_EQ(ErrorOf(y, {x}, {.output_gradient = wrong}),
            "the loss 'square' has type f64[n], its output gradient has type "
            "f64[m]");
}

TEST(GradientsTest, NewNodesKnowTheirForwardNode) {
  Graph graph;
  Value x;
  Value weights;
  Value y;
  {
    const NameScope scope(graph, "hidden1");
    x = Placeholder(graph, "x", F32({}), Line(1));
    weights = Parameter(graph, "weights", Constant(graph, 1.0), Line(2));
    y = Multiply(Operand(x, Line(3)), weights);
  }
  const Value loss = Exp(y, Line(4));
  const int forward_nodes = graph.num_nodes();
  ASSERT_TRUE(GradientOf(loss, weights).ok());
  ASSERT_GT(graph.num_nodes(), forward_nodes);
  bool of_multiply = false;
  for (int id = forward_nodes; id < graph.num_nodes(); ++id) {
    const Node node = graph.node(id);
    ASSERT_GE(node.gradient_of(), 0) << node.name();
    ASSERT_LT(node.gradient_of(), forward_nodes);
    const Node forward = graph.node(node.gradient_of());
    EXPECT_TRUE(node.name().starts_with("gradient/" + forward.name() + "/"))
        << node.name() << " of " << forward.name();
    EXPECT_EQ(node.location().line, forward.location().line) << node.name();
    if (forward.id() == y.id().node) {
      of_multiply = true;
      EXPECT_EQ(LayerOf(node), "hidden1");
    }
  }
  EXPECT_TRUE(of_multiply);
}

TEST(GradientsTest, VisitsOnlyWhatLiesOnTheWay) {
  static int visits = 0;
  static const OpDef* const counted = new OpDef(TestOp(
      "counted", [](const Node&, std::span<const Value> output_gradients) {
        ++visits;
        return std::vector<Value>{output_gradients[0]};
      }));
  static const OpDef* const without = new OpDef(TestOp("without", {}));
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({}));
  const Value data = Placeholder(graph, "data", F32({}));
  const Value other = Placeholder(graph, "other", F32({}));
  const Value loss = Apply(*counted, x) * Apply(*without, data);
  Apply(*without, x);  // read by nothing
  ASSERT_TRUE(GradientOf(loss, x).ok());
  EXPECT_EQ(visits, 1);
  // Neither the way from `data` nor what only reads it needs a gradient.
  const Value sum = Apply(*counted, other) + x;
  ASSERT_TRUE(GradientOf(sum, x).ok());
  EXPECT_EQ(visits, 1);
}

TEST(GradientsTest, OneErrorListsAllOpsWithoutGradient) {
  static const OpDef* const round = new OpDef(TestOp("round", {}));
  static const OpDef* const sort = new OpDef(TestOp("sort", {}));
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({}));
  const Value a = Apply(*sort, Exp(Apply(*round, x, 11)), 12);
  const Value b = Apply(*round, x, 13);
  const int before = graph.num_nodes();
  EXPECT_EQ(ErrorOf(a + b, {x}),
            "no gradient is defined for round 'round_1' (model.cc:13), sort "
            "'sort' (model.cc:12), round 'round' (model.cc:11); give the op's "
            "OpDef a gradient, or put stop_gradient between it and the "
            "parameters");
  EXPECT_TRUE(graph.status().ok());
  EXPECT_GT(graph.num_nodes(), before);
}

TEST(GradientsTest, NothingIsWantedBehindStopGradient) {
  static const OpDef* const round = new OpDef(TestOp("round", {}));
  Graph graph;
  const Value x = Placeholder(graph, "x", F64({}));
  const Value loss = StopGradient(Apply(*round, x)) * x;
  absl::StatusOr<Value> gradient = GradientOf(loss, x);
  ASSERT_TRUE(gradient.ok()) << Message(gradient.status());
}

TEST(GradientsTest, UnreachedValuesAreAnErrorOrZero) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F64({}));
  const Value y = Placeholder(graph, "y", F64({"n", 2}));
  const Value z = Placeholder(graph, "z", F64({}));
  const Value loss = Square(x) + StopGradient(z);
  const Value later = Exp(z);
  EXPECT_EQ(ErrorOf(loss, {x, y, z, later}),
            "the loss 'add' does not depend on 'y', 'z', 'exp'; leave it out, "
            "or set GradientOptions::zeros_for_unreached");
  absl::StatusOr<std::vector<Value>> gradients =
      Gradients(loss, std::vector<Value>{x, y}, {.zeros_for_unreached = true});
  ASSERT_TRUE(gradients.ok()) << Message(gradients.status());
  EXPECT_EQ((*gradients)[1].type(), y.type());
  EXPECT_EQ(Evaluate((*gradients)[1], {FeedOf(y, {2, 2}, {1, 2, 3, 4})}),
            Doubles({0, 0, 0, 0}));
}

TEST(GradientsTest, WholeNumbersHaveNone) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F64({}));
  const Value n = Placeholder(graph, "n", I32({}));
  const Value by_cast = x * Cast(Cast(x, DType::kI32), DType::kF64);
  absl::StatusOr<Value> gradient = GradientOf(by_cast, x);
  ASSERT_TRUE(gradient.ok()) << Message(gradient.status());
  ExpectNear(Evaluate(*gradient, {FeedOf(x, {}, {2.5})}), {2});
  EXPECT_EQ(ErrorOf(x, {n}),
            "'n' has type i32[]; only floating values have gradients");
  EXPECT_EQ(ErrorOf(n, {x}),
            "the loss 'n' has type i32[]; only floating values have gradients");
}

TEST(GradientsTest, TypesOfGradientsAreChecked) {
  static const OpDef* const wrong_type = new OpDef(TestOp(
      "wrong_type", [](const Node& node, std::span<const Value> gradients) {
        return std::vector<Value>{BroadcastTo(gradients[0], {3, 2}) +
                                  0.0 * node.graph().node(0).output()};
      }));
  static const OpDef* const wrong_count = new OpDef(
      TestOp("wrong_count", [](const Node&, std::span<const Value> gradients) {
        return std::vector<Value>{gradients[0], gradients[0]};
      }));
  static const OpDef* const failing = new OpDef(
      TestOp("failing", [](const Node& node, std::span<const Value> gradients) {
        return std::vector<Value>{Reshape(gradients[0], {7}, node.location())};
      }));
  Graph graph;
  Placeholder(graph, "unused", F32({3, 2}));
  const Value x = Placeholder(graph, "x", F32({2}));
  EXPECT_EQ(ErrorOf(ReduceSum(Apply(*wrong_type, x, 8)), {x}),
            "model.cc:8: wrong_type: gradient of op 'wrong_type' has type "
            "f32[3,2] for input 'input' of type f32[2]");
  EXPECT_EQ(ErrorOf(ReduceSum(Apply(*wrong_count, x, 9)), {x}),
            "model.cc:9: wrong_count: gradient of op 'wrong_count' gives 2 "
            "value(s) for 1 input(s)");
  const std::string error = ErrorOf(ReduceSum(Apply(*failing, x, 10)), {x});
  EXPECT_TRUE(error.starts_with("model.cc:10: gradient/failing/reshape: "))
      << error;
}

TEST(GradientsTest, MistakesOfTheCallerAreNamed) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({}));
  const Value loss = Square(x);
  Graph other;
  const Value stranger = Placeholder(other, "stranger", F32({}));
  EXPECT_EQ(ErrorOf(Value(), {x}), "the loss is an empty value, made by no op");
  EXPECT_EQ(ErrorOf(loss, {stranger}),
            "'stranger' is a value of another graph, or was added after the "
            "program was made from it");
  EXPECT_FALSE(Gradients(loss, std::vector<Value>{Value()}).ok());
  const Value bad = MatMul(x, x, {}, Line(3));
  EXPECT_FALSE(bad.valid());
  EXPECT_EQ(ErrorOf(bad, {x}), Message(graph.status()));
}

// The model's own values are valid for a copy of its graph.
TEST(GradientsTest, ValuesOfTheOriginalServeForItsClone) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F64({}));
  const Value loss = Square(x);
  Graph copy = graph.Clone();
  absl::StatusOr<Value> gradient = GradientOf(*copy.Resolve(loss), x);
  ASSERT_TRUE(gradient.ok()) << Message(gradient.status());
  EXPECT_TRUE(copy.Owns(*gradient));
  EXPECT_EQ(graph.num_nodes(), 2);
  ExpectNear(Evaluate(*gradient, {FeedOf(x, {}, {3})}), {6});
}

TEST(GradientsTest, OfAnEmptyListAreEmpty) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({}));
  absl::StatusOr<std::vector<Value>> gradients = Gradients(Square(x), {});
  ASSERT_TRUE(gradients.ok());
  EXPECT_TRUE(gradients->empty());
}

// A classifier as users write it, against central differences.
TEST(GradientsTest, OfAClassifier) {
  Graph graph;
  const Value images = Placeholder(graph, "images", F64({"batch", 4}));
  const Value labels = Placeholder(graph, "labels", I32({"batch"}));
  const Value w1 = Placeholder(graph, "w1", F64({4, 3}));
  const Value w2 = Placeholder(graph, "w2", F64({3, 3}));
  const Value logits = MatMul(Selu(MatMul(images, w1)), w2);
  const Value loss = SparseSoftmaxCrossEntropy(logits, labels);
  const std::vector<Value> wrt = {w1, w2};
  absl::StatusOr<std::vector<Value>> gradients = Gradients(loss, wrt);
  ASSERT_TRUE(gradients.ok()) << Message(gradients.status());
  std::vector<ReferenceFeed> feeds = {
      FeedOf(w1, {4, 3},
             {0.3, -0.2, 0.8, 0.5, -0.6, 0.1, 0.9, -0.7, 0.2, 0.4, -0.3, 0.6}),
      FeedOf(w2, {3, 3}, {0.2, -0.5, 0.7, 0.1, 0.9, -0.4, -0.8, 0.3, 0.6}),
      FeedOf(images, {2, 4}, {0.5, -1.2, 0.3, 0.8, -0.4, 0.9, 1.1, -0.6}),
      FeedOf(labels, {2}, {2, 0})};
  for (size_t i = 0; i < wrt.size(); ++i) {
    ExpectNear(Evaluate((*gradients)[i], feeds),
               CentralDifferences(loss, feeds, i));
  }
}

// ---- Several losses ---------------------------------------------------------

TEST(GradientsTest, OfSeveralLossesAddUp) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F64({"n"}));
  const Value seed = Placeholder(graph, "seed", F64({"n"}));
  const Value first = ReduceSum(Exp(x));
  const Value second = Square(x);
  const Value third = ReduceSum(second * first);  // depends on both others
  const std::vector<Value> wrt = {x, second};
  absl::StatusOr<std::vector<Value>> gradients =
      Gradients(std::vector<Value>{third, first, second}, wrt,
                {.output_gradients = {Value(), Value(), seed}});
  ASSERT_TRUE(gradients.ok()) << Message(gradients.status());
  const std::vector<ReferenceFeed> feeds = {FeedOf(x, {2}, {0.3, -0.8}),
                                            FeedOf(seed, {2}, {1.5, -2})};
  const Value sum = third + first + ReduceSum(seed * second);
  ExpectNear(Evaluate((*gradients)[0], feeds),
             CentralDifferences(sum, feeds, 0));
  const double exps = std::exp(0.3) + std::exp(-0.8);
  ExpectNear(Evaluate((*gradients)[1], feeds), {exps + 1.5, exps - 2});
}

TEST(GradientsTest, ALossMayBeGivenTwice) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F64({}));
  const Value loss = Square(x);
  absl::StatusOr<std::vector<Value>> gradients =
      Gradients(std::vector<Value>{loss, loss}, std::vector<Value>{x});
  ASSERT_TRUE(gradients.ok()) << Message(gradients.status());
  ExpectNear(Evaluate((*gradients)[0], {FeedOf(x, {}, {3})}), {12});
}

TEST(GradientsTest, MistakesInSeveralLossesAreNamed) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F64({"n"}));
  const Value unused = Placeholder(graph, "unused", F64({}));
  const Value scalar = ReduceSum(x);
  auto error = [&](const std::vector<Value>& losses,
                   const GradientOptions& options = {}) {
    const std::vector<Value> wrt = {x, unused};
    return std::string(Message(Gradients(losses, wrt, options).status()));
  };
  EXPECT_EQ(error({}), "there is no loss");
  EXPECT_EQ(error({scalar, x}),
            "the loss 'x' has type f64[n], expected a scalar; reduce it "
            "(ReduceMean) or give GradientOptions::output_gradient");
  EXPECT_EQ(error({scalar, scalar}, {.output_gradient = unused}),
            "GradientOptions::output_gradient is for one loss, given 2; use "
            "output_gradients, one each");
  EXPECT_EQ(error({scalar, scalar}, {.output_gradients = {unused}}),
            "1 output gradients for 2 losses; give one each, Value() for ones");
  EXPECT_EQ(error({scalar, Exp(scalar)}),
            "none of the losses 'reduce_sum', 'exp' depends on 'unused'; leave "
            "it out, or set GradientOptions::zeros_for_unreached");
  Graph other;
  EXPECT_EQ(error({scalar, Placeholder(other, "stranger", F64({}))}),
            "'stranger' is a value of another graph, or was added after the "
            "program was made from it");
}

// ---- What is listed, and where nodes come from ------------------------------

// An op that hands nothing on, such as stop_gradient, ends the path: what lies
// before it needs no gradient.
TEST(GradientsTest, OnlyOpsOnThePathAreListed) {
  static const OpDef* const round = new OpDef(TestOp("round", {}));
  static const OpDef* const sort = new OpDef(TestOp("sort", {}));
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({}));
  const Value stopped = StopGradient(Apply(*round, x, 11));
  const Value loss = Apply(*sort, stopped * Exp(x), 12);
  EXPECT_EQ(ErrorOf(loss, {x}),
            "no gradient is defined for sort 'sort' (model.cc:12); give the "
            "op's OpDef a gradient, or put stop_gradient between it and the "
            "parameters");
}

TEST(GradientsTest, NodesOfALineNobodyKnowsHaveNone) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({"n"}), {});
  const Value unused = Placeholder(graph, "unused", F32({}), {});
  Value hidden = Silu(x, {});
  hidden = Softplus(LogSoftmax(hidden, -1, {}), 2.0, {});
  const Value loss = ReduceMean(hidden, {}, {});
  const int forward_nodes = graph.num_nodes();
  const std::vector<Value> wrt = {x, unused};
  absl::StatusOr<std::vector<Value>> gradients =
      Gradients(loss, wrt, {.zeros_for_unreached = true});
  ASSERT_TRUE(gradients.ok()) << Message(gradients.status());
  ASSERT_GT(graph.num_nodes(), forward_nodes + 5);
  for (int id = 0; id < graph.num_nodes(); ++id) {
    EXPECT_EQ(graph.node(id).location().ToString(), "")
        << graph.node(id).name();
  }
}

// ---- Ops that are defined by composition ------------------------------------

// x² · y, made of two products, whose gradient is (wrongly) 10 and 20: so that
// it shows which rule is used.
OpDef ComposedOp() {
  OpDef op = {
      .name = "composed", .inputs = {"x", "y"}, .infer_type = SameAsInput};
  op.gradient = [](const Node&, std::span<const Value> output_gradients) {
    return std::vector<Value>{10 * output_gradients[0],
                              20 * output_gradients[0]};
  };
  op.decompose = [](const Node& node) {
    return std::vector<Value>{node.input(0) * node.input(0) * node.input(1)};
  };
  return op;
}

TEST(GradientsTest, AComposedOpsOwnGradientCounts) {
  static const OpDef* const composed = new OpDef(ComposedOp());
  Graph graph;
  const Value x = Placeholder(graph, "x", F64({}));
  const Value y = Placeholder(graph, "y", F64({}));
  const Value loss = AddNode(*composed, {x, y}).output();
  const std::vector<Value> wrt = {x, y};
  absl::StatusOr<std::vector<Value>> gradients = Gradients(loss, wrt);
  ASSERT_TRUE(gradients.ok()) << Message(gradients.status());
  // Nothing has been taken apart yet.
  EXPECT_EQ(&loss.node().op(), composed);
  const std::vector<ReferenceFeed> feeds = {FeedOf(x, {}, {3}),
                                            FeedOf(y, {}, {5})};
  EXPECT_EQ(Evaluate((*gradients)[0], feeds), Doubles{10});
  EXPECT_EQ(Evaluate((*gradients)[1], feeds), Doubles{20});
  EXPECT_EQ(Evaluate(loss, feeds), Doubles{45});

  absl::StatusOr<Session> session = Session::Create(graph);
  ASSERT_TRUE(session.ok()) << Message(session.status());
  const absl::StatusOr<RunResult> result = session->Run(
      {loss, (*gradients)[0], (*gradients)[1]},
      {{x, *Tensor::Of<double>({}, {3})}, {y, *Tensor::Of<double>({}, {5})}});
  ASSERT_TRUE(result.ok()) << Message(result.status());
  EXPECT_EQ(*result->Scalar(loss), 45);
  EXPECT_EQ(*result->Scalar((*gradients)[0]), 10);
  EXPECT_EQ(*result->Scalar((*gradients)[1]), 20);
}

}  // namespace
}  // namespace evengrad
