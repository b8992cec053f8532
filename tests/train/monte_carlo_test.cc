// Monte-Carlo dropout: what is random stays so, all else is inference.
#include "evengrad/train/monte_carlo.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "evengrad/autodiff/gradients.h"
#include "evengrad/formats/graph_text.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/layers.h"
#include "evengrad/ops/losses.h"
#include "evengrad/ops/ops.h"
#include "evengrad/runtime/reference_executor.h"
#include "evengrad/runtime/session.h"
#include "evengrad/train/minimize.h"

namespace evengrad {
namespace {

using Numbers = std::vector<double>;

Tensor Ones(int64_t rows, int64_t columns) {
  return *Tensor::Of<float>({rows, columns},
                            std::vector<float>(rows * columns, 1.0f));
}

double Mean(const Numbers& numbers) {
  double sum = 0;
  for (double number : numbers) sum += number;
  return sum / static_cast<double>(numbers.size());
}

TEST(MonteCarloTest, MeanAndDeviationOfDropout) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({"batch", 256}));
  const Value y = Dropout(x, 0.2);
  absl::StatusOr<Session> session = Session::Create(graph, {.seed = 3});
  ASSERT_TRUE(session.ok()) << session.status();
  const absl::StatusOr<MonteCarloPrediction> one =
      PredictMonteCarlo(*session, y, {{x, Ones(1, 256)}}, {.samples = 1});
  ASSERT_TRUE(one.ok()) << one.status();
  int zeros = 0;
  for (const double value : one->mean.ToDoubles()) {
    EXPECT_TRUE(value == 0 || value == 1.25) << value;
    zeros += value == 0;
  }
  EXPECT_NEAR(zeros, 51, 25);
  EXPECT_EQ(one->deviation.ToDoubles(), Numbers(256, 0));

  const absl::StatusOr<MonteCarloPrediction> many =
      PredictMonteCarlo(*session, y, {{x, Ones(1, 256)}}, {.samples = 400});
  ASSERT_TRUE(many.ok()) << many.status();
  EXPECT_EQ(many->mean.ToString(), "f32[1,256]");
  // A drop is Bernoulli: mean 1, deviation sqrt(0.2 / 0.8) = 1/2. 102,400
  // draws.
  EXPECT_NEAR(Mean(many->mean.ToDoubles()), 1, 0.008);
  EXPECT_NEAR(Mean(many->deviation.ToDoubles()), 0.5, 0.01);
  for (size_t i = 0; i < 256; ++i) {
    // Of a Bernoulli variable the mean gives the deviation.
    const double kept = many->mean.ToDoubles()[i] / 1.25;
    EXPECT_NEAR(many->deviation.ToDoubles()[i],
                1.25 * std::sqrt(kept * (1 - kept)), 1e-6);
  }
}

TEST(MonteCarloTest, BatchNormTakesItsRunningStatistics) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({"batch", 2}));
  const Value y =
      Dropout(BatchNorm(x, {.name = "norm", .epsilon = 1e-12}), 0.5);
  absl::StatusOr<Session> session = Session::Create(graph);
  ASSERT_TRUE(
      session
          ->Write("norm/running_mean", *Tensor::Of<float>({2}, {1.0f, -1.0f}))
          .ok());
  ASSERT_TRUE(session
                  ->Write("norm/running_variance",
                          *Tensor::Of<float>({2}, {4.0f, 0.25f}))
                  .ok());
  const absl::StatusOr<MonteCarloPrediction> found = PredictMonteCarlo(
      *session, y, {{x, *Tensor::Of<float>({2, 2}, {5, 0, 3, 1})}},
      {.samples = 50});
  ASSERT_TRUE(found.ok()) << found.status();
  // (5 - 1) / 2 = 2, (0 + 1) / 0.5 = 2, 1, 4: kept they are doubled, so that
  // mean^2 + deviation^2 = mean * 2 * value.
  const Numbers values = {2, 2, 1, 4};
  for (size_t i = 0; i < values.size(); ++i) {
    const double mean = found->mean.ToDoubles()[i];
    const double deviation = found->deviation.ToDoubles()[i];
    EXPECT_GT(deviation, 0);
    EXPECT_NEAR(mean * mean + deviation * deviation, mean * 2 * values[i],
                1e-4);
  }
}

struct DropoutNet {
  DropoutNet() {
    x = Placeholder(graph, "x", F32({"batch", 4}));
    labels = Placeholder(graph, "labels", I32({"batch"}));
    const Value hidden = Dropout(Relu(Dense(x, 16, {.name = "hidden"})), 0.3);
    logits = Dense(hidden, 3, {.name = "logits"});
    loss = SparseSoftmaxCrossEntropy(logits, labels);
  }
  Graph graph;
  Value x, labels, logits, loss;
};

