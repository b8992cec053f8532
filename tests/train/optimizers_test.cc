// The optimizers' updates against plain loops over the same formulas.
#include "evengrad/train/optimizers.h"

#include <gtest/gtest.h>

#include <algorithm>
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

TEST(SgdTest, CoupledWeightDecayGoesThroughTheMomentum) {
  double v[3] = {};
  ExpectTrained(Sgd{.learning_rate = 0.05,
                    .momentum = 0.9,
                    .weight_decay = {.rate = 0.3}},
                Expected([&](int i, double& p, double gradient, int) {
                  v[i] = 0.9 * v[i] + gradient + 0.3 * p;
                  p -= 0.05 * v[i];
                }));
}

TEST(SgdTest, DecoupledWeightDecayDoesNot) {
  double v[3] = {};
  ExpectTrained(Sgd{.learning_rate = 0.05,
                    .momentum = 0.9,
                    .weight_decay = {.rate = 0.3, .decoupled = true}},
                Expected([&](int i, double& p, double gradient, int) {
                  v[i] = 0.9 * v[i] + gradient;
                  p -= 0.05 * 0.3 * p + 0.05 * v[i];
                }));
}

TEST(AdaGradTest, EpsilonOutsideTheRoot) {
  double s[3] = {};
  ExpectTrained(AdaGrad{.learning_rate = 0.2, .epsilon = 0.5},
                Expected([&](int i, double& p, double gradient, int) {
                  s[i] += gradient * gradient;
                  p -= 0.2 * gradient / (std::sqrt(s[i]) + 0.5);
                }));
}

TEST(AdaGradTest, EpsilonInsideTheRootAndAnInitialAccumulator) {
  double s[3] = {0.1, 0.1, 0.1};
  ExpectTrained(AdaGrad{.learning_rate = 0.2,
                        .initial_accumulator = 0.1,
                        .epsilon = 0.5,
                        .epsilon_placement = EpsilonPlacement::kInsideRoot},
                Expected([&](int i, double& p, double gradient, int) {
                  s[i] += gradient * gradient;
                  p -= 0.2 * gradient / std::sqrt(s[i] + 0.5);
                }));
}

TEST(RmsPropTest, EpsilonOutsideTheRoot) {
  double v[3] = {};
  ExpectTrained(RmsProp{.learning_rate = 0.1, .decay = 0.8, .epsilon = 0.5},
                Expected([&](int i, double& p, double gradient, int) {
                  v[i] = 0.8 * v[i] + 0.2 * gradient * gradient;
                  p -= 0.1 * gradient / (std::sqrt(v[i]) + 0.5);
                }));
}

TEST(RmsPropTest, EpsilonInsideTheRootAndMomentum) {
  double v[3] = {}, b[3] = {};
  ExpectTrained(RmsProp{.learning_rate = 0.1,
                        .decay = 0.8,
                        .epsilon = 0.5,
                        .epsilon_placement = EpsilonPlacement::kInsideRoot,
                        .momentum = 0.7},
                Expected([&](int i, double& p, double gradient, int) {
                  v[i] = 0.8 * v[i] + 0.2 * gradient * gradient;
                  b[i] = 0.7 * b[i] + gradient / std::sqrt(v[i] + 0.5);
                  p -= 0.1 * b[i];
                }));
}

TEST(RmsPropTest, Centered) {
  double v[3] = {}, a[3] = {};
  ExpectTrained(
      RmsProp{
          .learning_rate = 0.1, .decay = 0.8, .epsilon = 0.5, .centered = true},
      Expected([&](int i, double& p, double gradient, int) {
        v[i] = 0.8 * v[i] + 0.2 * gradient * gradient;
        a[i] = 0.8 * a[i] + 0.2 * gradient;
        p -= 0.1 * gradient / (std::sqrt(v[i] - a[i] * a[i]) + 0.5);
      }));
}

