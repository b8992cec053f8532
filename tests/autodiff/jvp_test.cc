// Jacobian-vector and Hessian-vector products, against difference quotients and
// against numbers worked out by hand.
#include "evengrad/autodiff/jvp.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "evengrad/autodiff/gradients.h"
#include "evengrad/autodiff/hessian_vector_product.h"
#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/verifier.h"
#include "evengrad/ops/losses.h"
#include "evengrad/ops/ops.h"
#include "evengrad/runtime/session.h"
#include "tests/autodiff/derivatives.h"

namespace evengrad {
namespace {

using Values = std::vector<Value>;

// A network of two layers, its inputs and directions.
struct Network {
  Graph graph;
  Value x = Placeholder(graph, "x", F64({"batch", 3}));
  Value w = Placeholder(graph, "w", F64({3, 2}));
  Value b = Placeholder(graph, "b", F64({2}));
  Value x_tangent = Placeholder(graph, "x_tangent", F64({"batch", 3}));
  Value w_tangent = Placeholder(graph, "w_tangent", F64({3, 2}));
  Value b_tangent = Placeholder(graph, "b_tangent", F64({2}));
  Value hidden = Tanh(MatMul(x, w) + b);
  Value norm = ReduceSum(Square(hidden) * Exp(hidden), {.axes = {1}});
  Values inputs = {x, w, b};
  Values tangents = {x_tangent, w_tangent, b_tangent};
  std::vector<ReferenceFeed> feeds = {
      FeedOf(x, {2, 3}, {0.1, -0.5, 0.9, 1.1, 0.3, -0.2}),
      FeedOf(w, {3, 2}, {0.3, -0.2, 0.8, 0.5, -0.6, 0.1}),
      FeedOf(b, {2}, {0.05, -0.4}),
      FeedOf(x_tangent, {2, 3}, {0.7, 0.2, -0.3, 0.5, -1.2, 0.4}),
      FeedOf(w_tangent, {3, 2}, {-0.1, 0.6, 0.3, -0.8, 1.5, 0.2}),
      FeedOf(b_tangent, {2}, {0.9, -0.5})};
};

// (f(inputs + h tangents) - f(inputs - h tangents)) / 2h; `feeds` has the
// inputs, then their directions.
Doubles DirectionalDifference(const Value& value,
                              std::vector<ReferenceFeed> feeds,
                              size_t num_inputs) {
  constexpr double kStep = 1e-6;
  auto moved = [&](double step) {
    std::vector<ReferenceFeed> at = feeds;
    for (size_t i = 0; i < num_inputs; ++i) {
      for (size_t k = 0; k < at[i].tensor.values.size(); ++k) {
        at[i].tensor.values[k] += step * feeds[num_inputs + i].tensor.values[k];
      }
    }
    return Evaluate(value, at);
  };
  const Doubles above = moved(kStep);
  Doubles result = moved(-kStep);
  for (size_t i = 0; i < result.size(); ++i) {
    result[i] = (above[i] - result[i]) / (2 * kStep);
  }
  return result;
}

TEST(JvpTest, AgreesWithDifferences) {
  Network net;
  const Values outputs = {net.hidden, net.norm};
  const absl::StatusOr<Values> products =
      Jvp(outputs, net.inputs, net.tangents);
  ASSERT_TRUE(products.ok()) << Message(products.status());
  for (size_t i = 0; i < outputs.size(); ++i) {
    EXPECT_EQ((*products)[i].type(), outputs[i].type());
    ExpectNear(Evaluate((*products)[i], net.feeds),
               DirectionalDifference(outputs[i], net.feeds, 3));
  }
  EXPECT_TRUE(VerifyGraph(net.graph).ok()) << VerifyGraph(net.graph);
}

TEST(JvpTest, IsTheTransposeOfTheGradient) {
  Network net;
  const Value seed = Placeholder(net.graph, "seed", net.hidden.type());
  const absl::StatusOr<Values> forward =
      Jvp(Values{net.hidden}, net.inputs, net.tangents);
  const absl::StatusOr<Values> backward =
      Gradients(net.hidden, net.inputs, {.output_gradient = seed});
  ASSERT_TRUE(forward.ok() && backward.ok());
  std::vector<ReferenceFeed> feeds = net.feeds;
  feeds.push_back(FeedOf(seed, {2, 2}, {0.4, -0.7, 1.3, 0.6}));
  Value there = ReduceSum((*forward)[0] * seed);
  Value back = ReduceSum((*backward)[0] * net.tangents[0]) +
               ReduceSum((*backward)[1] * net.tangents[1]) +
               ReduceSum((*backward)[2] * net.tangents[2]);
  EXPECT_NEAR(Evaluate(there, feeds)[0], Evaluate(back, feeds)[0], 1e-12);
}

TEST(JvpTest, OfAJvpIsASecondDerivative) {
  Network net;
  const absl::StatusOr<Values> first =
      Jvp(Values{net.norm}, net.inputs, net.tangents);
  ASSERT_TRUE(first.ok()) << Message(first.status());
  const absl::StatusOr<Values> second = Jvp(*first, net.inputs, net.tangents);
  ASSERT_TRUE(second.ok()) << Message(second.status());
  ExpectNear(Evaluate((*second)[0], net.feeds),
             DirectionalDifference((*first)[0], net.feeds, 3));
  // And its gradient a mixed one.
  const Value sum = ReduceSum((*first)[0]);
  const absl::StatusOr<Values> mixed = Gradients(sum, net.inputs);
  ASSERT_TRUE(mixed.ok()) << Message(mixed.status());
  for (size_t i = 0; i < net.inputs.size(); ++i) {
    ExpectNear(Evaluate((*mixed)[i], net.feeds),
               CentralDifferences(sum, net.feeds, i));
  }
}

// The dummy output gradients are read by nothing that is needed: what runs has
// no ones in it.
TEST(JvpTest, CompilesToTheForwardDerivativeAlone) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({8}));
  const Value tangent = Placeholder(graph, "tangent", F32({8}));
  const Value by_hand = tangent * Exp(x);
  const absl::StatusOr<Values> product =
      Jvp(Values{Exp(x)}, Values{x}, Values{tangent});
  ASSERT_TRUE(product.ok()) << Message(product.status());
  absl::StatusOr<Session> session = Session::Create(graph);
  ASSERT_TRUE(session.ok());
  const Tensor ones = *Tensor::Of<float>({8}, std::vector<float>(8, 1.0f));
  auto nodes = [&](const Value& value) {
    const absl::StatusOr<RunResult> result =
        session->Run({value}, {{x, ones}, {tangent, ones}});
    EXPECT_TRUE(result.ok()) << result.status();
    return session->last_compiled().num_nodes;
  };
  EXPECT_EQ(nodes((*product)[0]), nodes(by_hand));
}

