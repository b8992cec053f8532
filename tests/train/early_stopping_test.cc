#include "evengrad/train/early_stopping.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/layers.h"
#include "evengrad/ops/losses.h"
#include "evengrad/ops/ops.h"
#include "evengrad/train/minimize.h"
#include "evengrad/train/training_loop.h"

namespace evengrad {
namespace {

TEST(PlateauCounterTest, CountsSinceTheBest) {
  PlateauCounter counter(Monitor::kLoss, 0.1);
  std::vector<int64_t> without;
  // 0.95 is not better by more than 0.1, and 0.85 is, of 1; NaN never is.
  for (const double loss : {1.0, 0.95, 0.85, 0.9, std::nan(""), -HUGE_VAL}) {
    counter.Improved({.loss = loss});
    without.push_back(counter.epochs_without());
  }
  EXPECT_EQ(without, (std::vector<int64_t>{0, 1, 0, 1, 2, 3}));
}

TEST(PlateauCounterTest, AccuracyIsBetterWhenLarger) {
  PlateauCounter counter(Monitor::kAccuracy, 0);
  EXPECT_TRUE(counter.Improved({.loss = 1, .accuracy = 0}));
  EXPECT_TRUE(counter.Improved({.loss = 2, .accuracy = 0.5}));
  EXPECT_FALSE(counter.Improved({.loss = 0, .accuracy = 0.5}));
}

// The epochs, 1 for the first, after which the factor fell.
std::vector<int> Reductions(const ReduceOnPlateau& options, int epochs) {
  PlateauFactor factor(options);
  std::vector<int> reductions;
  for (int epoch = 1; epoch <= epochs; ++epoch) {
    if (factor.Reduced({.loss = 1})) reductions.push_back(epoch);
  }
  return reductions;
}

TEST(PlateauFactorTest, FallsAfterThePatienceAndTheCooldown) {
  // The first epoch is the best one; the third without a better one is the
  // fourth.
  EXPECT_EQ(Reductions({.patience = 3}, 10), (std::vector<int>{4, 7, 10}));
  // The last of two epochs of cooldown counts again.
  EXPECT_EQ(Reductions({.patience = 3, .cooldown = 2}, 12),
            (std::vector<int>{4, 8, 12}));
}

TEST(PlateauFactorTest, StopsAtTheMinimum) {
  PlateauFactor factor({.factor = 0.5, .patience = 1, .minimum = 0.3});
  EXPECT_EQ(factor.Apply(1), 1);
  factor.Reduced({.loss = 1});
  EXPECT_EQ(factor.Apply(1), 1);
  EXPECT_TRUE(factor.Reduced({.loss = 1}));
  EXPECT_EQ(factor.Apply(1), 0.5);
  factor.Reduced({.loss = 1});
  EXPECT_EQ(factor.Apply(1), 0.3);
  EXPECT_EQ(factor.Apply(0.2), 0.2);  // a rate below the minimum stays
}

// 100 points on a line; the class is the sign of the coordinate, or its
// opposite.
DataSet Points(bool opposite) {
  std::vector<float> inputs;
  std::vector<int32_t> labels;
  for (int i = 0; i < 100; ++i) {
    inputs.push_back((static_cast<float>(i) - 49.5f) / 50);
    labels.push_back((i < 50) == opposite ? 1 : 0);
  }
  return *DataSet::Create(*Tensor::Of<float>({100, 1}, inputs),
                          *Tensor::Of<int32_t>({100}, labels));
}

struct TinyModel {
  explicit TinyModel(const Optimizer& optimizer = Sgd{.learning_rate = 0.5}) {
    model.inputs = Placeholder(graph, "inputs", F32({"batch", 1}));
    model.labels = Placeholder(graph, "labels", I32({"batch"}));
    model.logits = Dense(model.inputs, 2, {.name = "logits"});
    model.loss = SparseSoftmaxCrossEntropy(model.logits, model.labels);
    program = Minimize(model.loss, optimizer,
                       {.fetches = {{"logits", model.logits}}});
    session = Session::Create(graph, {.seed = 1});
  }
  absl::StatusOr<FitResult> Run(const FitOptions& options) {
    EVENGRAD_RETURN_IF_ERROR(program.status());
    EVENGRAD_RETURN_IF_ERROR(session.status());
    return Fit(*session, *program, model, Points(false), options);
  }
  std::vector<double> Weights() {
    return session->Read("logits/weights")->ToDoubles();
  }
  Graph graph;
  Classifier model;
  absl::StatusOr<Program> program;
  absl::StatusOr<Session> session;
};

// The validation asks for the opposite of what is trained: it only gets worse.
TEST(EarlyStoppingTest, EndsAndRestoresTheBestEpoch) {
  for (const bool restore : {true, false}) {
    TinyModel setup;
    std::vector<std::vector<double>> weights;
    const absl::StatusOr<FitResult> result =
        setup.Run({.epochs = 20,
                   .validation = Points(true),
                   .early_stopping =
                       EarlyStopping{.patience = 3, .restore_best = restore},
                   .on_epoch = [&](const EpochReport&) {
                     weights.push_back(setup.Weights());
                     return absl::OkStatus();
                   }});
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_TRUE(result->stopped_early);
    EXPECT_EQ(result->best_epoch, 1);
    EXPECT_EQ(result->epochs.size(), 4u);
    ASSERT_EQ(weights.size(), 4u);
    EXPECT_NE(weights[0], weights[3]);
    EXPECT_EQ(setup.Weights(), restore ? weights[0] : weights[3]);
    const absl::StatusOr<Evaluation> after =
        Evaluate(*setup.session, setup.model, Points(true));
    ASSERT_TRUE(after.ok()) << after.status();
    EXPECT_EQ(after->loss, result->epochs[restore ? 0 : 3].validation->loss);
  }
}

TEST(EarlyStoppingTest, RestoresAtTheLastEpochToo) {
  TinyModel setup;
  const absl::StatusOr<FitResult> result =
      setup.Run({.epochs = 3,
                 .validation = Points(true),
                 .early_stopping = EarlyStopping{.patience = 10}});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_FALSE(result->stopped_early);
  EXPECT_EQ(result->epochs.size(), 3u);
  EXPECT_EQ(result->best_epoch, 1);
  EXPECT_EQ(Evaluate(*setup.session, setup.model, Points(true))->loss,
            result->epochs[0].validation->loss);
}

TEST(EarlyStoppingTest, GoesOnWhileItGetsBetter) {
  TinyModel setup;
  const absl::StatusOr<FitResult> result =
      setup.Run({.epochs = 12,
                 .validation = Points(false),
                 .early_stopping = EarlyStopping{.patience = 1}});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_FALSE(result->stopped_early);
  EXPECT_EQ(result->best_epoch, 12);
}

TEST(FitScheduleTest, DrivesTheLearningRateStepByStep) {
  TinyModel setup;
  std::vector<double> rates;
  const absl::StatusOr<FitResult> result = setup.Run(
      {.epochs = 2,
       .batch_size = 25,
       .schedules = {{.schedule = PiecewiseConstant({1, 6}, {0.5, 0.25, 0})}},
       .on_step = [&](const StepReport&) {
         rates.push_back(setup.session->Read("learning_rate")->ToDoubles()[0]);
       }});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(rates,
            (std::vector<double>{0.5, 0.25, 0.25, 0.25, 0.25, 0.25, 0, 0}));
  EXPECT_EQ(result->epochs[0].learning_rate, 0.25);
  EXPECT_EQ(result->epochs[1].learning_rate, 0);
}

// What is driven is what is used: rates written by hand give the same run.
TEST(FitScheduleTest, TheRateOfAStepIsTheSchedules) {
  TinyModel driven, by_hand;
  const Schedule schedule = ExponentialDecay(0.5, 0.5, 3);
  ASSERT_TRUE(driven
                  .Run({.epochs = 1,
                        .batch_size = 10,
                        .shuffle = false,
                        .schedules = {{.schedule = schedule}}})
                  .ok());
  ASSERT_TRUE(by_hand.session->Initialize(*by_hand.program).ok());
  for (int step = 0; step < 10; ++step) {
    const auto rate = static_cast<float>(schedule(step));
    ASSERT_TRUE(
        by_hand.session->Write("learning_rate", *Tensor::Of<float>({}, {rate}))
            .ok());
    const DataSet batch = *Points(false).Slice(10 * step, 10 * step + 10);
    ASSERT_TRUE(Fit(*by_hand.session, *by_hand.program, by_hand.model, batch,
                    {.batch_size = 10, .shuffle = false})
                    .ok());
  }
  EXPECT_EQ(driven.Weights(), by_hand.Weights());
}

TEST(FitScheduleTest, EpochsAreAUnitOfTime) {
  TinyModel setup;
  std::vector<double> rates;
  ASSERT_TRUE(
      setup
          .Run({.epochs = 2,
                .batch_size = 50,
                .schedules = {{.schedule = Schedule([](double t) { return t; }),
                               .unit = TimeUnit::kEpochs}},
                .on_step =
                    [&](const StepReport&) {
                      rates.push_back(
                          setup.session->Read("learning_rate")->ToDoubles()[0]);
                    }})
          .ok());
  EXPECT_EQ(rates, (std::vector<double>{0, 0.5, 1, 1.5}));
}

TEST(FitScheduleTest, OneCycleDrivesRateAndMomentum) {
  TinyModel setup(Sgd{.learning_rate = 0.5, .momentum = 0.9});
  const OneCycleOptions cycle = {.maximum = 0.5,
                                 .length = 4,
                                 .last_part = 0,
                                 .high_momentum = 0.75,
                                 .low_momentum = 0.25};
  std::vector<double> rates, momenta;
  ASSERT_TRUE(setup
                  .Run({.batch_size = 25,
                        .schedules = {{.schedule = OneCycleRate(cycle)},
                                      {.state = "momentum",
                                       .schedule = OneCycleMomentum(cycle)}},
                        .on_step =
                            [&](const StepReport&) {
                              for (auto& [state, seen] :
                                   {std::pair("learning_rate", &rates),
                                    std::pair("momentum", &momenta)}) {
                                seen->push_back(
                                    setup.session->Read(state)->ToDoubles()[0]);
                              }
                            }})
                  .ok());
  EXPECT_EQ(momenta, (std::vector<double>{0.75, 0.5, 0.25, 0.5}));
  EXPECT_NEAR(rates[1], 0.275, 1e-7);
  EXPECT_EQ(rates[2], 0.5);
}

TEST(FitPlateauTest, ReducesTheRateAndKeepsToTheSchedule) {
  for (const bool scheduled : {false, true}) {
    TinyModel setup;
    FitOptions options = {
        .epochs = 5,
        .validation = Points(true),
        .plateau = ReduceOnPlateau{.factor = 0.5, .patience = 2}};
    if (scheduled) {
      options.schedules = {
          {.schedule = StepDecay(0.5, 0.25, 4), .unit = TimeUnit::kEpochs}};
    }
    const absl::StatusOr<FitResult> result = setup.Run(options);
    ASSERT_TRUE(result.ok()) << result.status();
    std::vector<double> rates;
    for (const EpochReport& epoch : result->epochs) {
      rates.push_back(*epoch.learning_rate);
    }
    const double last = scheduled ? 0.25 * 0.25 : 0.25;
    EXPECT_EQ(rates, (std::vector<double>{0.5, 0.5, 0.5, 0.25, last}));
  }
}

TEST(FitScheduleTest, Errors) {
  TinyModel setup;
  auto message = [&](const FitOptions& options) {
    return std::string(Message(setup.Run(options).status()));
  };
  const DataSet points = Points(false);
  EXPECT_EQ(message({.early_stopping = EarlyStopping{}}),
            "Fit: early stopping watches the validation; give "
            "FitOptions::validation");
  EXPECT_EQ(message({.plateau = ReduceOnPlateau{}}),
            "Fit: a plateau watches the validation; give "
            "FitOptions::validation");
  const FitOptions accuracy[] = {
      {.validation = points,
       .early_stopping = EarlyStopping{.monitor = Monitor::kAccuracy}},
      {.validation = points,
       .plateau = ReduceOnPlateau{.monitor = Monitor::kAccuracy}}};
  for (const FitOptions& options : accuracy) {
    TinyModel without;
    EXPECT_TRUE(without.Run(options).ok());
    without.model.logits = Value();
    EXPECT_EQ(
        Message(without.Run(options).status()),
        StrCat("Fit: ",
               options.plateau.has_value() ? "a plateau" : "early stopping",
               " watches the accuracy, and the model has no logits to "
               "take it from; set Classifier::logits, or watch "
               "Monitor::kLoss"));
  }
  EXPECT_EQ(message({.validation = points,
                     .early_stopping = EarlyStopping{.patience = 0}}),
            "EarlyStopping: the patience is 0, expected at least 1 epoch");
  EXPECT_EQ(message({.validation = points,
                     .early_stopping = EarlyStopping{.min_delta = -1}}),
            "EarlyStopping: min_delta is -1, expected a finite number that is "
            "not negative");
  EXPECT_EQ(
      message({.validation = points, .plateau = ReduceOnPlateau{.factor = 1}}),
      "ReduceOnPlateau: the factor is 1, expected a number between 0 "
      "and 1");
  EXPECT_EQ(message({.validation = points,
                     .plateau = ReduceOnPlateau{.cooldown = -1}}),
            "ReduceOnPlateau: the cooldown is -1 epochs, expected at least 0");
  EXPECT_EQ(message({.validation = points,
                     .plateau = ReduceOnPlateau{.state = "rate"}}),
            "Fit: a schedule drives 'rate': the session has no state 'rate'");
  EXPECT_EQ(message({.schedules = {{.schedule = ConstantSchedule(-1)}}}),
            "ConstantSchedule: the rate is -1, expected a finite number that "
            "is not negative");
  EXPECT_EQ(message({.schedules = {{.state = "logits/weights",
                                    .schedule = ConstantSchedule(1)}}}),
            "Fit: a schedule drives 'logits/weights', expected a floating "
            "number, not f32[1,2]");
  EXPECT_EQ(message({.schedules = {{.state = "step",
                                    .schedule = ConstantSchedule(1)}}}),
            "Fit: a schedule drives 'step', expected a floating number, not "
            "i64[]");
  EXPECT_EQ(message({.schedules = {{.schedule = ConstantSchedule(1)},
                                   {.schedule = ConstantSchedule(2)}}}),
            "Fit: two schedules drive the state 'learning_rate'");
  EXPECT_EQ(message({.schedules = {{.schedule = Schedule([](double t) {
                                      return 1 / (1 - t);
                                    })}}}),
            "Fit: the schedule of 'learning_rate' is inf before step 2");
}

}  // namespace
}  // namespace evengrad
