// NaN and infinities: who notices, what is named, and what stays untouched.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/host_call.h"
#include "evengrad/ops/layers.h"
#include "evengrad/ops/ops.h"
#include "evengrad/runtime/hooks/check_numerics.h"
#include "evengrad/runtime/hooks/clip_gradients.h"
#include "evengrad/runtime/session.h"
#include "evengrad/train/constraints.h"
#include "evengrad/train/minimize.h"

namespace evengrad {
namespace {

// A million parameters, one of which makes the derivative of sqrt(x^2)
// infinite, and one NaN of the gradient, while the loss is finite.
struct Million {
  static constexpr int64_t kCount = 1'000'000;
  static constexpr int64_t kBad = 654'321;

  Million() {
    std::vector<float> start(kCount, 2.0f);
    start[kBad] = 0;
    {
      const NameScope layer(graph, "wide");
      p = Parameter(graph, "p",
                    Constant(graph, *Tensor::Of<float>({kCount}, start)));
      loss = ReduceSum(Sqrt(Square(p), {"model.cc", 27}));
    }
    q = Parameter(graph, "q", Constant(graph, 3.0));
    loss = loss + Square(q);
  }
  Graph graph;
  Value p, q, loss;
};

const Sgd kMomentum = {.learning_rate = 0.125, .momentum = 0.5};

// Every state of the session that the program has.
std::map<std::string, Tensor> StatesOf(const Session& session,
                                       const Program& program) {
  std::map<std::string, Tensor> states;
  for (const Value& state : States(program.graph)) {
    states.emplace(state.name(), *session.Read(state.name()));
  }
  return states;
}

void ExpectContains(const absl::Status& status, std::string_view text) {
  EXPECT_NE(Message(status).find(text), std::string_view::npos)
      << "expected: " << text << "\nactual: " << status;
}

TEST(NonFiniteTest, OneNanInAMillionIsCaughtAndNamed) {
  const Million model;
  const absl::StatusOr<Program> program = Minimize(model.loss, kMomentum);
  ASSERT_TRUE(program.ok()) << program.status();
  absl::StatusOr<Session> session = Session::Create(model.graph);
  const absl::Status status = session->Run(*program, {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
  ExpectContains(status, "step 1: the gradient of wide/p is not finite");
  ExpectContains(status, "f32[1000000]");
  ExpectContains(status, "in the gradient of wide/square");
}

// All updates wait for the norm: the first bad node is known exactly, and no
// state has changed.
TEST(NonFiniteTest, WithABarrierTheFirstNodeIsNamedAndNothingChanges) {
  const Million model;
  const absl::StatusOr<Program> program =
      Minimize(model.loss, kMomentum, {.hooks = {ClipByGlobalNorm(1)}});
  ASSERT_TRUE(program.ok()) << program.status();
  absl::StatusOr<Session> session = Session::Create(model.graph);
  const absl::Status status = session->Run(*program, {}).status();
  ExpectContains(status, "model.cc:27: gradient/wide/sqrt/");
  ExpectContains(status, "step 1: op '");
  ExpectContains(status,
                 "gives 1 infinite of 1000000 numbers (f32[1000000]) "
                 "in layer wide, in the gradient of wide/sqrt; its "
                 "inputs: ");
  const std::map<std::string, Tensor> after = StatesOf(*session, *program);
  EXPECT_EQ(after.at("wide/p"), *Session::Create(model.graph)->Read("wide/p"));
  EXPECT_EQ(after.at("step").ToDoubles()[0], 0);
  EXPECT_EQ(after.at("clip_by_global_norm/steps").ToDoubles()[0], 0);
  EXPECT_EQ(session->step(), 0);
}

TEST(NonFiniteTest, ASkippedStepLeavesEveryBit) {
  const Million model;
  for (const bool clip : {false, true}) {
    MinimizeOptions options = {.non_finite = {NonFinitePolicy::kSkipStep}};
    if (clip) options.hooks.push_back(ClipByGlobalNorm(1));
    const absl::StatusOr<Program> program =
        Minimize(model.loss, kMomentum, options);
    ASSERT_TRUE(program.ok()) << program.status();
    absl::StatusOr<Session> session = Session::Create(model.graph);
    Tensor good = *session->Read("wide/p");
    const Tensor bad = *session->Read("wide/p");
    (*good.mutable_values<float>())[Million::kBad] = 2;

    ASSERT_TRUE(session->Write("wide/p", good).ok());
    ASSERT_TRUE(session->Run(*program, {}).ok());
    const Tensor moved = *session->Read("wide/p");
    EXPECT_FALSE(moved == good);
    ASSERT_TRUE(session->Write("wide/p", bad).ok());
    std::map<std::string, Tensor> before = StatesOf(*session, *program);
    for (int64_t skipped = 1; skipped <= 3; ++skipped) {
      ASSERT_TRUE(session->Run(*program, {}).ok());
      const std::map<std::string, Tensor> after = StatesOf(*session, *program);
      for (const char* name : {"wide/p", "wide/p/momentum", "q", "q/momentum",
                               "step", "learning_rate"}) {
        EXPECT_EQ(after.at(name), before.at(name)) << name;
      }
      EXPECT_EQ(after.at("skipped_steps").ToDoubles()[0], skipped);
    }
    ASSERT_TRUE(session->Write("wide/p", moved).ok());
    ASSERT_TRUE(session->Run(*program, {}).ok());
    EXPECT_FALSE(*session->Read("wide/p") == moved);
    EXPECT_EQ(session->Read("step")->ToDoubles()[0], 2);
    EXPECT_EQ(session->Read("skipped_steps")->ToDoubles()[0], 3);
  }
}

TEST(NonFiniteTest, PropagateDoesWhatTheFormulasSay) {
  const Million model;
  const absl::StatusOr<Program> program = Minimize(
      model.loss, kMomentum, {.non_finite = {NonFinitePolicy::kPropagate}});
  absl::StatusOr<Session> session = Session::Create(model.graph);
  ASSERT_TRUE(session->Run(*program, {}).ok());
  const Tensor p = *session->Read("wide/p");
  EXPECT_TRUE(std::isnan(LoadAsDouble(DType::kF32, p.data(), Million::kBad)));
  EXPECT_FALSE(std::isnan(LoadAsDouble(DType::kF32, p.data(), 0)));
}

// ---- Sums over several runs, running statistics, host calls -----------------

// w times x; the gradient of w is x.
struct Product {
  Graph graph;
  Value x = Placeholder(graph, "x", F32({}));
  Value w = Parameter(graph, "w", Constant(graph, 1.0));
  Value loss = ReduceSum(w * x);

  absl::Status Run(Session& session, const Program& program, float number) {
    return session.Run(program, {{x, *Tensor::Of<float>({}, {number})}})
        .status();
  }
};

double Read(const Session& session, std::string_view name) {
  return session.Read(name)->ToDoubles()[0];
}

TEST(NonFiniteTest, ASkippedUpdateOfSeveralRunsSpoilsNoOther) {
  Product model;
  const absl::StatusOr<Program> program = Minimize(
      model.loss, Sgd{.learning_rate = 0.5},
      {.accumulate_steps = 2, .non_finite = {NonFinitePolicy::kSkipStep}});
  ASSERT_TRUE(program.ok()) << program.status();
  absl::StatusOr<Session> session = Session::Create(model.graph);
  for (const float x : {1.0f, HUGE_VALF, 1.0f, 3.0f}) {
    ASSERT_TRUE(model.Run(*session, *program, x).ok());
  }
  EXPECT_EQ(Read(*session, "w"), 1 - 0.5 * 2);  // of the last two runs
  EXPECT_EQ(Read(*session, "skipped_steps"), 1);
  EXPECT_EQ(Read(*session, "step"), 1);
  ASSERT_TRUE(model.Run(*session, *program, HUGE_VALF).ok());
  ASSERT_TRUE(model.Run(*session, *program, 1).ok());
  EXPECT_EQ(Read(*session, "w"), 0);
  EXPECT_EQ(Read(*session, "skipped_steps"), 2);
}

TEST(NonFiniteTest, ABadRunBetweenTwoUpdatesIsAnErrorAtOnce) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({}));
  const Value w = Parameter(graph, "w", Constant(graph, 0.0));
  // Of w = 0: the loss is 0, the gradient of sqrt(x * w) infinite for x = 1.
  const Value loss = ReduceSum(Sqrt(w * x));
  const absl::StatusOr<Program> program =
      Minimize(loss, Sgd{}, {.accumulate_steps = 3});
  ASSERT_TRUE(program.ok()) << program.status();
  absl::StatusOr<Session> session = Session::Create(graph);
  ExpectContains(
      session->Run(*program, {{x, *Tensor::Of<float>({}, {1})}}).status(),
      "step 1: the gradient of w is not finite");
}

TEST(NonFiniteTest, ASkippedStepLeavesRunningStatistics) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({4, 2}));
  const Value loss =
      ReduceMean(Square(Dense(BatchNorm(x, {.name = "norm"}), 1)));
  const absl::StatusOr<Program> program =
      Minimize(loss, Sgd{}, {.non_finite = {NonFinitePolicy::kSkipStep}});
  ASSERT_TRUE(program.ok()) << program.status();
  absl::StatusOr<Session> session = Session::Create(graph);
  std::vector<float> numbers = {1, 2, 3, 4, 5, 6, 7, 9};
  auto run = [&] {
    return session->Run(*program, {{x, *Tensor::Of<float>({4, 2}, numbers)}})
        .status();
  };
  ASSERT_TRUE(run().ok());
  std::map<std::string, Tensor> before = StatesOf(*session, *program);
  numbers[3] = std::nanf("");
  ASSERT_TRUE(run().ok());
  std::map<std::string, Tensor> after = StatesOf(*session, *program);
  EXPECT_EQ(after.at("skipped_steps").ToDoubles()[0], 1);
  before.erase("skipped_steps");
  after.erase("skipped_steps");
  EXPECT_EQ(after, before);
}