TEST(JvpTest, OutputsThatDoNotDependHaveZeros) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F64({}));
  const Value y = Placeholder(graph, "y", F64({"n"}));
  const Value tangent = Placeholder(graph, "tangent", F64({}));
  const absl::StatusOr<Values> products =
      Jvp(Values{Square(y), Floor(x), Square(x)}, Values{x}, Values{tangent});
  ASSERT_TRUE(products.ok()) << Message(products.status());
  const std::vector<ReferenceFeed> feeds = {
      FeedOf(x, {}, {3}), FeedOf(y, {2}, {1, 2}), FeedOf(tangent, {}, {5})};
  EXPECT_EQ(Evaluate((*products)[0], feeds), Doubles({0, 0}));
  EXPECT_EQ(Evaluate((*products)[1], feeds), Doubles({0}));
  EXPECT_EQ(Evaluate((*products)[2], feeds), Doubles({30}));
  EXPECT_TRUE(Jvp({}, {}, {})->empty());
}

TEST(JvpTest, MistakesAreNamed) {
  static const OpDef* const round = new OpDef{.name = "round",
                                              .inputs = {"input"},
                                              .infer_type = SameAsInput,
                                              .alias = true};
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({4}));
  const Value n = Placeholder(graph, "n", I32({4}));
  const Value wide = Placeholder(graph, "wide", F32({4, 2}));
  auto error = [](const Values& outputs, const Values& inputs,
                  const Values& tangents) {
    return std::string(Message(Jvp(outputs, inputs, tangents).status()));
  };
  const Value y = Exp(x);
  EXPECT_EQ(error({y}, {x}, {}), "0 tangent(s) for 1 input(s); give one each");
  EXPECT_EQ(error({y}, {x}, {wide}),
            "tangent 0, 'wide', has type f32[4,2], expected f32[4] as input "
            "'x' has");
  EXPECT_EQ(error({y, n}, {x}, {x}),
            "output 1, 'n', has type i32[4]; only floating values have "
            "derivatives");
  EXPECT_EQ(error({y}, {Value()}, {x}).substr(0, 27),
            "input 0: the value is empty");
  EXPECT_EQ(error({Value()}, {x}, {x}),
            "output 0 is an empty value, made by no op");
  EXPECT_EQ(error({AddNode(*round, {x}, {}, {.location = Line(5)}).output()},
                  {x}, {x}),
            "no gradient is defined for round 'round' (model.cc:5); give the "
            "op's OpDef a gradient, or put stop_gradient between it and the "
            "parameters");
}

// ---- Hessians ---------------------------------------------------------------

