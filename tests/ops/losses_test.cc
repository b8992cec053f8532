// Losses: the cases that have no counterpart in the libtorch tests, and errors.
#include "evengrad/ops/losses.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "evengrad/autodiff/gradients.h"
#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/ops.h"
#include "evengrad/runtime/session.h"

namespace evengrad {
namespace {

using Numbers = std::vector<double>;

// The elements of values that depend on constants alone.
std::vector<Numbers> Evaluate(const Graph& graph,
                              const std::vector<Value>& values) {
  absl::StatusOr<Session> session = Session::Create(graph);
  EXPECT_TRUE(session.ok()) << session.status();
  if (!session.ok()) return std::vector<Numbers>(values.size());
  const absl::StatusOr<RunResult> result = session->Run(values, {});
  EXPECT_TRUE(result.ok()) << result.status();
  if (!result.ok()) return std::vector<Numbers>(values.size());
  std::vector<Numbers> all;
  for (const Tensor& tensor : result->values()) {
    all.push_back(tensor.ToDoubles());
  }
  return all;
}

Value Matrix(const Graph& graph, int64_t rows, int64_t columns,
             const std::vector<double>& elements) {
  return Constant(graph, *Tensor::Of<double>({rows, columns}, elements));
}

// Logits far from 0 keep every digit of small losses, and a logit of 0, which a
// layer of zeros gives, has the derivative 1/2 - target.
TEST(LossesTest, SigmoidCrossEntropyIsStable) {
  Graph graph;
  const Value x = Matrix(graph, 1, 6, {-800, -40, 0, 0, 40, 800});
  const Value t = Matrix(graph, 1, 6, {0, 0, 0, 1, 1, 0});
  const Value losses =
      SigmoidCrossEntropy(x, t, {.reduction = LossReduction::kNone});
  const auto gradients = Gradients(ReduceSum(losses), std::vector<Value>{x});
  ASSERT_TRUE(gradients.ok()) << gradients.status();
  const auto found = Evaluate(graph, {losses, (*gradients)[0]});
  const double tiny = std::exp(-40.0);
  const Numbers expected = {0, tiny, std::log(2.0), std::log(2.0), tiny, 800};
  const Numbers slopes = {0, tiny, 0.5, -0.5, -tiny, 1};
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_NEAR(found[0][i], expected[i], 1e-14 * expected[i]) << i;
    EXPECT_NEAR(found[1][i], slopes[i], 1e-12 * std::fabs(slopes[i])) << i;
  }
}

TEST(LossesTest, HuberAtTheSeam) {
  Graph graph;
  const Value x = Matrix(graph, 1, 5, {-3, -0.5, 0, 0.5, 3});
  const Value zeros = Matrix(graph, 1, 5, {0, 0, 0, 0, 0});
  const Value losses =
      Huber(x, zeros, {.reduction = LossReduction::kNone, .delta = 0.5});
  const auto gradients = Gradients(ReduceSum(losses), std::vector<Value>{x});
  ASSERT_TRUE(gradients.ok()) << gradients.status();
  const auto found = Evaluate(graph, {losses, (*gradients)[0]});
  EXPECT_EQ(found[0], (Numbers{1.375, 0.125, 0, 0.125, 1.375}));
  EXPECT_EQ(found[1], (Numbers{-0.5, -0.5, 0, 0.5, 0.5}));
}

TEST(LossesTest, ALabelThatIsNoClassGivesNaN) {
  Graph graph;
  const Value x = Matrix(graph, 4, 2, {1, 2, 3, 4, 5, 6, 7, 8});
  const Value labels =
      Constant(graph, *Tensor::Of<int32_t>({4}, {1, 2, -1, -100}));
  const Value weights = Constant(graph, *Tensor::Of<double>({2}, {1, 2}));
  const LossReduction none = LossReduction::kNone;
  std::vector<Value> losses;
  for (double smoothing : {0.0, 0.1}) {
    for (const Value& class_weights : {Value(), weights}) {
      losses.push_back(
          SparseSoftmaxCrossEntropy(x, labels,
                                    {.reduction = none,
                                     .label_smoothing = smoothing,
                                     .class_weights = class_weights,
                                     .ignore_index = -100}));
    }
  }
  losses.push_back(NegativeLogLikelihood(
      LogSoftmax(x), labels, {.reduction = none, .ignore_index = -100}));
  for (const Numbers& found : Evaluate(graph, losses)) {
    ASSERT_EQ(found.size(), 4u);
    EXPECT_GT(found[0], 0);
    EXPECT_TRUE(std::isnan(found[1]));
    EXPECT_TRUE(std::isnan(found[2]));
    EXPECT_EQ(found[3], 0);
  }
}

// The mean of no examples is no number; the sum is 0.
TEST(LossesTest, AllExamplesIgnored) {
  Graph graph;
  const Value x = Matrix(graph, 2, 2, {1, 2, 3, 4});
  const Value labels = Constant(graph, *Tensor::Of<int64_t>({2}, {7, 7}));
  const auto found = Evaluate(
      graph,
      {SparseSoftmaxCrossEntropy(x, labels, {.ignore_index = 7}),
       SparseSoftmaxCrossEntropy(
           x, labels, {.reduction = LossReduction::kSum, .ignore_index = 7})});
  EXPECT_TRUE(std::isnan(found[0][0]));
  EXPECT_EQ(found[1], Numbers{0});
}

TEST(LossesTest, SizesMayBeNames) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({"batch", 3}));
  const Value labels = Placeholder(graph, "labels", I32({"batch"}));
  const Value weights = Placeholder(graph, "weights", F32({3}));
  const Value loss = SparseSoftmaxCrossEntropy(
      x, labels,
      {.label_smoothing = 0.1, .class_weights = weights, .ignore_index = -100});
  const Value dense = SoftmaxCrossEntropy(
      x, x, {.reduction = LossReduction::kNone, .label_smoothing = 0.1});
  ASSERT_TRUE(graph.status().ok()) << graph.status();
  EXPECT_EQ(loss.type(), F32({}));
  EXPECT_EQ(dense.type(), F32({"batch"}));
  EXPECT_TRUE(Gradients(loss, std::vector<Value>{x}).ok());
}

