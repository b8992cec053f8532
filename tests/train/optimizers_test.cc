// The optimizers' updates against plain loops over the same formulas.
#include "evengrad/train/optimizers.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <vector>

#include "evengrad/graph/status.h"
#include "evengrad/ops/ops.h"
#include "evengrad/runtime/session.h"
#include "evengrad/train/minimize.h"

namespace evengrad {
namespace {

constexpr int kSteps = 12;

// A parameter p that starts as {1, -2, 0.5} and the loss sum(c * p^2) with
// c = {1, 0.5, 3}: the gradient is 2 * c * p.
struct Bowl {
  explicit Bowl(DType dtype) {
    Tensor start = *Tensor::Zeros({dtype, {3}});
    Tensor curvature = *Tensor::Zeros({dtype, {3}});
    for (int i = 0; i < 3; ++i) {
      StoreFromDouble(dtype, start.mutable_data(), i, kStart[i]);
      StoreFromDouble(dtype, curvature.mutable_data(), i, kCurvature[i]);
    }
    p = Parameter(graph, "p", Constant(graph, start));
    loss = ReduceSum(Constant(graph, curvature) * Square(p));
  }
  static constexpr double kStart[] = {1, -2, 0.5};
  static constexpr double kCurvature[] = {1, 0.5, 3};
  Graph graph;
  Value p;
  Value loss;
};

// The parameter after kSteps steps of `optimizer`.
std::vector<double> Trained(const Optimizer& optimizer, DType dtype) {
  Bowl bowl(dtype);
  const absl::StatusOr<Program> program = Minimize(bowl.loss, optimizer);
  EXPECT_TRUE(program.ok()) << program.status();
  absl::StatusOr<Session> session = Session::Create(bowl.graph);
  EXPECT_TRUE(session.ok()) << session.status();
  if (!program.ok() || !session.ok()) return {};
  for (int step = 0; step < kSteps; ++step) {
    const absl::StatusOr<RunResult> result = session->Run(*program, {});
    EXPECT_TRUE(result.ok()) << result.status();
  }
  EXPECT_EQ(*session->Read("step")->scalar<int64_t>(), kSteps);
  return session->Read(bowl.p)->ToDoubles();
}

// Applies `update(p, gradient, step)` to each element for kSteps steps; the
// function keeps its slots by element.
std::vector<double> Expected(
    const std::function<void(int i, double& p, double gradient, int step)>&
        update) {
  std::vector<double> p(std::begin(Bowl::kStart), std::end(Bowl::kStart));
  for (int step = 1; step <= kSteps; ++step) {
    for (int i = 0; i < 3; ++i) {
      update(i, p[i], 2 * Bowl::kCurvature[i] * p[i], step);
    }
  }
  return p;
}

void ExpectNear(const std::vector<double>& actual,
                const std::vector<double>& expected, double tolerance) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) {
    EXPECT_NEAR(actual[i], expected[i], tolerance) << i;
  }
}

void ExpectTrained(const Optimizer& optimizer,
                   const std::vector<double>& expected) {
  ExpectNear(Trained(optimizer, DType::kF32), expected, 2e-6);
  ExpectNear(Trained(optimizer, DType::kF64), expected, 1e-14);
}

TEST(SgdTest, Plain) {
  ExpectTrained(Sgd{.learning_rate = 0.1},
                Expected([](int, double& p, double gradient, int) {
                  p -= 0.1 * gradient;
                }));
}

TEST(SgdTest, Momentum) {
  double v[3] = {};
  ExpectTrained(Sgd{.learning_rate = 0.05, .momentum = 0.9},
                Expected([&](int i, double& p, double gradient, int) {
                  v[i] = 0.9 * v[i] + gradient;
                  p -= 0.05 * v[i];
                }));
}

TEST(SgdTest, Nesterov) {
  double v[3] = {};
  ExpectTrained(Sgd{.learning_rate = 0.05, .momentum = 0.9, .nesterov = true},
                Expected([&](int i, double& p, double gradient, int) {
                  v[i] = 0.9 * v[i] + gradient;
                  p -= 0.05 * (gradient + 0.9 * v[i]);
                }));
}