// A host call that fails and a loss that is not finite both leave all states.
TEST(NonFiniteTest, HostCallsAndGuardsComeBeforeUpdates) {
  Product model;
  bool fails = false;
  int calls = 0;
  const Value watched =
      HostCall(model.loss, "watch", [&](const Tensor&) -> absl::Status {
        ++calls;
        return fails ? InvalidArgument("enough") : absl::OkStatus();
      });
  const absl::StatusOr<Program> program = Minimize(watched, kMomentum);
  ASSERT_TRUE(program.ok()) << program.status();
  absl::StatusOr<Session> session = Session::Create(model.graph);
  ASSERT_TRUE(model.Run(*session, *program, 2).ok());
  EXPECT_EQ(calls, 1);
  const std::map<std::string, Tensor> before = StatesOf(*session, *program);
  ExpectContains(model.Run(*session, *program, HUGE_VALF),
                 "x: step 2: the placeholder f32[] holds 1 infinite");
  EXPECT_EQ(StatesOf(*session, *program), before);
  fails = true;
  ExpectContains(model.Run(*session, *program, 1), "enough");
  EXPECT_EQ(StatesOf(*session, *program), before);
  EXPECT_EQ(session->step(), 1);
}

// ---- A loss that is not finite
// ------------------------------------------------