// The error of `add`, after "model.cc:27: ".
template <typename Function>
std::string ErrorOf(const TensorType& a, const TensorType& b, Function add) {
  Graph graph;
  const Value first = Placeholder(graph, "a", a);
  const Value second = Placeholder(graph, "b", b);
  EXPECT_FALSE(add(first, second, Here("/home/me/model.cc", 27)).valid());
  const std::string text(Message(graph.status()));
  const std::string prefix = "model.cc:27: ";
  EXPECT_EQ(text.substr(0, prefix.size()), prefix);
  return text.size() < prefix.size() ? text : text.substr(prefix.size());
}

TEST(LossesTest, ShapesMustBeEqual) {
  const auto squared = [](const Value& a, const Value& b, SourceLocation at) {
    return MeanSquaredError(a, b, LossReduction::kMean, at);
  };
  EXPECT_EQ(ErrorOf(F32({"batch", 1}), F32({"batch"}), squared),
            "mean_squared_error: predictions f32[batch,1] and targets "
            "f32[batch] must have one type; cast or reshape one of them");
  EXPECT_EQ(ErrorOf(F32({4}), F64({4}), squared),
            "mean_squared_error: predictions f32[4] and targets f64[4] must "
            "have one type; cast or reshape one of them");
  EXPECT_EQ(ErrorOf(I32({4}), I32({4}), squared),
            "mean_squared_error: predictions must be floating (f32, f64 or "
            "bf16), found i32[4]");
  EXPECT_EQ(ErrorOf(F32({4}), F32({5}),
                    [](const Value& a, const Value& b, SourceLocation at) {
                      return MeanAbsoluteError(a, b, LossReduction::kMean, at);
                    })
                .substr(0, 21),
            "mean_absolute_error: ");
  EXPECT_EQ(ErrorOf(F32({4, 3}), F32({4}),
                    [](const Value& a, const Value& b, SourceLocation at) {
                      return SoftmaxCrossEntropy(a, b, {}, at);
                    }),
            "softmax_cross_entropy: logits f32[4,3] and targets f32[4] must "
            "have one type; cast or reshape one of them");
  EXPECT_EQ(ErrorOf(F32({}), F32({}),
                    [](const Value& a, const Value& b, SourceLocation at) {
                      return SoftmaxCrossEntropy(a, b, {}, at);
                    }),
            "softmax_cross_entropy: expected logits […, classes], found f32[]");
}