// Predictions between the steps of a training change no bit of it, and are
// functions of the seed.
TEST(MonteCarloTest, LeavesTheSessionAsItIs) {
  DropoutNet net;
  const absl::StatusOr<Program> program =
      Minimize(net.loss, Sgd{.learning_rate = 0.1});
  ASSERT_TRUE(program.ok()) << program.status();
  auto weights = [&](bool predicts) {
    absl::StatusOr<Session> session = Session::Create(net.graph, {.seed = 7});
    for (int step = 0; step < 4; ++step) {
      EXPECT_TRUE(
          session
              ->Run(*program, {{net.x, Ones(2, 4)},
                               {net.labels, *Tensor::Of<int32_t>({2}, {0, 2})}})
              .ok());
      if (!predicts) continue;
      auto predict = [&](uint64_t seed) {
        return PredictMonteCarlo(*session, Softmax(net.logits),
                                 {{net.x, Ones(1, 4)}},
                                 {.samples = 3, .seed = seed})
            ->mean.ToDoubles();
      };
      const Numbers first = predict(1);
      EXPECT_EQ(predict(1), first);
      EXPECT_NE(predict(2), first);
      EXPECT_EQ(session->step(), step + 1);
    }
    return session->Read("hidden/weights")->ToDoubles();
  };
  EXPECT_EQ(weights(true), weights(false));
}

// Gradients in Monte-Carlo mode are those of what is computed in it.
TEST(MonteCarloTest, GradientsGoWithTheMode) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F64({512}));
  const std::vector<Value> outputs = {Dropout(x, 0.25), AlphaDropout(x, 0.25),
                                      Rrelu(x)};
  for (const Value& y : outputs) {
    const std::vector<Value> gradients =
        *Gradients(ReduceSum(y), std::vector<Value>{x});
    const Program program = {.graph = graph,
                             .mode = Mode::kMonteCarlo,
                             .fetches = {{"y", y}, {"gradient", gradients[0]}}};
    absl::StatusOr<Session> session = Session::Create(graph, {.seed = 5});
    auto run = [&](double at) {
      const absl::StatusOr<RunResult> result = session->Run(
          program, {{x, *Tensor::Of<double>({512}, Numbers(512, at))}});
      EXPECT_TRUE(result.ok()) << result.status();
      return std::pair(result->Get("y")->ToDoubles(),
                       result->Get("gradient")->ToDoubles());
    };
    const double step = 1e-6;
    const auto [low, gradient] = run(-1);
    const auto [high, unused] = run(-1 + step);  // the draws are the same
    double spread = 0;
    for (size_t i = 0; i < low.size(); ++i) {
      EXPECT_NEAR(gradient[i], (high[i] - low[i]) / step, 1e-6)
          << y.name() << " " << i;
      spread = std::max(spread, std::abs(gradient[i] - gradient[0]));
    }
    EXPECT_GT(spread, 0.1) << y.name();  // it draws
    const absl::StatusOr<ReferenceResult> expected = RunReference(
        program,
        {{{x, ToReference(*Tensor::Of<double>({512}, Numbers(512, -1)))}}},
        {.seed = 5});
    ASSERT_TRUE(expected.ok()) << expected.status();
    for (size_t i = 0; i < low.size(); ++i) {
      EXPECT_NEAR(low[i], expected->fetches[0].values[i], 1e-12);
      EXPECT_NEAR(gradient[i], expected->fetches[1].values[i], 1e-12);
    }
  }
}

TEST(MonteCarloTest, TheModeIsKeptInText) {
  DropoutNet net;
  const Program program = {.graph = net.graph,
                           .mode = Mode::kMonteCarlo,
                           .fetches = {{"logits", net.logits}}};
  const std::string text = PrintProgram(program);
  EXPECT_NE(text.find("program monte_carlo {"), std::string::npos);
  const absl::StatusOr<Program> parsed = ParseProgram(text);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->mode, Mode::kMonteCarlo);
}

TEST(MonteCarloTest, Errors) {
  DropoutNet net;
  absl::StatusOr<Session> session = Session::Create(net.graph);
  auto message = [&](const Value& output, MonteCarloOptions options = {}) {
    return std::string(Message(
        PredictMonteCarlo(*session, output, {{net.x, Ones(1, 4)}}, options)
            .status()));
  };
  EXPECT_EQ(message(net.logits, {.samples = 0}),
            "PredictMonteCarlo: 0 samples, expected at least 1");
  EXPECT_EQ(message(Value()),
            "PredictMonteCarlo: the output is an empty value");
  EXPECT_NE(message(net.x * 2).find(
                "depends on nothing random, all samples would be equal; train "
                "the model with Dropout"),
            std::string::npos);
  EXPECT_NE(message(ArgMax(net.logits)).find("has type i64[batch]"),
            std::string::npos);
}

}  // namespace
}  // namespace evengrad