// exp overflows in the second layer as soon as x is large.
struct Overflow {
  Overflow() {
    const NameScope first(graph, "first");
    const Value w = Parameter(graph, "w", Constant(graph, 1.0));
    const Value h = Tanh(w * x) * 50.0 + x;
    second = Parameter(graph, "second/w", Constant(graph, 2.0));
    const NameScope scope(graph, "second");
    const Value e = Exp(h * second, {"model.cc", 31});
    loss = ReduceMean(Log(1.0 + e));
  }
  absl::StatusOr<RunResult> Run(Session& session, const Program& program,
                                std::vector<float> numbers) const {
    return session.Run(program, {{x, *Tensor::Of<float>({2}, numbers)}});
  }
  Graph graph;
  Value x = Placeholder(graph, "x", F32({2}));
  Value second, loss;
};

TEST(NonFiniteTest, AnInfiniteLossIsExplainedWithoutBeingAsked) {
  const Overflow model;
  const absl::StatusOr<Program> program = Minimize(model.loss, kMomentum);
  ASSERT_TRUE(program.ok()) << program.status();
  absl::StatusOr<Session> session =
      Session::Create(model.graph, {.num_threads = 1});
  ASSERT_TRUE(model.Run(*session, *program, {-1, -2}).ok());
  const std::map<std::string, Tensor> before = StatesOf(*session, *program);
  const absl::Status status = model.Run(*session, *program, {-1, 10}).status();
  ExpectContains(status,
                 "model.cc:31: first/second/exp: step 2: op 'exp' "
                 "gives 1 infinite of 2 numbers (f32[2]) in layer ");
  ExpectContains(status, "; its inputs: first/second/multiply f32[2] in [");
  ExpectContains(status, "lower the learning rate or clip the gradients");
  EXPECT_EQ(StatesOf(*session, *program), before);
  // The run can go on.
  EXPECT_TRUE(model.Run(*session, *program, {-1, -2}).ok());
  EXPECT_EQ(session->step(), 2);
}