TEST(HessianVectorProductTest, OfAQuadraticForm) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F64({2, 1}));
  const Value v = Placeholder(graph, "v", F64({2, 1}));
  const Value a = Constant(graph, *Tensor::Of<double>({2, 2}, {3, 1, -2, 5}));
  const Value loss =
      ReduceSum(MatMul(x, MatMul(a, x), {.transpose_input = true}));
  const absl::StatusOr<Values> product =
      HessianVectorProduct(loss, Values{x}, Values{v});
  ASSERT_TRUE(product.ok()) << Message(product.status());
  // (A + Aᵀ) v with A = [3 1; -2 5], v = (1, 10).
  ExpectNear(Evaluate((*product)[0],
                      {FeedOf(x, {2, 1}, {7, -3}), FeedOf(v, {2, 1}, {1, 10})}),
             {6 * 1 - 1 * 10, -1 * 1 + 10 * 10});
}

TEST(HessianVectorProductTest, AgreesWithDifferencesOfGradients) {
  Network net;
  const Value loss = ReduceSum(net.norm);
  const absl::StatusOr<Values> products =
      HessianVectorProduct(loss, net.inputs, net.tangents);
  ASSERT_TRUE(products.ok()) << Message(products.status());
  const absl::StatusOr<Values> gradients = Gradients(loss, net.inputs);
  ASSERT_TRUE(gradients.ok());
  for (size_t i = 0; i < net.inputs.size(); ++i) {
    EXPECT_EQ((*products)[i].type(), net.inputs[i].type());
    ExpectNear(Evaluate((*products)[i], net.feeds),
               DirectionalDifference((*gradients)[i], net.feeds, 3));
  }
}

TEST(HessianVectorProductTest, VectorsCountAsConstants) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F64({}));
  const Value loss = x * x * x;
  // The vector depends on x: H v = 6 x · x², without a derivative of x².
  const absl::StatusOr<Values> product =
      HessianVectorProduct(loss, Values{x}, Values{Square(x)});
  ASSERT_TRUE(product.ok()) << Message(product.status());
  ExpectNear(Evaluate((*product)[0], {FeedOf(x, {}, {2})}), {6 * 2 * 4});
}

TEST(HessianVectorProductTest, OfALinearLossIsZero) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F64({"n"}));
  const Value y = Placeholder(graph, "y", F64({"n"}));
  const absl::StatusOr<Values> product =
      HessianVectorProduct(ReduceSum(3.0 * x), Values{x}, Values{x});
  ASSERT_TRUE(product.ok()) << Message(product.status());
  EXPECT_EQ(Evaluate((*product)[0], {FeedOf(x, {2}, {1, 2})}), Doubles({0, 0}));
  const Values both = {x, y};
  EXPECT_EQ(
      Message(HessianVectorProduct(ReduceSum(Exp(x)), both, both).status()),
      "the loss 'reduce_sum_1' does not depend on 'y'; leave it out, or "
      "set GradientOptions::zeros_for_unreached");
  EXPECT_TRUE(HessianVectorProduct(ReduceSum(Exp(x)), both, both,
                                   {.zeros_for_unreached = true})
                  .ok());
  EXPECT_EQ(Message(HessianVectorProduct(ReduceSum(x), Values{x}, {}).status()),
            "0 vector(s) for 1 value(s); give one each");
}

// A classifier's largest eigenvalue by power iteration, as for the learning
// rate: against the trace of a Hessian that has rank one.
TEST(HessianVectorProductTest, RunsInASession) {
  Graph graph;
  const Value w = Placeholder(graph, "w", F32({3}));
  const Value v = Placeholder(graph, "v", F32({3}));
  const Value x = Constant(graph, *Tensor::Of<float>({3}, {1, 2, -2}));
  const Value loss = 0.5 * Square(ReduceSum(w * x));  // H = x xᵀ
  const absl::StatusOr<Values> product =
      HessianVectorProduct(loss, Values{w}, Values{v});
  ASSERT_TRUE(product.ok()) << Message(product.status());
  absl::StatusOr<Session> session = Session::Create(graph);
  ASSERT_TRUE(session.ok());
  Tensor direction = *Tensor::Of<float>({3}, {1, 0, 0});
  double eigenvalue = 0;
  for (int i = 0; i < 5; ++i) {
    const absl::StatusOr<RunResult> result =
        session->Run({(*product)[0]}, {{w, direction}, {v, direction}});
    ASSERT_TRUE(result.ok()) << result.status();
    const std::vector<double> moved = result->values()[0].ToDoubles();
    eigenvalue = std::hypot(moved[0], moved[1], moved[2]);
    for (int64_t k = 0; k < 3; ++k) {
      StoreFromDouble(DType::kF32, direction.mutable_data(), k,
                      moved[k] / eigenvalue);
    }
  }
  EXPECT_NEAR(eigenvalue, 9, 1e-5);
}

}  // namespace
}  // namespace evengrad
