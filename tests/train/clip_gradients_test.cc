// The rules of clipping, held against traces computed here by the formulas of
// their papers.
#include "evengrad/runtime/hooks/clip_gradients.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "evengrad/graph/status.h"
#include "evengrad/ops/layers.h"
#include "evengrad/ops/losses.h"
#include "evengrad/ops/ops.h"
#include "evengrad/runtime/session.h"
#include "evengrad/train/minimize.h"

namespace evengrad {
namespace {

using Numbers = std::vector<double>;

// Two parameters whose gradients are fed: the loss is sum(a * ga) + sum(b *
// gb), and a step of rate 1 subtracts what clipping leaves of them.
struct FedGradients {
  FedGradients(const Shape& a_shape, const Shape& b_shape,
               NonFinitePolicy policy = NonFinitePolicy::kError)
      : policy(policy) {
    a = Parameter(graph, "first/a", Filled(a_shape));
    b = Parameter(graph, "second/b", Filled(b_shape));
    ga = Placeholder(graph, "ga", {DType::kF32, a_shape});
    gb = Placeholder(graph, "gb", {DType::kF32, b_shape});
    loss = ReduceSum(a * ga) + ReduceSum(b * gb);
  }
  Value Filled(const Shape& shape) {
    return BroadcastTo(Constant(graph, 0.0), shape);
  }
  static Tensor Fed(const Value& like, const Numbers& numbers) {
    Tensor tensor = *Tensor::Zeros(like.type());
    for (size_t i = 0; i < numbers.size(); ++i) {
      StoreFromDouble(DType::kF32, tensor.mutable_data(),
                      static_cast<int64_t>(i), numbers[i]);
    }
    return tensor;
  }

  void Start(std::shared_ptr<Hook> hook) {
    const absl::StatusOr<Program> made =
        Minimize(loss, Sgd{.learning_rate = 1},
                 {.hooks = {std::move(hook)}, .non_finite = {policy}});
    ASSERT_TRUE(made.ok()) << made.status();
    program = *made;
    session.emplace(*Session::Create(graph, {.num_threads = 1}));
  }

  // What a step subtracts from a and b.
  std::pair<Numbers, Numbers> Step(const Numbers& a_gradient,
                                   const Numbers& b_gradient) {
    const Numbers old_a = session->Read("first/a")->ToDoubles();
    const Numbers old_b = session->Read("second/b")->ToDoubles();
    const absl::Status status = session
                                    ->Run(program, {{ga, Fed(ga, a_gradient)},
                                                    {gb, Fed(gb, b_gradient)}})
                                    .status();
    EXPECT_TRUE(status.ok()) << status;
    auto difference = [](const Numbers& from, const Numbers& to) {
      Numbers result;
      for (size_t i = 0; i < from.size(); ++i) {
        result.push_back(from[i] - to[i]);
      }
      return result;
    };
    return {difference(old_a, session->Read("first/a")->ToDoubles()),
            difference(old_b, session->Read("second/b")->ToDoubles())};
  }

  ClippingReport Report(std::string_view scope) {
    const absl::StatusOr<ClippingReport> report =
        ReadClippingReport(*session, scope);
    EXPECT_TRUE(report.ok()) << report.status();
    return report.ok() ? *report : ClippingReport{};
  }

