// Functions whose gradient the caller gives.
#include "evengrad/ops/custom_gradient.h"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include "evengrad/autodiff/gradients.h"
#include "evengrad/graph/source_ops.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/initializers.h"
#include "evengrad/ops/layers.h"
#include "evengrad/ops/losses.h"
#include "evengrad/ops/ops.h"
#include "evengrad/runtime/session.h"
#include "evengrad/train/minimize.h"
#include "tests/autodiff/derivatives.h"

namespace evengrad {
namespace {

std::vector<Value> GradientsOf(const Value& loss, const std::vector<Value>& wrt,
                               const GradientOptions& options = {}) {
  absl::StatusOr<std::vector<Value>> gradients = Gradients(loss, wrt, options);
  EXPECT_TRUE(gradients.ok()) << Message(gradients.status());
  return gradients.ok() ? *gradients : std::vector<Value>(wrt.size());
}

Value PassThrough(const CustomGradientCall& call) {
  return call.output_gradients[0];
}

// floor(x + 1/2), whose gradient is 0, with the gradient of x.
Value RoundStraightThrough(const Value& x, SourceLocation location = Here()) {
  return CustomGradient(
      x, [](const Value& input) { return Floor(input + 0.5); }, PassThrough, {},
      location);
}

TEST(CustomGradientTest, StraightThroughEstimator) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F64({"n"}));
  const Value y = RoundStraightThrough(x, Line(7));
  EXPECT_EQ(y.type(), x.type());
  EXPECT_EQ(y.node().location().line, 7);
  const Value gradient = GradientsOf(ReduceSum(Square(y)), {x})[0];
  const std::vector<ReferenceFeed> feeds = {FeedOf(x, {3}, {0.4, 1.6, -2.2})};
  EXPECT_EQ(Evaluate(y, feeds), Doubles({0, 2, -2}));
  EXPECT_EQ(Evaluate(gradient, feeds), Doubles({0, 4, -4}));
}

TEST(CustomGradientTest, TheFunctionMayHaveOpsWithoutGradient) {
  static const OpDef* const mystery = new OpDef{.name = "mystery",
                                                .inputs = {"input"},
                                                .infer_type = SameAsInput,
                                                .alias = true};
  Graph graph;
  const Value x = Placeholder(graph, "x", F64({}));
  const Value y = CustomGradient(
      x, [](const Value& input) { return AddNode(*mystery, {input}).output(); },
      PassThrough);
  EXPECT_EQ(Evaluate(GradientsOf(3.0 * y, {x})[0], {FeedOf(x, {}, {5})}),
            Doubles{3});
}

// log(1 + e^x) in the form that overflows, and its derivative in the form that
// does not.
Value LogOnePlusExp(const Value& x) {
  return CustomGradient(
      x, [](const Value& input) { return Log(1.0 + Exp(input)); },
      [](const CustomGradientCall& call) {
        return call.output_gradients[0] * Sigmoid(call.inputs[0]);
      });
}

TEST(CustomGradientTest, SecondDerivativesAreThoseOfTheGivenGradient) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F64({"n"}));
  const Value loss = ReduceSum(Square(LogOnePlusExp(x)));
  const Value first = GradientsOf(loss, {x})[0];
  const Value penalty = ReduceSum(Square(first));
  const Value second = GradientsOf(penalty, {x})[0];
  const std::vector<ReferenceFeed> feeds = {FeedOf(x, {3}, {0.3, -1.1, 2.0})};
  ExpectNear(Evaluate(first, feeds), CentralDifferences(loss, feeds, 0));
  ExpectNear(Evaluate(second, feeds), CentralDifferences(penalty, feeds, 0));
  // Where e^x overflows, the given form still holds.
  EXPECT_EQ(Evaluate(GradientsOf(ReduceSum(LogOnePlusExp(x)), {x})[0],
                     {FeedOf(x, {1}, {1000})}),
            Doubles{1});
}

// (a b, a + b) with gradients that tell which argument is which.
Node TwoOfTwo(const Value& a, const Value& b) {
  return CustomGradient(
      {a, b},
      [](std::span<const Value> in) {
        return std::vector<Value>{in[0] * in[1], in[0] + in[1]};
      },
      [](const CustomGradientCall& call) {
        const Value& product = call.outputs[0];
        const Value& sum = call.outputs[1];
        return std::vector<Value>{
            call.output_gradients[0] * product + call.inputs[0],
            call.output_gradients[1] * sum + call.inputs[1]};
      });
}