// A gradient that stays makes the variance 0, or less by rounding.
TEST(RmsPropTest, AVarianceBelowZeroByRoundingIsZero) {
  Graph graph;
  const Value p = Parameter(graph, "p", Constant(graph, 1.0));
  const absl::StatusOr<Program> program = Minimize(
      0.1 * p, RmsProp{.learning_rate = 1e-3, .decay = 0.1, .centered = true});
  ASSERT_TRUE(program.ok()) << program.status();
  absl::StatusOr<Session> session = Session::Create(graph);
  ASSERT_TRUE(session.ok()) << session.status();
  for (int step = 0; step < 100; ++step) {
    ASSERT_TRUE(session->Run(*program, {}).ok());
    ASSERT_TRUE(std::isfinite(session->Read(p)->ToDoubles()[0])) << step;
  }
}

TEST(AdamTest, CoupledWeightDecayGoesThroughTheMoments) {
  double m[3] = {}, v[3] = {};
  ExpectTrained(Adam{.learning_rate = 0.1, .weight_decay = {.rate = 0.5}},
                Expected([&](int i, double& p, double gradient, int step) {
                  const double g = gradient + 0.5 * p;
                  m[i] = 0.9 * m[i] + 0.1 * g;
                  v[i] = 0.999 * v[i] + 0.001 * g * g;
                  p -= 0.1 * m[i] / (1 - std::pow(0.9, step)) /
                       (std::sqrt(v[i] / (1 - std::pow(0.999, step))) + 1e-8);
                }));
}

TEST(AdamWTest, DecaysBesideTheRule) {
  double m[3] = {}, v[3] = {};
  ExpectTrained(AdamW{.learning_rate = 0.1, .weight_decay = 0.5},
                Expected([&](int i, double& p, double gradient, int step) {
                  m[i] = 0.9 * m[i] + 0.1 * gradient;
                  v[i] = 0.999 * v[i] + 0.001 * gradient * gradient;
                  p -= 0.1 * 0.5 * p;
                  p -= 0.1 * m[i] / (1 - std::pow(0.9, step)) /
                       (std::sqrt(v[i] / (1 - std::pow(0.999, step))) + 1e-8);
                }));
}

TEST(AdamaxTest, InfinityNorm) {
  double m[3] = {}, u[3] = {};
  ExpectTrained(
      Adamax{.learning_rate = 0.1, .beta1 = 0.8, .beta2 = 0.9, .epsilon = 0.2},
      Expected([&](int i, double& p, double gradient, int step) {
        m[i] = 0.8 * m[i] + 0.2 * gradient;
        u[i] = std::max(0.9 * u[i], std::fabs(gradient) + 0.2);
        p -= 0.1 / (1 - std::pow(0.8, step)) * m[i] / u[i];
      }));
}

// Dozat's rule with the products of the momenta written out.
TEST(NadamTest, MomentumIsRaisedStepByStep) {
  for (const double decay : {0.004, 1.0}) {
    double m[3] = {}, v[3] = {};
    auto mu = [&](int t) {
      return 0.8 * (1 - 0.5 * std::pow(0.96, t * decay));
    };
    auto product = [&](int last) {
      double result = 1;
      for (int t = 1; t <= last; ++t) result *= mu(t);
      return result;
    };
    ExpectTrained(
        Nadam{.learning_rate = 0.1,
              .beta1 = 0.8,
              .beta2 = 0.99,
              .epsilon = 0.5,
              .momentum_decay = decay},
        Expected([&](int i, double& p, double gradient, int t) {
          m[i] = 0.8 * m[i] + 0.2 * gradient;
          v[i] = 0.99 * v[i] + 0.01 * gradient * gradient;
          const double ahead = mu(t + 1) * m[i] / (1 - product(t + 1)) +
                               (1 - mu(t)) * gradient / (1 - product(t));
          p -= 0.1 * ahead / (std::sqrt(v[i] / (1 - std::pow(0.99, t))) + 0.5);
        }));
  }
}