TEST(LossesTest, LabelsAreChecked) {
  const auto likelihood = [](const Value& a, const Value& b,
                             SourceLocation at) {
    return NegativeLogLikelihood(a, b, {}, at);
  };
  const std::string name = "negative_log_likelihood: ";
  EXPECT_EQ(ErrorOf(F32({4, 3}), F32({4}), likelihood),
            name + "labels must be i32 or i64, found f32[4]");
  EXPECT_EQ(ErrorOf(F32({4, 3}), I32({4, 1}), likelihood),
            name +
                "expected log_probabilities [batch, classes] and labels "
                "[batch], found f32[4,3], i32[4,1]");
  EXPECT_EQ(ErrorOf(F32({4, 3}), I32({5}), likelihood),
            name +
                "batch sizes differ: log_probabilities f32[4,3], labels "
                "i32[5]");
  EXPECT_EQ(ErrorOf(F32({4, "classes"}), I32({4}), likelihood),
            name +
                "the number of classes of log_probabilities f32[4,classes] "
                "must be an integer");
}

TEST(LossesTest, OptionsAreChecked) {
  EXPECT_EQ(ErrorOf(F32({4, 3}), I32({4}),
                    [](const Value& a, const Value& b, SourceLocation at) {
                      return SparseSoftmaxCrossEntropy(
                          a, b, {.label_smoothing = 1.5}, at);
                    }),
            "sparse_softmax_cross_entropy: the label smoothing is 1.5, "
            "expected a number in [0, 1]");
  EXPECT_EQ(ErrorOf(F32({4, 3}), I32({4}),
                    [](const Value& a, const Value& b, SourceLocation at) {
                      return SparseSoftmaxCrossEntropy(
                          a, b, {.class_weights = a}, at);
                    }),
            "sparse_softmax_cross_entropy: class weights must be f32[3], found "
            "f32[4,3]");
  EXPECT_EQ(ErrorOf(F32({4}), F32({4}),
                    [](const Value& a, const Value& b, SourceLocation at) {
                      return Huber(a, b, {.delta = 0}, at);
                    }),
            "huber: delta is 0, expected a positive finite number");
  EXPECT_EQ(ErrorOf(F32({4}), F32({4}),
                    [](const Value& a, const Value& b, SourceLocation at) {
                      return SigmoidCrossEntropy(a, b, {.positive_weight = -1},
                                                 at);
                    }),
            "sigmoid_cross_entropy: the weight of positive targets is -1, "
            "expected a finite number that is not negative");
}

TEST(LossesTest, AnInvalidInputStaysQuiet) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({2, 3}));
  const Value bad = MatMul(x, x);
  const std::string first(Message(graph.status()));
  EXPECT_FALSE(MeanSquaredError(x, bad).valid());
  EXPECT_FALSE(SparseSoftmaxCrossEntropy(bad, x).valid());
  EXPECT_EQ(Message(graph.status()), first);
  EXPECT_FALSE(Huber(Value(), Value()).valid());
}

}  // namespace
}  // namespace evengrad
