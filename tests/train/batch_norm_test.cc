// Batch norm in training and inference programs: its running statistics.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/layers.h"
#include "evengrad/ops/losses.h"
#include "evengrad/ops/ops.h"
#include "evengrad/runtime/session.h"
#include "evengrad/train/minimize.h"

namespace evengrad {
namespace {

using Numbers = std::vector<double>;

void ExpectNear(const Numbers& found, const Numbers& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_NEAR(found[i], expected[i], 1e-9) << "element " << i;
  }
}

Numbers Read(const Session& session, std::string_view state) {
  const absl::StatusOr<Tensor> tensor = session.Read(state);
  EXPECT_TRUE(tensor.ok()) << tensor.status();
  return tensor.ok() ? tensor->ToDoubles() : Numbers();
}

// Two channels; the loss is the mean of squares.
struct Model {
  explicit Model(BatchNormOptions options) {
    options.name = "norm";
    x = Placeholder(graph, "x", F64({"batch", 2}));
    y = BatchNorm(x, options);
    loss = ReduceMean(Square(y - 1));
  }
  Graph graph;
  Value x, y, loss;
};

// Means 2 and 10, biased variances 1 and 4, unbiased 4/3 and 16/3.
Tensor FirstBatch() {
  return *Tensor::Of<double>({4, 2}, {1, 8, 3, 12, 1, 12, 3, 8});
}
// Means 5 and -1; variances 0 and 1, unbiased 0 and 2.
Tensor SecondBatch() { return *Tensor::Of<double>({2, 2}, {5, 0, 5, -2}); }

TEST(BatchNormTest, RunningStatisticsFollowPyTorch) {
  const Model model(BatchNormOptions::PyTorch());
  ASSERT_TRUE(model.graph.status().ok()) << model.graph.status();
  const absl::StatusOr<Program> program =
      Minimize(model.loss, Sgd{.learning_rate = 0});
  ASSERT_TRUE(program.ok()) << program.status();
  EXPECT_EQ(program->updates.size(), 5u);  // step, scale, shift, statistics
  absl::StatusOr<Session> session = Session::Create(model.graph);
  ASSERT_TRUE(session.ok()) << session.status();
  ExpectNear(Read(*session, "norm/running_mean"), {0, 0});
  ExpectNear(Read(*session, "norm/running_variance"), {1, 1});

  ASSERT_TRUE(session->Run(*program, {{model.x, FirstBatch()}}).ok());
  ExpectNear(Read(*session, "norm/running_mean"), {0.2, 1});
  ExpectNear(Read(*session, "norm/running_variance"),
             {0.9 + 0.4 / 3, 0.9 + 1.6 / 3});
  ASSERT_TRUE(session->Run(*program, {{model.x, SecondBatch()}}).ok());
  ExpectNear(Read(*session, "norm/running_mean"), {0.68, 0.8});
  ExpectNear(Read(*session, "norm/running_variance"),
             {0.81 + 0.36 / 3, 0.81 + 1.44 / 3 + 0.2});
}

TEST(BatchNormTest, RunningStatisticsFollowKeras) {
  const Model model(BatchNormOptions::Keras());
  const absl::StatusOr<Program> program =
      Minimize(model.loss, Sgd{.learning_rate = 0});
  ASSERT_TRUE(program.ok()) << program.status();
  absl::StatusOr<Session> session = Session::Create(model.graph);
  ASSERT_TRUE(session.ok()) << session.status();
  ASSERT_TRUE(session->Run(*program, {{model.x, FirstBatch()}}).ok());
  ExpectNear(Read(*session, "norm/running_mean"), {0.02, 0.1});
  ExpectNear(Read(*session, "norm/running_variance"), {1, 0.99 + 0.04});
}

TEST(BatchNormTest, InferenceReadsTheRunningStatisticsAndLeavesThem) {
  const Model model({.epsilon = 0.25});
  absl::StatusOr<Session> session = Session::Create(model.graph);
  ASSERT_TRUE(session.ok()) << session.status();
  ASSERT_TRUE(
      session->Write("norm/running_mean", *Tensor::Of<double>({2}, {10, 20}))
          .ok());
  ASSERT_TRUE(session
                  ->Write("norm/running_variance",
                          *Tensor::Of<double>({2}, {0.75, 3.75}))
                  .ok());
  const absl::StatusOr<RunResult> result = session->Run(
      {model.y}, {{model.x, *Tensor::Of<double>({1, 2}, {13, 16})}});
  ASSERT_TRUE(result.ok()) << result.status();
  ExpectNear(result->values()[0].ToDoubles(), {3, -2});
  ExpectNear(Read(*session, "norm/running_mean"), {10, 20});
  ExpectNear(Read(*session, "norm/running_variance"), {0.75, 3.75});
}

TEST(BatchNormTest, ABatchOfOneLeavesTheStatistics) {
  const Model model({});
  const absl::StatusOr<Program> program =
      Minimize(model.loss, Sgd{.learning_rate = 0.1});
  ASSERT_TRUE(program.ok()) << program.status();
  absl::StatusOr<Session> session = Session::Create(model.graph);
  ASSERT_TRUE(session.ok()) << session.status();
  ASSERT_TRUE(
      session->Run(*program, {{model.x, *Tensor::Of<double>({1, 2}, {7, 8})}})
          .ok());
  ExpectNear(Read(*session, "norm/running_mean"), {0, 0});
  ExpectNear(Read(*session, "norm/running_variance"), {1, 1});
}

// Two networks in one graph: a program updates what its loss and fetches read.
TEST(BatchNormTest, OnlyWhatTheProgramReadsIsUpdated) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F64({"batch", 2}));
  const Value first = BatchNorm(x, {.name = "first"});
  const Value second = BatchNorm(x, {.name = "second"});
  const Value loss = ReduceMean(Square(first));
  const Sgd sgd = {.learning_rate = 0};
  absl::StatusOr<Session> session = Session::Create(graph);
  ASSERT_TRUE(session.ok()) << session.status();
  const absl::StatusOr<Program> one = Minimize(loss, sgd);
  ASSERT_TRUE(one.ok()) << one.status();
  ASSERT_TRUE(session->Run(*one, {{x, FirstBatch()}}).ok());
  ExpectNear(Read(*session, "first/running_mean"), {0.2, 1});
  ExpectNear(Read(*session, "second/running_mean"), {0, 0});
  const absl::StatusOr<Program> both =
      Minimize(loss, sgd, {.fetches = {{"second", second}}});
  ASSERT_TRUE(both.ok()) << both.status();
  ASSERT_TRUE(session->Run(*both, {{x, FirstBatch()}}).ok());
  ExpectNear(Read(*session, "second/running_mean"), {0.2, 1});
}