// The first two steps of a parameter 1 with the gradient 2p, by hand. Adam's
// first step is the rate, whatever the gradient.
TEST(OptimizerTest, TwoStepsByHand) {
  struct Case {
    const char* name;
    Optimizer optimizer;
    double first, second;
  };
  const Case cases[] = {
      // v = 2, then 0.5 * 2 + 1.6 = 2.6.
      {"momentum", Sgd{.learning_rate = 0.1, .momentum = 0.5}, 0.8, 0.54},
      // p -= 0.1 * (2 + 0.5 * 2); then v = 1 + 1.4, p -= 0.1 * (1.4 + 1.2).
      {"nesterov", Sgd{.learning_rate = 0.1, .momentum = 0.5, .nesterov = true},
       0.7, 0.44},
      // s = 4, then 4 + 1.8^2 = 7.24.
      {"adagrad", AdaGrad{.learning_rate = 0.1}, 0.9,
       0.9 - 0.18 / 2.6907248094147422},
      // v = 2, p = 1 - 0.2 / sqrt(2); v = 1 + 1.7171573^2 / 2 = 2.4743146.
      {"rmsprop", RmsProp{.learning_rate = 0.1, .decay = 0.5}, 0.8585786448,
       0.7494138461},
      // Corrected moments 2 and 4, then 0.36 / 0.19 and 0.007236 / 0.001999.
      {"adam", Adam{.learning_rate = 0.1}, 0.9, 0.8004122287},
      // The same beside p *= 0.9: then 0.34 / 0.19 and 0.006556 / 0.001999.
      {"adamw", AdamW{.learning_rate = 0.1, .weight_decay = 1}, 0.8,
       0.6211874206},
      // u = 2, then max(0.999 * 2, 1.8): p -= 0.1 / 0.19 * 0.36 / 1.998.
      {"adamax", Adamax{.learning_rate = 0.1}, 0.9, 0.8051683273},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.name);
    Graph graph;
    const Value p = Parameter(graph, "p", Constant(graph, 1.0, DType::kF64));
    const absl::StatusOr<Program> program = Minimize(Square(p), one.optimizer);
    ASSERT_TRUE(program.ok()) << program.status();
    absl::StatusOr<Session> session = Session::Create(graph);
    ASSERT_TRUE(session.ok()) << session.status();
    ASSERT_TRUE(session->Run(*program, {}).ok());
    EXPECT_NEAR(session->Read(p)->ToDoubles()[0], one.first, 2e-9);
    ASSERT_TRUE(session->Run(*program, {}).ok());
    EXPECT_NEAR(session->Read(p)->ToDoubles()[0], one.second, 2e-9);
  }
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

TEST(OptimizerTest, MomentumAndWeightDecayAreStates) {
  Bowl bowl(DType::kF32);
  const absl::StatusOr<Program> program = Minimize(
      bowl.loss,
      Sgd{.learning_rate = 0.25, .momentum = 0.5, .weight_decay = {.rate = 1}});
  ASSERT_TRUE(program.ok()) << program.status();
  absl::StatusOr<Session> session = Session::Create(bowl.graph);
  ASSERT_TRUE(session.ok()) << session.status();
  ASSERT_TRUE(session->Initialize(*program).ok());
  EXPECT_EQ(session->Read("momentum")->ToDoubles(), std::vector<double>{0.5});
  EXPECT_EQ(session->Read("weight_decay")->ToDoubles(), std::vector<double>{1});
  ASSERT_TRUE(session->Run(*program, {}).ok());
  EXPECT_EQ(session->Read("p/momentum")->ToDoubles(),
            (std::vector<double>{3, -4, 3.5}));
  // Neither of them from now on: the velocity is the gradient 2 * c * p.
  const Tensor zero = *Tensor::Of<float>({}, {0.0f});
  ASSERT_TRUE(session->Write("momentum", zero).ok());
  ASSERT_TRUE(session->Write("weight_decay", zero).ok());
  const std::vector<double> p = session->Read("p")->ToDoubles();
  ASSERT_TRUE(session->Run(*program, {}).ok());
  EXPECT_EQ(session->Read("p/momentum")->ToDoubles(),
            (std::vector<double>{2 * p[0], p[1], 6 * p[2]}));
}

