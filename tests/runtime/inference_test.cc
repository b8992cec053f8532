// Ops that differ between training and inference: what they give in each mode,
// and that gradients follow.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "evengrad/autodiff/gradients.h"
#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/layers.h"
#include "evengrad/ops/ops.h"
#include "evengrad/runtime/reference_executor.h"
#include "evengrad/runtime/session.h"

namespace evengrad {
namespace {

using Numbers = std::vector<double>;

// The values in one mode, by a session and by the reference executor, which
// must agree.
std::vector<Numbers> Compute(const Graph& graph,
                             const std::vector<Value>& values, Mode mode,
                             const std::vector<Feed>& feeds) {
  Program program = {.graph = graph, .mode = mode};
  for (const Value& value : values) {
    program.fetches.push_back({StrCat(program.fetches.size()), value});
  }
  absl::StatusOr<Session> session = Session::Create(graph, {.seed = 5});
  if (!session.ok()) {
    ADD_FAILURE() << session.status();
    return {};
  }
  const absl::StatusOr<RunResult> result = session->Run(program, feeds);
  std::vector<ReferenceFeed> reference_feeds;
  for (const Feed& feed : feeds) {
    reference_feeds.push_back({feed.value, ToReference(feed.tensor)});
  }
  const absl::StatusOr<ReferenceResult> expected =
      RunReference(program, reference_feeds, {.seed = 5});
  EXPECT_TRUE(result.ok()) << result.status();
  EXPECT_TRUE(expected.ok()) << expected.status();
  if (!result.ok() || !expected.ok()) return {};
  std::vector<Numbers> all;
  for (size_t i = 0; i < values.size(); ++i) {
    all.push_back(result->values()[i].ToDoubles());
    const Numbers& wanted = expected->fetches[i].values;
    EXPECT_EQ(all[i].size(), wanted.size());
    for (size_t k = 0; k < wanted.size(); ++k) {
      EXPECT_NEAR(all[i][k], wanted[k], 1e-9) << "value " << i << ", " << k;
    }
  }
  return all;
}

TEST(InferenceTest, IsTraining) {
  Graph graph;
  const Value training = IsTraining(graph);
  EXPECT_EQ(Compute(graph, {training}, Mode::kTraining, {})[0], Numbers{1});
  EXPECT_EQ(Compute(graph, {training}, Mode::kInference, {})[0], Numbers{0});
}

// f(x) and d sum(f(x)^2) / dx of a function in inference mode, at -1, 0, 2.
struct Answer {
  Numbers values;
  Numbers gradient;
};
template <typename Function>
Answer InInference(Function function) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F64({"n"}));
  const Value y = function(x);
  const absl::StatusOr<std::vector<Value>> gradients =
      Gradients(ReduceSum(Square(y)), std::vector<Value>{x});
  EXPECT_TRUE(gradients.ok()) << gradients.status();
  if (!gradients.ok()) return {};
  const std::vector<Numbers> found =
      Compute(graph, {y, (*gradients)[0]}, Mode::kInference,
              {{x, *Tensor::Of<double>({3}, {-1, 0, 2})}});
  return found.empty() ? Answer{} : Answer{found[0], found[1]};
}

TEST(InferenceTest, DropoutKeepsAll) {
  for (const Answer& answer :
       {InInference([](const Value& x) { return Dropout(x, 0.25); }),
        InInference([](const Value& x) { return AlphaDropout(x, 0.25); })}) {
    EXPECT_EQ(answer.values, (Numbers{-1, 0, 2}));
    EXPECT_EQ(answer.gradient, (Numbers{-2, 0, 4}));
  }
}

TEST(InferenceTest, RreluHasTheMeanSlope) {
  const Answer torch = InInference([](const Value& x) { return Rrelu(x); });
  EXPECT_DOUBLE_EQ(torch.values[0], -11.0 / 48);
  EXPECT_DOUBLE_EQ(torch.gradient[0], -2 * (11.0 / 48) * (11.0 / 48));
  EXPECT_EQ(torch.values[2], 2);
  const Answer paper = InInference(
      [](const Value& x) { return Rrelu(x, RreluOptions::Xu2015()); });
  EXPECT_DOUBLE_EQ(paper.values[0], -1 / 5.5);
  EXPECT_DOUBLE_EQ(paper.gradient[0], -2 / (5.5 * 5.5));
  EXPECT_EQ(paper.values[2], 2);
}

// 100,000 elements, all 1 or all -1, in training.
Numbers InTraining(double element, Value (*function)(const Value& x)) {
  Graph graph;
  const Value x = BroadcastTo(Constant(graph, element, DType::kF64), {100000});
  return Compute(graph, {function(x)}, Mode::kTraining, {})[0];
}

double MeanOf(const Numbers& numbers) {
  double sum = 0;
  for (double number : numbers) sum += number;
  return sum / static_cast<double>(numbers.size());
}