TEST(CustomGradientTest, SeveralInputsAndOutputs) {
  Graph graph;
  const Value a = Placeholder(graph, "a", F64({}));
  const Value b = Placeholder(graph, "b", F64({}));
  const Node node = TwoOfTwo(a, b);
  ASSERT_TRUE(graph.status().ok()) << graph.status();
  ASSERT_EQ(node.num_outputs(), 2);
  const std::vector<Value> gradients =
      GradientsOf(10.0 * node.output(0) + 100.0 * node.output(1), {a, b});
  const std::vector<ReferenceFeed> feeds = {FeedOf(a, {}, {3}),
                                            FeedOf(b, {}, {4})};
  EXPECT_EQ(Evaluate(node.output(0), feeds), Doubles{12});
  EXPECT_EQ(Evaluate(node.output(1), feeds), Doubles{7});
  EXPECT_EQ(Evaluate(gradients[0], feeds), Doubles{10 * 12 + 3});
  EXPECT_EQ(Evaluate(gradients[1], feeds), Doubles{100 * 7 + 4});
}

TEST(CustomGradientTest, AnOutputThatIsNotReachedHasAGradientOfZero) {
  Graph graph;
  const Value a = Placeholder(graph, "a", F64({"n"}));
  const Value b = Placeholder(graph, "b", F64({"n"}));
  const Node node = TwoOfTwo(a, b);
  const std::vector<Value> gradients =
      GradientsOf(ReduceSum(node.output(1)), {a, b});
  const std::vector<ReferenceFeed> feeds = {FeedOf(a, {2}, {3, 1}),
                                            FeedOf(b, {2}, {4, 2})};
  EXPECT_EQ(Evaluate(gradients[0], feeds), Doubles({3, 1}));
  EXPECT_EQ(Evaluate(gradients[1], feeds), Doubles({7 + 4, 3 + 2}));
}

TEST(CustomGradientTest, VanishesWhenCompiled) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({4}));
  const Value y = RoundStraightThrough(x);
  const Value plain = Floor(x + 0.5);
  absl::StatusOr<Session> session = Session::Create(graph);
  ASSERT_TRUE(session.ok()) << session.status();
  const Tensor fed = *Tensor::Of<float>({4}, {0.4f, 1.6f, -2.2f, 7});
  const absl::StatusOr<RunResult> result = session->Run({y}, {{x, fed}});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->values()[0], *Tensor::Of<float>({4}, {0, 2, -2, 7}));
  const int kernels = session->last_compiled().num_kernels;
  const int nodes = session->last_compiled().num_nodes;
  ASSERT_TRUE(session->Run({plain}, {{x, fed}}).ok());
  EXPECT_EQ(session->last_compiled().num_kernels, kernels);
  EXPECT_EQ(session->last_compiled().num_nodes, nodes);
}

// Minimize differentiates a copy of the graph; the program is compiled from
// another one.
TEST(CustomGradientTest, TrainsInACopyOfTheGraph) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({"batch", 3}));
  const Value hidden = Dense(x, 2, {.name = "hidden"});
  // The gradient is -1 everywhere: every step adds the rate times the inputs.
  const Value loss = ReduceSum(CustomGradient(
      hidden, [](const Value& input) { return Relu(input); },
      [](const CustomGradientCall& call) {
        return Negate(call.output_gradients[0]);
      }));
  absl::StatusOr<Program> program = Minimize(loss, Sgd{.learning_rate = 0.5});
  ASSERT_TRUE(program.ok()) << program.status();
  absl::StatusOr<Session> session = Session::Create(graph, {.seed = 1});
  ASSERT_TRUE(session.ok()) << session.status();
  const std::vector<double> before =
      session->Read("hidden/weights")->ToDoubles();
  const absl::StatusOr<RunResult> step =
      session->Run(*program, {{x, *Tensor::Of<float>({1, 3}, {1, 2, 4})}});
  ASSERT_TRUE(step.ok()) << step.status();
  const std::vector<double> after =
      session->Read("hidden/weights")->ToDoubles();
  const std::vector<double> inputs = {1, 1, 2, 2, 4, 4};
  for (size_t i = 0; i < inputs.size(); ++i) {
    EXPECT_NEAR(after[i] - before[i], 0.5 * inputs[i], 1e-6) << i;
  }
  // The layer's initializer is the one of the function's activation.
  Graph resolved = graph.Clone();
  ASSERT_TRUE(ResolveInitializers(resolved).ok());
  EXPECT_EQ(&resolved.FindNode("hidden/weights").initializer().node().op(),
            &RandomTruncatedNormalOp());
}

TEST(CustomGradientTest, NodesAreNamedInTheirScope) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({}));
  const Value y =
      CustomGradient(x, [](const Value& input) { return Floor(input); },
                     PassThrough, {.name = "quantize"});
  EXPECT_EQ(y.name(), "quantize/custom_gradient");
  EXPECT_TRUE(graph.FindNode("quantize/floor").valid());
}

// ---- Mistakes ---------------------------------------------------------------

// The graph's error after `build`, which is given x and w.
template <typename Build>
std::string ErrorOf(Build build) {
  Graph graph;
  const NameScope scope(graph, "model");
  const Value x = Placeholder(graph, "x", F32({4}), Line(1));
  const Value w =
      Parameter(graph, "w", BroadcastTo(Constant(graph, 1.0), {4}), Line(2));
  build(x, w);
  return std::string(Message(graph.status()));
}