TEST(OptimizerTest, GroupsScaleTheWeightDecay) {
  for (const bool decoupled : {false, true}) {
    Graph graph;
    const Value weights = Parameter(graph, "a/weights", Constant(graph, 1.0));
    const Value bias = Parameter(graph, "a/bias", Constant(graph, 1.0));
    const Value other = Parameter(graph, "b/weights", Constant(graph, 1.0));
    // Gradients of zero: the decay is all that happens.
    const absl::StatusOr<Program> program =
        Minimize(0.0 * (weights + bias + other),
                 Sgd{.learning_rate = 0.5,
                     .weight_decay = {.rate = 0.5, .decoupled = decoupled}},
                 {.groups = {{.pattern = "*/bias", .weight_decay_scale = 0},
                             {.pattern = "b/*", .weight_decay_scale = 2}}});
    ASSERT_TRUE(program.ok()) << program.status();
    absl::StatusOr<Session> session = Session::Create(graph);
    ASSERT_TRUE(session.ok()) << session.status();
    ASSERT_TRUE(session->Run(*program, {}).ok());
    EXPECT_EQ(session->Read(weights)->ToDoubles(), std::vector<double>{0.75});
    EXPECT_EQ(session->Read(bias)->ToDoubles(), std::vector<double>{1});
    EXPECT_EQ(session->Read(other)->ToDoubles(), std::vector<double>{0.5});
  }
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
  EXPECT_EQ(message(Sgd{.weight_decay = {.rate = -1}}),
            "Sgd: the weight decay is -1, expected a finite number that is not "
            "negative");
  EXPECT_EQ(message(AdamW{.weight_decay = HUGE_VAL}),
            "AdamW: the weight decay is inf, expected a finite number that is "
            "not negative");
  EXPECT_EQ(message(AdaGrad{.initial_accumulator = -1}),
            "AdaGrad: the initial accumulator is -1, expected a finite number "
            "that is not negative");
  EXPECT_EQ(message(RmsProp{.decay = 1}),
            "RmsProp: the decay is 1, expected a number in [0, 1)");
  EXPECT_EQ(message(RmsProp{.momentum = -0.5}),
            "RmsProp: the momentum is -0.5, expected a number in [0, 1)");
  EXPECT_EQ(message(Adamax{.epsilon = -1}),
            "Adamax: epsilon is -1, expected a finite number above 0");
  EXPECT_EQ(message(Nadam{.beta1 = 1}),
            "Nadam: a beta is 1, expected numbers in [0, 1)");
  EXPECT_EQ(message(Nadam{.momentum_decay = std::nan("")}),
            "Nadam: the momentum decay is nan, expected a finite number that "
            "is not negative");
  EXPECT_EQ(message(Sgd{.learning_rate = 1e300}),
            "the learning_rate of an optimizer is 1e+300, more than an f32 can "
            "hold");
  const std::string given =
      ": the parameter is empty; give it one of OptimizerContext::parameters";
  EXPECT_EQ(message([](OptimizerContext& context) {
              context.AddSlot({}, "momentum");
              return absl::OkStatus();
            }),
            "AddSlot" + given);
  EXPECT_EQ(message([](OptimizerContext& context) {
              context.AddRates(0.1, {});
              context.Descend({}, context.RateOf({}));
              return absl::OkStatus();
            }),
            "Descend" + given);
  EXPECT_EQ(message(Optimizer()), "Minimize: the optimizer is empty");
  EXPECT_EQ(message([](OptimizerContext&) {
              return absl::InvalidArgumentError("not today");
            }),
            "not today");
}

}  // namespace
}  // namespace evengrad