TEST(AdamTest, BiasCorrectionAndEpsilonOutsideTheRoot) {
  double m[3] = {}, v[3] = {};
  ExpectTrained(
      Adam{.learning_rate = 0.1, .beta1 = 0.8, .beta2 = 0.99, .epsilon = 0.5},
      Expected([&](int i, double& p, double gradient, int step) {
        m[i] = 0.8 * m[i] + 0.2 * gradient;
        v[i] = 0.99 * v[i] + 0.01 * gradient * gradient;
        const double m_hat = m[i] / (1 - std::pow(0.8, step));
        const double v_hat = v[i] / (1 - std::pow(0.99, step));
        p -= 0.1 * m_hat / (std::sqrt(v_hat) + 0.5);
      }));
}

TEST(OptimizerTest, SlotsAndTheLearningRateAreStates) {
  Bowl bowl(DType::kF32);
  const absl::StatusOr<Program> program =
      Minimize(bowl.loss, Sgd{.learning_rate = 0.5, .momentum = 0.5});
  ASSERT_TRUE(program.ok()) << program.status();
  absl::StatusOr<Session> session = Session::Create(bowl.graph);
  ASSERT_TRUE(session.ok()) << session.status();
  ASSERT_TRUE(session->Run(*program, {}).ok());
  EXPECT_EQ(session->Read("p/momentum")->ToDoubles(),
            (std::vector<double>{2, -2, 3}));
  EXPECT_EQ(session->Read("p")->ToDoubles(), (std::vector<double>{0, -1, -1}));
  // A rate of 0 keeps the parameter, without compiling anything anew.
  ASSERT_TRUE(
      session->Write("learning_rate", *Tensor::Of<float>({}, {0.0f})).ok());
  ASSERT_TRUE(session->Run(*program, {}).ok());
  EXPECT_EQ(session->Read("p")->ToDoubles(), (std::vector<double>{0, -1, -1}));
  EXPECT_EQ(session->Read("p/momentum")->ToDoubles(),
            (std::vector<double>{1, -2, -4.5}));
}

TEST(OptimizerTest, AnyFunctionIsAnOptimizer) {
  const Optimizer halve = [](OptimizerContext& context) {
    for (const TrainedParameter& trained : context.parameters) {
      context.Descend(trained, 0.5 * trained.parameter);
    }
    return absl::OkStatus();
  };
  ExpectNear(Trained(halve, DType::kF32),
             Expected([](int, double& p, double, int) { p *= 0.5; }), 1e-7);
}

TEST(OptimizerTest, Errors) {
  Bowl bowl(DType::kF32);
  auto message = [&](const Optimizer& optimizer) {
    return std::string(Message(Minimize(bowl.loss, optimizer).status()));
  };
  EXPECT_EQ(message(Sgd{.learning_rate = -1e-3}),
            "Sgd: the learning rate is -0.001, expected a finite number that "
            "is not negative");
  EXPECT_EQ(message(Sgd{.learning_rate = std::nan("")}),
            "Sgd: the learning rate is nan, expected a finite number that is "
            "not negative");
  EXPECT_EQ(message(Sgd{.momentum = 1}),
            "Sgd: the momentum is 1, expected a number in [0, 1)");
  EXPECT_EQ(message(Sgd{.nesterov = true}),
            "Sgd: Nesterov's rule needs a momentum; give one, such as 0.9");
  EXPECT_EQ(message(Adam{.learning_rate = HUGE_VAL}),
            "Adam: the learning rate is inf, expected a finite number that is "
            "not negative");
  EXPECT_EQ(message(Adam{.beta2 = std::nan("")}),
            "Adam: a beta is nan, expected numbers in [0, 1)");
  EXPECT_EQ(message(Adam{.epsilon = 0}),
            "Adam: epsilon is 0, expected a finite number above 0");
  EXPECT_EQ(message(Optimizer()), "Minimize: the optimizer is empty");
  EXPECT_EQ(message([](OptimizerContext&) {
              return absl::InvalidArgumentError("not today");
            }),
            "not today");
}

}  // namespace
}  // namespace evengrad