  NonFinitePolicy policy;
  Graph graph;
  Value a, b, ga, gb, loss;
  Program program;
  std::optional<Session> session;
};

TEST(ClipByValueTest, ClampsEveryElement) {
  FedGradients fed({3}, {2});
  fed.Start(ClipByValue(2));
  EXPECT_EQ(fed.Step({1, -3, 0}, {0, 4}),
            std::pair(Numbers({1, -2, 0}), Numbers({0, 2})));
  ClippingReport report = fed.Report("clip_by_value");
  EXPECT_DOUBLE_EQ(report.norm, std::sqrt(26.0));
  EXPECT_DOUBLE_EQ(report.clipped_norm, 3);
  EXPECT_EQ(report.acted, 1);
  EXPECT_EQ(report.steps, 1);
  fed.Step({1, -2, 0}, {0, 2});
  report = fed.Report("clip_by_value");
  EXPECT_EQ(report.acted, 1);
  EXPECT_EQ(report.steps, 2);
}

TEST(ClipByNormTest, ScalesEveryParameterByItself) {
  FedGradients fed({2}, {1});
  fed.Start(ClipByNorm(2));
  EXPECT_EQ(fed.Step({6, 8}, {-1}),
            std::pair(Numbers({1.2000000476837158, 1.6000000238418579}),
                      Numbers({-1})));
  const ClippingReport report = fed.Report("clip_by_norm");
  EXPECT_DOUBLE_EQ(report.norm, std::sqrt(101.0));
  EXPECT_DOUBLE_EQ(report.clipped_norm, std::sqrt(5.0));
  EXPECT_EQ(report.acted, 1);
  fed.Step({0, 0}, {0.5});
  EXPECT_EQ(fed.Report("clip_by_norm").acted, 1);
}

// PyTorch and the plain formula: an infinite norm makes finite gradients 0 and
// infinite ones NaN; a NaN makes all NaN.
TEST(ClipByGlobalNormTest, PropagatesWhatTheFormulaGives) {
  FedGradients fed({2}, {1}, NonFinitePolicy::kPropagate);
  fed.Start(ClipByGlobalNorm(1));
  auto [a, b] = fed.Step({HUGE_VAL, 3}, {4});
  EXPECT_TRUE(std::isnan(a[0]));
  EXPECT_EQ(a[1], 0);
  EXPECT_EQ(b[0], 0);
  FedGradients poisoned({2}, {1}, NonFinitePolicy::kPropagate);
  poisoned.Start(ClipByGlobalNorm(1));
  std::tie(a, b) = poisoned.Step({std::nan(""), 3}, {4});
  EXPECT_TRUE(std::isnan(a[0]) && std::isnan(a[1]) && std::isnan(b[0]));
  EXPECT_TRUE(std::isnan(poisoned.Report("clip_by_global_norm").norm));
}

// clip_grad_norm_(error_if_nonfinite=True): nothing changes.
TEST(ClipByGlobalNormTest, ABadNormIsAnErrorBeforeAnyUpdate) {
  for (const double bad : {HUGE_VAL, std::nan("")}) {
    FedGradients fed({2}, {1});
    fed.Start(ClipByGlobalNorm(1));
    const absl::Status status =
        fed.session
            ->Run(fed.program, {{fed.ga, FedGradients::Fed(fed.ga, {bad, 3})},
                                {fed.gb, FedGradients::Fed(fed.gb, {4})}})
            .status();
    EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange) << status;
    EXPECT_EQ(fed.session->Read("first/a")->ToDoubles(), Numbers({0, 0}));
    EXPECT_EQ(fed.session->Read("second/b")->ToDoubles(), Numbers({0}));
  }
}

// TensorFlow's rule, as a hook of a user's: an infinite norm makes every
// gradient NaN, on purpose.
class TensorFlowClip : public Hook {
 public:
  absl::Status Instrument(Instrumentation& instrumentation) override {
    Value squares = Constant(instrumentation.graph(), 0.0);
    for (const Value& parameter : instrumentation.parameters()) {
      squares =
          squares + ReduceSum(Square(instrumentation.gradient(parameter)));
    }
    const Value norm = Sqrt(squares);
    const Value scale = 2 * Minimum(1 / norm, 0.5) + (norm - norm);
    for (const Value& parameter : instrumentation.parameters()) {
      EVENGRAD_RETURN_IF_ERROR(instrumentation.ReplaceGradient(
          parameter, instrumentation.gradient(parameter) * scale));
    }
    return absl::OkStatus();
  }
};

TEST(ClipByGlobalNormTest, TensorFlowsRuleIsAHookOfAFewLines) {
  for (const double bad : {HUGE_VAL, std::nan("")}) {
    FedGradients fed({2}, {1}, NonFinitePolicy::kPropagate);
    fed.Start(std::make_shared<TensorFlowClip>());
    const auto [a, b] = fed.Step({bad, 3}, {4});
    EXPECT_TRUE(std::isnan(a[0]) && std::isnan(a[1]) && std::isnan(b[0]));
  }
  FedGradients fed({2}, {1});
  fed.Start(std::make_shared<TensorFlowClip>());
  EXPECT_EQ(fed.Step({3, 0}, {-4}).second[0], -1.6f);
  EXPECT_EQ(fed.Step({0.5, 0}, {1}),
            std::pair(Numbers({0.5, 0}), Numbers({1})));
}

// ---- Adaptive
// -----------------------------------------------------------------

// By hand, with factor 0.5 and epsilon 0.1. Columns are units.
TEST(AdaptiveClipTest, ClipsUnitByUnit) {
  Graph graph;
  const Value w = Parameter(
      graph, "hidden/w",
      Constant(graph, *Tensor::Of<float>({2, 3}, {3, 0, 1, 4, 0, 0})));
  const Value bias = Parameter(
      graph, "hidden/bias", Constant(graph, *Tensor::Of<float>({2}, {0, 2})));
  const Value last = Parameter(graph, "last/w", Constant(graph, 1.0));
  const Value gw = Placeholder(graph, "gw", F32({2, 3}));
  const Value gb = Placeholder(graph, "gb", F32({2}));
  const Value hidden = ReduceSum(w * gw) + ReduceSum(bias * gb);
  Value loss;
  {
    const NameScope scope(graph, "last");
    loss = hidden * last;
  }
  const absl::StatusOr<Program> program =
      Minimize(loss, Sgd{.learning_rate = 1},
               {.hooks = {AdaptiveClip(0.5, {.epsilon = 0.1})}});
  ASSERT_TRUE(program.ok()) << program.status();
  absl::StatusOr<Session> session = Session::Create(graph);
  const absl::Status status =
      session
          ->Run(*program,
                {{gw, *Tensor::Of<float>({2, 3}, {3, 0.03f, 1, 4, 0.04f, 0})},
                 {gb, *Tensor::Of<float>({2}, {3, 4})}})
          .status();
  ASSERT_TRUE(status.ok()) << status;
  const Numbers found = session->Read("hidden/w")->ToDoubles();
  // |W| = 5, 0, 1: limits 2.5, 0.05, 0.5; |G| = 5, 0.05, 1.
  const Numbers expected = {3 - 1.5, -0.03, 1 - 0.5, 4 - 2.0, -0.04, 0};
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_NEAR(found[i], expected[i], 1e-6) << i;
  }
  // The whole vector is a unit: |b| = 2, limit 1, |G| = 5.
  const Numbers new_bias = session->Read("hidden/bias")->ToDoubles();
  EXPECT_NEAR(new_bias[0], 0 - 0.6, 1e-6);
  EXPECT_NEAR(new_bias[1], 2 - 0.8, 1e-6);
  // The output layer is exempt: its gradient is `hidden`, far above 0.5.
  EXPECT_NEAR(session->Read("last/w")->ToDoubles()[0], 1 - (9 + 16 + 1 + 8),
              1e-5);
  EXPECT_EQ(ReadClippingReport(*session, "adaptive_clip")->acted, 1);
}