// A dense layer without bias, batch norm, ReLU: He's initializer is found
// through the norm, and training brings the loss down.
TEST(BatchNormTest, TrainsBehindADenseLayer) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({"batch", 2}));
  Value hidden;
  {
    NameScope layer(graph, "hidden1");
    hidden = Relu(BatchNorm(Dense(x, 8, {.bias = false})));
  }
  const Value y = Dense(hidden, 1, {.name = "output"});
  const Value target = Placeholder(graph, "target", F32({"batch", 1}));
  const absl::StatusOr<Program> program =
      Minimize(MeanSquaredError(y, target), Sgd{.learning_rate = 0.1});
  ASSERT_TRUE(program.ok()) << program.status();
  const Node initial =
      program->graph.FindNode("hidden1/weights").initializer().node();
  EXPECT_EQ(initial.op().name, "random_truncated_normal");
  absl::StatusOr<Session> session = Session::Create(graph, {.seed = 1});
  ASSERT_TRUE(session.ok()) << session.status();
  const Tensor inputs = *Tensor::Of<float>({4, 2}, {0, 0, 0, 1, 1, 0, 1, 1});
  const Tensor targets = *Tensor::Of<float>({4, 1}, {0, 1, 1, 0});
  double loss = 1;
  for (int step = 0; step < 300; ++step) {
    const absl::StatusOr<RunResult> result =
        session->Run(*program, {{x, inputs}, {target, targets}});
    ASSERT_TRUE(result.ok()) << result.status();
    loss = *result->Scalar("loss");
  }
  EXPECT_LT(loss, 1e-3);
  // The running statistics have come close to those of this one batch.
  const absl::StatusOr<RunResult> answer = session->Run({y}, {{x, inputs}});
  ASSERT_TRUE(answer.ok()) << answer.status();
  const Numbers found = answer->values()[0].ToDoubles();
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(found[i], targets.ToDoubles()[i], 0.3) << i;
  }
}

TEST(BatchNormTest, TrainingUpdatesAreChecked) {
  Graph graph;
  const Value one = Constant(graph, 1.0);
  const Value state = State(graph, "state", one);
  const Value parameter = Parameter(graph, "parameter", one);
  auto message = [&](const Value& target, const Value& value) {
    return std::string(Message(graph.SetTrainingUpdate(target.node(), value)));
  };
  EXPECT_NE(message(parameter, one)
                .find("only states have training updates, this is a parameter, "
                      "which the optimizer updates"),
            std::string::npos);
  EXPECT_NE(message(one, one).find("this is made by op 'constant'"),
            std::string::npos);
  EXPECT_NE(message(state, Constant(graph, 1.0, DType::kF64))
                .find("the state has type f32[], its training update "),
            std::string::npos);
  EXPECT_FALSE(state.node().training_update().valid());
  EXPECT_EQ(message(state, state + 1), "");
  EXPECT_EQ(state.node().training_update().node().op().name, "add");
  EXPECT_NE(message(state, one).find("already has a training update, 'add'"),
            std::string::npos);
  // A copy has it too.
  EXPECT_TRUE(graph.Clone().FindNode("state").training_update().valid());
}

}  // namespace
}  // namespace evengrad