Value Custom(const Value& x,
             const std::function<Value(const Value&)>& function) {
  return CustomGradient(x, function, PassThrough, {}, Line(9));
}

TEST(CustomGradientTest, HiddenInputsAreAnError) {
  EXPECT_EQ(ErrorOf([](const Value& x, const Value& w) {
              Custom(x, [&](const Value& input) { return input * w; });
            }),
            "model.cc:9: model/custom_gradient: the function reads 'model/w' "
            "(model.cc:2), which is not one of its inputs, so no gradient "
            "would reach it; add it to the inputs, or read StopGradient of it");
  const std::string returned = ErrorOf([](const Value& x, const Value& w) {
    Custom(x, [&](const Value&) { return w; });
  });
  EXPECT_NE(returned.find("the function reads 'model/w'"), std::string::npos)
      << returned;
  const std::string parameter = ErrorOf([](const Value& x, const Value&) {
    Custom(x, [](const Value& input) {
      return input * Parameter(*Graph::Of(input), "inner",
                               Constant(*Graph::Of(input), 1.0));
    });
  });
  EXPECT_NE(parameter.find("the function makes the parameter 'model/inner'"),
            std::string::npos)
      << parameter;
  EXPECT_EQ(ErrorOf([](const Value& x, const Value& w) {
              const Value constant = Constant(*Graph::Of(x), 2.0);
              const Value stopped = StopGradient(w);
              Custom(x, [&](const Value& input) {
                return input * constant + stopped + BroadcastLike(constant, w);
              });
            }),
            "");
}

TEST(CustomGradientTest, MistakesOfTheCallAreNamed) {
  const std::string prefix = "model.cc:9: model/custom_gradient: ";
  EXPECT_EQ(ErrorOf([](const Value& x, const Value&) {
              Custom(x, [](const Value&) { return Value(); });
            }),
            prefix +
                "value 0 that the function returns is empty, made by no "
                "op");
  EXPECT_EQ(ErrorOf([](const Value& x, const Value&) { Custom(x, nullptr); }),
            prefix + "the function is null");
  EXPECT_EQ(ErrorOf([](const Value& x, const Value&) {
              CustomGradient(
                  x, [](const Value& input) { return input; }, nullptr, {},
                  Line(9));
            }),
            prefix + "the gradient function is null");
  EXPECT_EQ(ErrorOf([](const Value& x, const Value&) {
              Custom(x, [](const Value&) -> Value {
                throw std::runtime_error("no way");
              });
            }),
            prefix + "the function has thrown: no way");
  Graph other;
  const Value stranger = Placeholder(other, "stranger", F32({}));
  EXPECT_EQ(
      ErrorOf([&](const Value& x, const Value&) {
        CustomGradient(
            {x, stranger},
            [](std::span<const Value> in) { return std::vector<Value>{in[0]}; },
            [](const CustomGradientCall& call) {
              return std::vector<Value>(call.inputs.size());
            },
            {}, Line(9));
      }),
      prefix + "input 1 is a value of another graph");
  const std::string inner = ErrorOf([](const Value& x, const Value&) {
    Custom(x, [](const Value& input) {
      return MatMul(input, input, {}, Line(10));
    });
  });
  EXPECT_EQ(inner.substr(0, 27), "model.cc:10: model/matmul: ") << inner;
  EXPECT_FALSE(CustomGradient(Value(), nullptr, nullptr).valid());
}

TEST(CustomGradientTest, MistakesOfTheGradientAreNamed) {
  auto error = [](CustomGradientFunction gradient) {
    Graph graph;
    const Value x = Placeholder(graph, "x", F32({4}));
    const Value y =
        CustomGradient(
            std::vector<Value>{x},
            [](std::span<const Value> in) { return std::vector<Value>{in[0]}; },
            std::move(gradient), {}, Line(9))
            .output();
    return std::string(
        Message(Gradients(ReduceSum(y), std::vector<Value>{x}).status()));
  };
  EXPECT_EQ(
      error([](const CustomGradientCall&) { return std::vector<Value>(2); }),
      "model.cc:9: custom_gradient: the gradient function gives 2 "
      "value(s), expected one for each of the 1 input(s); Value() where "
      "none flows");
  EXPECT_EQ(
      error([](const CustomGradientCall&) -> std::vector<Value> { throw 7; }),
      "model.cc:9: custom_gradient: the gradient function has thrown "
      "something that is no std::exception");
  EXPECT_EQ(error([](const CustomGradientCall& call) {
              return std::vector<Value>{ReduceSum(call.output_gradients[0])};
            }),
            "model.cc:9: custom_gradient: gradient of op 'custom_gradient' has "
            "type f32[] for input 'input 1' of type f32[4]");
  EXPECT_EQ(
      error([](const CustomGradientCall&) { return std::vector<Value>(1); }),
      "the loss 'reduce_sum' does not depend on 'x'; leave it out, or "
      "set GradientOptions::zeros_for_unreached");
}

}  // namespace
}  // namespace evengrad