TEST(AdaptiveClipTest, ExemptsByNameAndOnlyTheOutputLayerByDefault) {
  auto gradients_that_stay = [](AdaptiveClipOptions options) {
    Graph graph;
    const Value x = Placeholder(graph, "x", F32({4, 3}));
    Value h = x;
    for (const char* name : {"one", "two", "logits"}) {
      h = Tanh(Dense(h, 3, {.name = name}));
    }
    class Spy : public Hook {
     public:
      absl::Status Instrument(Instrumentation& i) override {
        for (const Value& p : i.parameters()) {
          if (i.gradient(p) == i.raw_gradient(p)) {
            names += p.name() + " ";
          }
        }
        return absl::OkStatus();
      }
      std::string names;
    };
    auto spy = std::make_shared<Spy>();
    EXPECT_TRUE(Minimize(ReduceSum(h), Sgd{},
                         {.hooks = {AdaptiveClip(0.01, options), spy}})
                    .ok());
    return spy->names;
  };
  EXPECT_EQ(gradients_that_stay({}), "logits/weights logits/bias ");
  EXPECT_EQ(gradients_that_stay({.exempt_output_layer = false}), "");
  EXPECT_EQ(gradients_that_stay({.exempt = {"*/bias"}}),
            "one/bias two/bias logits/weights logits/bias ");
}

// ---- Following the norms
// --------------------------------------------------------

// numpy.percentile(history, percent), linear interpolation.
double PercentileOf(Numbers history, double percent) {
  std::sort(history.begin(), history.end());
  const double place = static_cast<double>(history.size() - 1) * percent / 100;
  const auto below = static_cast<size_t>(place);
  const size_t above = std::min(below + 1, history.size() - 1);
  return history[below] + (place - static_cast<double>(below)) *
                              (history[above] - history[below]);
}

double NormOfStep(int step) {
  return 1 + std::fmod(step * 0.6180339887, 1.0) * (step % 7 == 3 ? 20 : 2);
}

TEST(AutoClipTest, FollowsThePercentileOfTheLastNorms) {
  constexpr int64_t kWindow = 5;
  FedGradients fed({1}, {1});
  fed.Start(AutoClip(30, {.window = kWindow}));
  Numbers history;
  int64_t acted = 0;
  for (int step = 0; step < 23; ++step) {
    const double norm = static_cast<float>(NormOfStep(step));
    history.push_back(norm);
    if (history.size() > kWindow) history.erase(history.begin());
    const double limit = PercentileOf(history, 30);
    acted += limit < norm;
    const auto [a, b] = fed.Step({norm}, {0});
    const ClippingReport report = fed.Report("auto_clip");
    EXPECT_DOUBLE_EQ(report.norm, norm) << step;
    EXPECT_NEAR(report.clipped_norm, std::min(norm, limit), 1e-12) << step;
    EXPECT_NEAR(a[0], std::min(norm, limit), 1e-5) << step;
    EXPECT_EQ(report.acted, acted) << step;
  }
  EXPECT_GT(acted, 5);
}

