#include "evengrad/train/training_loop.h"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/layers.h"
#include "evengrad/ops/losses.h"
#include "evengrad/ops/ops.h"
#include "evengrad/train/minimize.h"

namespace evengrad {
namespace {

// 100 points on a line; the class is the sign of the coordinate.
DataSet Points() {
  std::vector<float> inputs;
  std::vector<int32_t> labels;
  for (int i = 0; i < 100; ++i) {
    inputs.push_back((static_cast<float>(i) - 49.5f) / 50);
    labels.push_back(i < 50 ? 0 : 1);
  }
  return *DataSet::Create(*Tensor::Of<float>({100, 1}, inputs),
                          *Tensor::Of<int32_t>({100}, labels));
}

struct TinyModel {
  explicit TinyModel(double learning_rate = 0.5) {
    model.inputs = Placeholder(graph, "inputs", F32({"batch", 1}));
    model.labels = Placeholder(graph, "labels", I32({"batch"}));
    model.logits = Dense(model.inputs, 2, {.name = "logits"});
    model.loss = SparseSoftmaxCrossEntropy(model.logits, model.labels);
    program = Minimize(model.loss, Sgd{.learning_rate = learning_rate},
                       {.fetches = {{"logits", model.logits}}});
    session = Session::Create(graph, {.seed = 1});
  }
  absl::StatusOr<FitResult> Run(const FitOptions& options) {
    EVENGRAD_RETURN_IF_ERROR(program.status());
    EVENGRAD_RETURN_IF_ERROR(session.status());
    return Fit(*session, *program, model, Points(), options);
  }
  Graph graph;
  Classifier model;
  absl::StatusOr<Program> program;
  absl::StatusOr<Session> session;
};

TEST(FitTest, LearnsAndReports) {
  TinyModel setup;
  std::vector<StepReport> steps;
  std::vector<int64_t> epochs;
  const absl::StatusOr<FitResult> result = setup.Run(
      {.epochs = 20,
       .batch_size = 8,
       .validation = Points(),
       .on_step = [&](const StepReport& step) { steps.push_back(step); },
       .on_epoch =
           [&](const EpochReport& epoch) {
             epochs.push_back(epoch.epoch);
             return absl::OkStatus();
           }});
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_EQ(result->epochs.size(), 20u);
  EXPECT_EQ(result->steps, 20 * 13);
  EXPECT_FALSE(result->interrupted);
  EXPECT_EQ(steps.size(), 20u * 13);
  EXPECT_EQ(steps[12].step, 13);
  EXPECT_EQ(steps[12].steps, 13);
  EXPECT_EQ(steps[13].epoch, 2);
  EXPECT_EQ(epochs.size(), 20u);
  const EpochReport& first = result->epochs.front();
  const EpochReport& last = result->epochs.back();
  EXPECT_EQ(first.train_loss, steps[12].loss);
  EXPECT_LT(last.train_loss, 0.7 * first.train_loss);
  ASSERT_TRUE(last.validation.has_value());
  EXPECT_GT(last.validation->accuracy, 0.97);
  EXPECT_EQ(last.validation->examples, 100);
  EXPECT_EQ(setup.session->step(), 20 * 13);
}

TEST(FitTest, TheSameSeedGivesTheSameRun) {
  TinyModel first, second, other;
  const FitOptions options = {.epochs = 3, .batch_size = 7, .seed = 5};
  const absl::StatusOr<FitResult> a = first.Run(options);
  const absl::StatusOr<FitResult> b = second.Run(options);
  const absl::StatusOr<FitResult> c =
      other.Run({.epochs = 3, .batch_size = 7, .seed = 6});
  ASSERT_TRUE(a.ok() && b.ok() && c.ok());
  EXPECT_EQ(a->epochs[2].train_loss, b->epochs[2].train_loss);
  EXPECT_NE(a->epochs[2].train_loss, c->epochs[2].train_loss);
}

TEST(FitTest, WhatAFunctionThrowsBecomesAnError) {
  const auto error_of = [](const FitOptions& options) {
    return std::string(Message(TinyModel().Run(options).status()));
  };
  EXPECT_EQ(error_of({.on_step =
                          [](const StepReport&) {
                            throw std::runtime_error("no step");
                          }}),
            "on_step has thrown: no step");
  EXPECT_EQ(error_of({.on_epoch = [](const EpochReport&) -> absl::Status {
              throw std::runtime_error("no epoch");
            }}),
            "on_epoch has thrown: no epoch");
  EXPECT_EQ(error_of({.schedules = {{.state = "learning_rate",
                                     .schedule = Schedule([](double) -> double {
                                       throw std::runtime_error("no rate");
                                     })}}}),
            "Fit: the schedule of 'learning_rate' has thrown: no rate");
}

// Validation ends with a batch, and no step follows.
TEST(FitTest, AnInterruptionEndsTheValidation) {
  TinyModel setup;
  std::atomic<bool> interrupt = false;
  const FitOptions options = {.epochs = 3,
                              .batch_size = 10,
                              .validation = Points(),
                              .on_epoch =
                                  [&](const EpochReport&) {
                                    interrupt = true;
                                    return absl::OkStatus();
                                  },
                              .interrupt = &interrupt};
  const absl::StatusOr<FitResult> result = setup.Run(options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_TRUE(result->interrupted);
  EXPECT_EQ(result->epochs.size(), 1u);
  EXPECT_EQ(result->steps, 10);
  const absl::StatusOr<Evaluation> evaluation = Evaluate(
      *setup.session, setup.model, Points(), {.interrupt = &interrupt});
  EXPECT_TRUE(absl::IsCancelled(evaluation.status())) << evaluation.status();
}

TEST(FitTest, AnInterruptionEndsAfterTheStep) {
  TinyModel setup;
  std::atomic<bool> interrupt = false;
  const absl::StatusOr<FitResult> result =
      setup.Run({.epochs = 3,
                 .batch_size = 10,
                 .on_step =
                     [&](const StepReport& step) {
                       interrupt = step.epoch == 2 && step.step == 4;
                     },
                 .interrupt = &interrupt});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_TRUE(result->interrupted);
  EXPECT_EQ(result->epochs.size(), 1u);
  EXPECT_EQ(result->steps, 14);
}

TEST(FitTest, Errors) {
  TinyModel setup;
  EXPECT_EQ(Message(setup.Run({.epochs = 0}).status()),
            "Fit: 0 epochs, expected at least 1");
  EXPECT_FALSE(setup.Run({.batch_size = 0}).ok());
  EXPECT_EQ(Message(setup
                        .Run({.on_epoch =
                                  [](const EpochReport&) {
                                    return absl::UnavailableError("disk full");
                                  }})
                        .status()),
            "disk full");
  setup.program = Minimize(setup.model.loss, Sgd{});
  EXPECT_EQ(Message(setup.Run({}).status()),
            "Fit: the training program does not fetch the logits ('" +
                setup.model.logits.name() +
                "'); add it to MinimizeOptions::fetches");
}

TEST(FitTest, ALossThatIsNotFiniteStopsTheTraining) {
  TinyModel setup(3e38);
  const absl::StatusOr<FitResult> result = setup.Run({.epochs = 5});
  ASSERT_FALSE(result.ok());
  EXPECT_NE(Message(result.status()).find("lower the learning rate"),
            std::string::npos)
      << result.status();
}

TEST(FitTest, AnEpochWithoutAStepHasNoLoss) {
  TinyModel setup;
  const absl::StatusOr<Program> program =
      Minimize(setup.model.loss, Sgd{},
               {.fetches = {{"logits", setup.model.logits}},
                .non_finite = {NonFinitePolicy::kSkipStep}});
  ASSERT_TRUE(program.ok()) << program.status();
  const DataSet data = *DataSet::Create(*Tensor::Of<float>({2, 1}, {NAN, NAN}),
                                        *Tensor::Of<int32_t>({2}, {0, 1}));
  const absl::StatusOr<FitResult> result =
      Fit(*setup.session, *program, setup.model, data, {});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_TRUE(std::isnan(result->epochs.at(0).train_loss));
  EXPECT_TRUE(std::isnan(result->epochs.at(0).train_accuracy));
}

TEST(EvaluateTest, MeanOverExamplesNotBatches) {
  TinyModel setup;
  ASSERT_TRUE(setup.session.ok()) << setup.session.status();
  absl::StatusOr<Evaluation> whole =
      Evaluate(*setup.session, setup.model, Points(), {.batch_size = 100});
  absl::StatusOr<Evaluation> parts =
      Evaluate(*setup.session, setup.model, Points(), {.batch_size = 33});
  ASSERT_TRUE(whole.ok()) << whole.status();
  ASSERT_TRUE(parts.ok()) << parts.status();
  EXPECT_NEAR(whole->loss, parts->loss, 1e-6);
  EXPECT_EQ(whole->accuracy, parts->accuracy);
  EXPECT_EQ(setup.session->step(), 0);
  EXPECT_FALSE(
      Evaluate(*setup.session, setup.model, *Points().Slice(0, 0)).ok());
}

TEST(EvaluateTest, TopKAndConfusionOverAllBatches) {
  TinyModel setup;
  ASSERT_TRUE(setup.session.ok()) << setup.session.status();
  const absl::StatusOr<Evaluation> found =
      Evaluate(*setup.session, setup.model, Points(),
               {.batch_size = 33, .top_k = 2, .confusion = true});
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->top_k_accuracy, 1);
  ASSERT_TRUE(found->confusion.has_value());
  EXPECT_EQ(found->confusion->examples(), 100);
  EXPECT_EQ(found->confusion->Accuracy(), found->accuracy);
  EXPECT_EQ(found->confusion->count(0, 0) + found->confusion->count(0, 1), 50);
  EXPECT_EQ(
      Message(Evaluate(*setup.session, setup.model, Points(), {.top_k = -1})
                  .status()),
      "Evaluate: top -1, expected at least 1, or 0 for none");
}

}  // namespace
}  // namespace evengrad