TEST(InferenceTest, DropoutDropsAndScalesInTraining) {
  const Numbers found =
      InTraining(1, [](const Value& x) { return Dropout(x, 0.2); });
  int kept = 0;
  for (double value : found) {
    EXPECT_TRUE(value == 0 || value == 1.25) << value;
    kept += value != 0 ? 1 : 0;
  }
  // The deviation of the share is 0.0013.
  EXPECT_NEAR(kept / 1e5, 0.8, 0.006);
}

// On a standard normal, mean 0 and variance 1 stay.
TEST(InferenceTest, AlphaDropoutKeepsMeanAndVariance) {
  Graph graph;
  const Value x = RandomNormal(graph, F64({200000}));
  const Value y = AlphaDropout(x, 0.3);
  const std::vector<Numbers> found = Compute(
      graph, {ReduceMean(y), ReduceMean(Square(y))}, Mode::kTraining, {});
  ASSERT_EQ(found.size(), 2u);
  EXPECT_NEAR(found[0][0], 0, 0.015);
  EXPECT_NEAR(found[1][0], 1, 0.03);
}

TEST(InferenceTest, RreluSlopesAreUniformInTraining) {
  const Numbers torch = InTraining(-1, [](const Value& x) { return Rrelu(x); });
  EXPECT_NEAR(MeanOf(torch), -11.0 / 48, 0.001);
  for (double value : torch) {
    EXPECT_LT(value, -1.0 / 8 + 1e-9);
    EXPECT_GT(value, -1.0 / 3 - 1e-9);
  }
  // E[1/a] of a in [3, 8) is log(8/3) / 5, not 1 / 5.5.
  const Numbers paper = InTraining(
      -1, [](const Value& x) { return Rrelu(x, RreluOptions::Xu2015()); });
  EXPECT_NEAR(MeanOf(paper), -std::log(8.0 / 3) / 5, 0.001);
}

TEST(InferenceTest, EveryStepDropsOthers) {
  Graph graph;
  const Value x = BroadcastTo(Constant(graph, 1.0), {64});
  const Value y = Dropout(x);
  const Value count = State(graph, "count", Constant(graph, 0.0));
  const Program program = {
      .graph = graph, .fetches = {{"y", y}}, .updates = {{count, count + 1}}};
  absl::StatusOr<Session> session = Session::Create(graph, {.seed = 5});
  absl::StatusOr<Session> same = Session::Create(graph, {.seed = 5});
  ASSERT_TRUE(session.ok() && same.ok());
  std::vector<Numbers> masks;
  for (int step = 0; step < 3; ++step) {
    const absl::StatusOr<RunResult> result = session->Run(program, {});
    ASSERT_TRUE(result.ok()) << result.status();
    masks.push_back(result->Get(y)->ToDoubles());
    EXPECT_EQ(same->Run(program, {})->Get(y)->ToDoubles(), masks.back());
  }
  EXPECT_NE(masks[0], masks[1]);
  EXPECT_NE(masks[1], masks[2]);
}

// d/dx of BatchNorm in inference mode is scale / sqrt(running variance + eps),
// in the second derivative too: everything is linear in x.
TEST(InferenceTest, BatchNormIsLinear) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F64({"n", 2}));
  auto vector = [&](double a, double b) {
    return Constant(graph, *Tensor::Of<double>({2}, {a, b}));
  };
  const Node norm = AddNode(
      BatchNormOp(),
      {x, vector(3, 5), vector(1, 2), vector(10, 20), vector(0.75, 3.75)},
      {{"epsilon", 0.25}});
  const Value y = norm.output();
  const absl::StatusOr<std::vector<Value>> first =
      Gradients(ReduceSum(0.5 * Square(y)), std::vector<Value>{x});
  ASSERT_TRUE(first.ok()) << first.status();
  const absl::StatusOr<std::vector<Value>> second =
      Gradients(ReduceSum((*first)[0]), std::vector<Value>{x});
  ASSERT_TRUE(second.ok()) << second.status();
  // Slopes 3 / 1 and 5 / 2.
  const std::vector<Numbers> found = Compute(
      graph, {y, (*first)[0], (*second)[0], norm.output(3)}, Mode::kInference,
      {{x, *Tensor::Of<double>({2, 2}, {11, 20, 9, 22})}});
  EXPECT_EQ(found[0], (Numbers{4, 2, -2, 7}));
  EXPECT_EQ(found[1], (Numbers{12, 5, -6, 17.5}));
  EXPECT_EQ(found[2], (Numbers{9, 6.25, 9, 6.25}));
  EXPECT_EQ(found[3], (Numbers{10, 20}));
}

// What takes the place of an op shifts the ids of later nodes.
TEST(InferenceTest, PlaceholdersMayComeAfterAReplacedOp) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F64({"n"}));
  const Value y = Dropout(x);
  const Value z = Placeholder(graph, "z", F64({"n"}));
  const std::vector<Numbers> found =
      Compute(graph, {y + z}, Mode::kInference,
              {{x, *Tensor::Of<double>({2}, {1, 2})},
               {z, *Tensor::Of<double>({2}, {10, 20})}});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0], (Numbers{11, 22}));
}

}  // namespace
}  // namespace evengrad