TEST(AutoClipTest, ANormThatIsNotFiniteIsNotRemembered) {
  FedGradients fed({1}, {1}, NonFinitePolicy::kSkipStep);
  fed.Start(AutoClip(50));
  fed.Step({1}, {0});
  fed.Step({HUGE_VAL}, {0});
  fed.Step({std::nan("")}, {0});
  fed.Step({3}, {0});
  EXPECT_DOUBLE_EQ(fed.Report("auto_clip").clipped_norm, 2);
  EXPECT_EQ(fed.session->Read("skipped_steps")->ToDoubles()[0], 2);
  // A gradient of 0 is no trouble.
  fed.Step({0}, {0});
  EXPECT_EQ(fed.Report("auto_clip").clipped_norm, 0);
}

// The reference implementation's steps, in double.
struct ZClipOracle {
  double Limit(double norm) {
    if (static_cast<int>(warm_up.size()) < 25) {
      warm_up.push_back(norm);
      mean = 0;
      for (double x : warm_up) mean += x / static_cast<double>(warm_up.size());
      variance = 0;
      for (double x : warm_up) {
        variance +=
            (x - mean) * (x - mean) / static_cast<double>(warm_up.size());
      }
      return norm;
    }
    const double deviation = std::sqrt(variance);
    const double z = (norm - mean) / (deviation + 1e-6);
    const double limit = z > 2.5 ? mean + 2.5 * deviation / (z / 2.5) : norm;
    mean = 0.97 * mean + 0.03 * limit;
    variance = 0.97 * variance + 0.03 * (limit - mean) * (limit - mean);
    return limit;
  }
  Numbers warm_up;
  double mean = 0;
  double variance = 0;
};

TEST(ZClipTest, FollowsTheReferenceImplementation) {
  for (const double max_norm : {0.0, 4.0}) {
    FedGradients fed({1}, {1});
    fed.Start(ZClip({.max_norm = max_norm}));
    ZClipOracle oracle;
    int64_t acted = 0;
    for (int step = 0; step < 80; ++step) {
      const double norm = static_cast<float>(NormOfStep(step));
      double limit = oracle.Limit(norm);
      if (max_norm > 0) limit = std::min(limit, max_norm);
      const double clipped =
          norm > limit ? norm * (limit / (norm + 1e-6)) : norm;
      acted += norm > limit;
      fed.Step({norm}, {0});
      const ClippingReport report = fed.Report("z_clip");
      ASSERT_NEAR(report.clipped_norm, clipped, 1e-9) << step;
      ASSERT_EQ(report.acted, acted) << step;
      ASSERT_NEAR(fed.session->Read("z_clip/mean")->ToDoubles()[0], oracle.mean,
                  1e-9);
      ASSERT_NEAR(fed.session->Read("z_clip/variance")->ToDoubles()[0],
                  oracle.variance, 1e-9);
    }
    EXPECT_GE(acted, 2);
  }
}

// ---- Errors
// -------------------------------------------------------------------

TEST(ClipGradientsTest, BadArguments) {
  auto message = [](std::shared_ptr<Hook> hook) {
    FedGradients fed({1}, {1});
    return std::string(Message(
        Minimize(fed.loss, Sgd{}, {.hooks = {std::move(hook)}}).status()));
  };
  EXPECT_EQ(message(ClipByValue(-1)),
            "ClipByValue: the largest value is -1, expected a finite number "
            "above 0");
  EXPECT_EQ(message(ClipByNorm(0)),
            "ClipByNorm: the largest norm is 0, expected a finite number above "
            "0");
  EXPECT_EQ(message(AdaptiveClip(std::nan(""))),
            "AdaptiveClip: the factor is nan, expected a finite number above "
            "0");
  EXPECT_EQ(message(AdaptiveClip(1, {.epsilon = 0})),
            "AdaptiveClip: the epsilon is 0, expected a finite number above 0");
  EXPECT_EQ(message(AutoClip(101)),
            "AutoClip: the percentile is 101, expected a number from 0 to 100");
  EXPECT_EQ(message(AutoClip(10, {.window = 0})),
            "AutoClip: the window is 0 norms, expected 1 to 1000000");
  EXPECT_EQ(message(ZClip({.decay = 1})),
            "ZClip: the decay is 1, expected a number in [0, 1)");
  EXPECT_EQ(message(ZClip({.warm_up = 0})),
            "ZClip: the warm-up is 0 steps, expected at least 1");
  EXPECT_EQ(message(ZClip({.max_norm = -1})),
            "ZClip: the largest norm is -1, expected a finite number above 0");
  FedGradients fed({1}, {1});
  fed.Start(ClipByValue(1));
  EXPECT_EQ(Message(ReadClippingReport(*fed.session, "z_clip").status()),
            "the session has no state 'z_clip/norm'");
}

}  // namespace
}  // namespace evengrad