TEST(NonFiniteTest, BadFeedsAndStatesAreNamed) {
  const Overflow model;
  const absl::StatusOr<Program> program = Minimize(model.loss, kMomentum);
  absl::StatusOr<Session> session = Session::Create(model.graph);
  ExpectContains(
      model.Run(*session, *program, {std::nanf(""), 1}).status(),
      "x: step 1: the placeholder f32[2] holds 1 NaN of 2 numbers before "
      "anything is computed");
  ASSERT_TRUE(
      session
          ->Write("first/w", *Tensor::Of<float>(
                                 {}, {std::numeric_limits<float>::infinity()}))
          .ok());
  ExpectContains(model.Run(*session, *program, {1, 0}).status(),
                 "first/w: step 1: the state f32[] holds 1 infinite of 1 "
                 "number before anything is computed");
}

TEST(NonFiniteTest, FindNonFiniteReportsInNumbers) {
  const Overflow model;
  const absl::StatusOr<Program> program = Minimize(model.loss, kMomentum);
  absl::StatusOr<Session> session = Session::Create(model.graph);
  auto find = [&](std::vector<float> numbers) {
    const Feed feed = {model.x, *Tensor::Of<float>({2}, numbers)};
    return *session->FindNonFinite(*program, {&feed, 1});
  };
  EXPECT_FALSE(find({-1, -2}).has_value());
  const std::optional<NonFiniteReport> report = find({-1, 10});
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->op, "exp");
  EXPECT_EQ(report->location, "model.cc:31");
  EXPECT_EQ(report->gradient_of, "");
  EXPECT_EQ(report->elements, 2);
  EXPECT_EQ(report->infinities, 1);
  EXPECT_EQ(report->nans, 0);
  ASSERT_EQ(report->inputs.size(), 1u);
  EXPECT_NEAR(report->inputs[0].maximum, 120, 1e-3);
  EXPECT_NEAR(report->inputs[0].minimum, 2 * (50 * std::tanh(-1) - 1), 1e-3);
}

// ---- With the check on
// --------------------------------------------------------

TEST(CheckNumericsTest, StopsAtTheFirstNodeThoughTheLossIsFinite) {
  const Million model;
  const absl::StatusOr<Program> program =
      Minimize(model.loss, kMomentum, {.hooks = {CheckNumerics()}});
  ASSERT_TRUE(program.ok()) << program.status();
  absl::StatusOr<Session> session = Session::Create(model.graph);
  ExpectContains(session->Run(*program, {}).status(),
                 "model.cc:27: gradient/wide/sqrt/");
}

// log(0) of a mask is intended; the NaN that comes of it is not.
TEST(CheckNumericsTest, ExemptionsByName) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({2}));
  const Value w = Parameter(graph, "w", Constant(graph, 1.0));
  Value mask;
  {
    const NameScope scope(graph, "mask");
    mask = Log(x);
  }
  const Value open = Exp(mask * w);  // 0 where the mask is -inf
  const Value loss = ReduceSum(open) + w;
  const Value wrong = ReduceSum(mask - mask) * 0 + w;
  auto run = [&](const Value& value, std::vector<std::string> exempt,
                 NonFinitePolicy policy) {
    const absl::StatusOr<Program> program =
        Minimize(value, Sgd{},
                 {.hooks = {CheckNumerics({.exempt = std::move(exempt)})},
                  .non_finite = {policy}});
    EXPECT_TRUE(program.ok()) << program.status();
    return Session::Create(graph)
        ->Run(*program, {{x, *Tensor::Of<float>({2}, {0, 1})}})
        .status();
  };
  ExpectContains(run(loss, {}, NonFinitePolicy::kPropagate),
                 "mask/log: step 1");
  ExpectContains(run(wrong, {"mask/*"}, NonFinitePolicy::kPropagate),
                 "op 'subtract' gives 1 NaN of 2 numbers");
}

TEST(CheckNumericsTest, CleanStepsPass) {
  const Overflow model;
  const absl::StatusOr<Program> program =
      Minimize(model.loss, kMomentum, {.hooks = {CheckNumerics()}});
  absl::StatusOr<Session> session = Session::Create(model.graph);
  for (int i = 0; i < 3; ++i) {
    const absl::Status status =
        model.Run(*session, *program, {-1, -2}).status();
    EXPECT_TRUE(status.ok()) << status;
  }
}

// Where a norm clips a gradient, it tells whether that is finite, too.
TEST(NonFiniteTest, TheNormOfAGradientIsItsTest) {
  for (const bool clip : {false, true}) {
    Million model;
    MinimizeOptions options;
    if (clip) options.hooks = {ClipByGlobalNorm(1)};
    const absl::StatusOr<Program> program =
        Minimize(model.loss, kMomentum, options);
    ASSERT_TRUE(program.ok()) << program.status();
    int tests = 0;
    for (int id = 0; id < program->graph.num_nodes(); ++id) {
      tests += program->graph.node(id).op().name == "finite_test";
    }
    EXPECT_EQ(tests, clip ? 0 : 2);
  }
}

// The new parameter does not show what its gradient was.
TEST(NonFiniteTest, AConstraintHidesNoInfiniteGradient) {
  Graph graph;
  const Value w = Parameter(graph, "w", Constant(graph, 0.0));
  const absl::StatusOr<Program> program =
      Minimize(Sqrt(w), Sgd{.learning_rate = 0.1},
               {.groups = {{.pattern = "*", .constraint = NonNegative()}}});
  ASSERT_TRUE(program.ok()) << program.status();
  absl::StatusOr<Session> session = Session::Create(graph);
  ASSERT_TRUE(session.ok()) << session.status();
  ExpectContains(session->Run(*program, {}).status(),
                 "op 'divide' gives 1 infinite of 1 number");
  EXPECT_EQ(session->Read(w)->ToDoubles(), std::vector<double>{0});
}

// Their squares are too large even for f64.
TEST(NonFiniteTest, LargeNumbersAreFinite) {
  for (const NonFinitePolicy policy :
       {NonFinitePolicy::kError, NonFinitePolicy::kSkipStep}) {
    Graph graph;
    const Value x = Placeholder(graph, "x", F64({}));
    const Value w = Parameter(graph, "w", Constant(graph, 1.0, DType::kF64));
    const absl::StatusOr<Program> program = Minimize(
        x * w, Sgd{.learning_rate = 1}, {.non_finite = {.policy = policy}});
    ASSERT_TRUE(program.ok()) << program.status();
    absl::StatusOr<Session> session = Session::Create(graph);
    ASSERT_TRUE(session.ok()) << session.status();
    const absl::Status status =
        session->Run(*program, {{x, *Tensor::Of<double>({}, {1e160})}})
            .status();
    EXPECT_TRUE(status.ok()) << status;
    EXPECT_EQ(session->Read(w)->ToDoubles(), std::vector<double>{-1e160});
  }
}

}  // namespace
}  // namespace evengrad
