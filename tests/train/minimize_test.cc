#include "evengrad/train/minimize.h"

#include <gtest/gtest.h>

#include <cmath>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/layers.h"
#include "evengrad/ops/losses.h"
#include "evengrad/ops/ops.h"
#include "evengrad/runtime/hooks/clip_by_global_norm.h"
#include "evengrad/runtime/session.h"
#include "evengrad/train/parameter_groups.h"

namespace evengrad {
namespace {

// Two parameters a = 3 and b = 4, and the loss (a^2 + b^2) / 2, so that the
// gradients are the parameters.
struct Pair {
  Pair() {
    a = Parameter(graph, "first/a", Constant(graph, 3.0));
    b = Parameter(graph, "second/b", Constant(graph, 4.0));
    loss = 0.5 * (Square(a) + Square(b));
  }
  Graph graph;
  Value a, b, loss;
};

// Runs `program` once in a new session.
absl::StatusOr<Session> RunOnce(const Graph& graph, const Program& program) {
  EVENGRAD_ASSIGN_OR_RETURN(Session session, Session::Create(graph));
  EVENGRAD_RETURN_IF_ERROR(session.Run(program, {}).status());
  return session;
}

double ReadNumber(const Session& session, std::string_view state) {
  const absl::StatusOr<Tensor> value = session.Read(state);
  EXPECT_TRUE(value.ok()) << value.status();
  return value.ok() ? value->ToDoubles()[0] : std::nan("");
}

// A hook made of functions.
class TestHook : public Hook {
 public:
  explicit TestHook(
      std::function<absl::Status(Instrumentation&)> instrument,
      std::function<absl::Status(const Observation&)> observe = {})
      : instrument_(std::move(instrument)), observe_(std::move(observe)) {}
  absl::Status Instrument(Instrumentation& instrumentation) override {
    return instrument_(instrumentation);
  }
  absl::Status Observe(const Observation& observation) override {
    return observe_(observation);
  }

 private:
  std::function<absl::Status(Instrumentation&)> instrument_;
  std::function<absl::Status(const Observation&)> observe_;
};

std::shared_ptr<Hook> MakeHook(
    std::function<absl::Status(Instrumentation&)> instrument,
    std::function<absl::Status(const Observation&)> observe = {}) {
  return std::make_shared<TestHook>(std::move(instrument), std::move(observe));
}

TEST(MinimizeTest, LeavesTheModelAloneAndItsValuesValid) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({"batch", 2}));
  const Value labels = Placeholder(graph, "labels", I32({"batch"}));
  const Value logits = Dense(x, 3, {.name = "logits"});
  const Value loss = SparseSoftmaxCrossEntropy(logits, labels);
  const int nodes = graph.num_nodes();
  const absl::StatusOr<Program> program =
      Minimize(loss, Sgd{}, {.fetches = {{"logits", logits}}});
  ASSERT_TRUE(program.ok()) << program.status();
  EXPECT_EQ(graph.num_nodes(), nodes);
  ASSERT_EQ(program->fetches.size(), 2u);
  EXPECT_EQ(program->fetches[0].name, "loss");
  EXPECT_EQ(program->fetches[0].value.id(), loss.id());
  EXPECT_EQ(program->fetches[1].value.id(), logits.id());
  EXPECT_EQ(program->mode, Mode::kTraining);
  EXPECT_EQ(program->updates.size(), 3u);  // step, weights, bias

  absl::StatusOr<Session> session = Session::Create(graph);
  ASSERT_TRUE(session.ok()) << session.status();
  const absl::StatusOr<RunResult> result =
      session->Run(*program, {{x, *Tensor::Of<float>({2, 2}, {1, 2, 3, 4})},
                              {labels, *Tensor::Of<int32_t>({2}, {0, 2})}});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_TRUE(result->Scalar(loss).ok());
  EXPECT_EQ(result->Get("logits")->ToString(), "f32[2,3]");
}

TEST(MinimizeTest, OneStep) {
  Pair pair;
  const absl::StatusOr<Program> program =
      Minimize(pair.loss, Sgd{.learning_rate = 0.5});
  ASSERT_TRUE(program.ok()) << program.status();
  const absl::StatusOr<Session> session = RunOnce(pair.graph, *program);
  ASSERT_TRUE(session.ok()) << session.status();
  EXPECT_EQ(ReadNumber(*session, "first/a"), 1.5);
  EXPECT_EQ(ReadNumber(*session, "second/b"), 2);
  EXPECT_EQ(ReadNumber(*session, "step"), 1);
}

TEST(MinimizeTest, GroupsScaleAndFreeze) {
  Pair pair;
  const absl::StatusOr<Program> program = Minimize(
      pair.loss, Sgd{.learning_rate = 0.5},
      {.groups = {{.pattern = "first/*", .learning_rate_scale = 0.5},
                  {.matches = [](const Value& p) { return p.rank() == 0; },
                   .frozen = true}}});
  ASSERT_TRUE(program.ok()) << program.status();
  const absl::StatusOr<Session> session = RunOnce(pair.graph, *program);
  ASSERT_TRUE(session.ok()) << session.status();
  EXPECT_EQ(ReadNumber(*session, "first/a"), 2.25);
  EXPECT_EQ(ReadNumber(*session, "second/b"), 4);
}

TEST(MinimizeTest, AFrozenLayerKeepsItsBitsAndCostsNoGradient) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({"batch", 4}));
  const Value labels = Placeholder(graph, "labels", I32({"batch"}));
  const Value hidden = Tanh(Dense(x, 5, {.name = "hidden"}));
  const Value logits = Dense(hidden, 3, {.name = "logits"});
  const Value loss = SparseSoftmaxCrossEntropy(logits, labels);
  const absl::StatusOr<Program> whole = Minimize(loss, Sgd{});
  const absl::StatusOr<Program> frozen =
      Minimize(loss, Sgd{.learning_rate = 0.5, .momentum = 0.9},
               {.groups = {{.pattern = "hidden/*", .frozen = true}}});
  ASSERT_TRUE(whole.ok() && frozen.ok()) << frozen.status();
  for (int id = graph.num_nodes(); id < frozen->graph.num_nodes(); ++id) {
    const Node node = frozen->graph.node(id);
    if (node.gradient_of() < 0) continue;
    EXPECT_NE(graph.node(node.gradient_of()).scope(), "hidden") << node.name();
  }
  absl::StatusOr<Session> session = Session::Create(graph);
  ASSERT_TRUE(session.ok()) << session.status();
  auto read = [&](std::string_view state) {
    return session->Read(state)->ToDoubles();
  };
  const std::vector<double> weights = read("hidden/weights");
  const std::vector<double> last = read("logits/weights");
  const Tensor rows = *Tensor::Of<float>({2, 4}, {1, 2, 3, 4, 5, 6, 7, 8});
  for (int step = 0; step < 3; ++step) {
    ASSERT_TRUE(
        session
            ->Run(*frozen,
                  {{x, rows}, {labels, *Tensor::Of<int32_t>({2}, {0, 2})}})
            .ok());
  }
  EXPECT_EQ(read("hidden/weights"), weights);
  EXPECT_NE(read("logits/weights"), last);
  EXPECT_FALSE(session->Read("hidden/weights/momentum").ok());
}

// Gradients of a linear loss are its fed factors, so that sums are exact.
TEST(MinimizeTest, AccumulatesTheMeanGradientOfSeveralRuns) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({}));
  const Value p = Parameter(graph, "p", Constant(graph, 0.0));
  const absl::StatusOr<Program> program = Minimize(
      x * p, Sgd{.learning_rate = 1, .momentum = 0.5}, {.accumulate_steps = 3});
  ASSERT_TRUE(program.ok()) << program.status();
  absl::StatusOr<Session> session = Session::Create(graph);
  ASSERT_TRUE(session.ok()) << session.status();
  std::vector<double> parameters, velocities, steps;
  for (const float factor : {1.f, 2.f, 6.f, 3.f, 3.f, 9.f, 50.f}) {
    ASSERT_TRUE(
        session->Run(*program, {{x, *Tensor::Of<float>({}, {factor})}}).ok());
    parameters.push_back(ReadNumber(*session, "p"));
    velocities.push_back(ReadNumber(*session, "p/momentum"));
    steps.push_back(ReadNumber(*session, "step"));
  }
  EXPECT_EQ(steps, (std::vector<double>{0, 0, 1, 1, 1, 2, 2}));
  // Means 3 and 5: velocities 3 and 0.5 * 3 + 5.
  EXPECT_EQ(velocities, (std::vector<double>{0, 0, 3, 3, 3, 6.5, 6.5}));
  EXPECT_EQ(parameters, (std::vector<double>{0, 0, -3, -3, -3, -9.5, -9.5}));
  EXPECT_EQ(ReadNumber(*session, "p/accumulated_gradient"), 50);
  EXPECT_EQ(ReadNumber(*session, "micro_step"), 1);
}

// What hooks ask for is looked at when the sum is complete.
TEST(MinimizeTest, AccumulatedGradientsAreObservedWhenTheyAreComplete) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({}));
  const Value p = Parameter(graph, "p", Constant(graph, 0.0));
  std::vector<double> steps, means;
  int runs = 0;
  const std::shared_ptr<Hook> hook = MakeHook(
      [&](Instrumentation& instrumentation) {
        const absl::Status status = instrumentation.Observe(
            {.name = "mean", .values = {instrumentation.gradient(p)}});
        if (!status.ok()) return status;
        return instrumentation.Observe({.name = "every run",
                                        .values = {instrumentation.loss()},
                                        .counts_runs = true});
      },
      [&](const Observation& observation) {
        if (observation.name == "every run") {
          ++runs;
          return absl::OkStatus();
        }
        steps.push_back(static_cast<double>(observation.step));
        means.push_back(observation.values[0].ToDoubles()[0]);
        return absl::OkStatus();
      });
  const absl::StatusOr<Program> program =
      Minimize(x * p, Sgd{}, {.hooks = {hook}, .accumulate_steps = 3});
  ASSERT_TRUE(program.ok()) << program.status();
  absl::StatusOr<Session> session = Session::Create(graph);
  ASSERT_TRUE(session.ok()) << session.status();
  for (const float factor : {1.f, 2.f, 6.f, 3.f, 3.f, 9.f, 50.f}) {
    ASSERT_TRUE(
        session->Run(*program, {{x, *Tensor::Of<float>({}, {factor})}}).ok());
  }
  EXPECT_EQ(steps, (std::vector<double>{3, 6}));
  EXPECT_EQ(means, (std::vector<double>{3, 5}));
  EXPECT_EQ(runs, 7);
}

// Adam counts updates, not runs, and hooks clip the sum, not its parts.
TEST(MinimizeTest, MicroBatchesDoTheWorkOfALargeOne) {
  Graph graph;
  const Value x = Placeholder(graph, "x", {DType::kF64, Shape({"batch", 2})});
  const Value labels = Placeholder(graph, "labels", I32({"batch"}));
  const Value loss =
      SparseSoftmaxCrossEntropy(Dense(x, 3, {.name = "logits"}), labels);
  auto minimize = [&](int64_t steps) {
    return Minimize(
        loss, Adam{.learning_rate = 0.1},
        {.hooks = {ClipByGlobalNorm(0.05)}, .accumulate_steps = steps});
  };
  const absl::StatusOr<Program> large = minimize(1), small = minimize(4);
  ASSERT_TRUE(large.ok() && small.ok()) << small.status();
  absl::StatusOr<Session> one = Session::Create(graph);
  absl::StatusOr<Session> four = Session::Create(graph);
  ASSERT_TRUE(one.ok() && four.ok());
  for (int step = 0; step < 3; ++step) {
    std::vector<double> rows;
    std::vector<int32_t> answers;
    for (int i = 0; i < 4; ++i) {
      const double row[] = {std::sin(10.0 * step + i), std::cos(7.0 * i)};
      rows.insert(rows.end(), std::begin(row), std::end(row));
      answers.push_back((i + step) % 3);
      ASSERT_TRUE(
          four->Run(*small, {{x, *Tensor::Of<double>({1, 2}, {row[0], row[1]})},
                             {labels, *Tensor::Of<int32_t>({1}, {answers[i]})}})
              .ok());
    }
    ASSERT_TRUE(one->Run(*large, {{x, *Tensor::Of<double>({4, 2}, rows)},
                                  {labels, *Tensor::Of<int32_t>({4}, answers)}})
                    .ok());
  }
  const std::vector<double> a = one->Read("logits/weights")->ToDoubles();
  const std::vector<double> b = four->Read("logits/weights")->ToDoubles();
  for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-12) << i;
}

TEST(MinimizeTest, ParametersThatTheLossDoesNotReachStay) {
  Pair pair;
  const absl::StatusOr<Program> program =
      Minimize(Square(pair.a), Sgd{.learning_rate = 0.25, .momentum = 0.5});
  ASSERT_TRUE(program.ok()) << program.status();
  const absl::StatusOr<Session> session = RunOnce(pair.graph, *program);
  ASSERT_TRUE(session.ok()) << session.status();
  EXPECT_EQ(ReadNumber(*session, "first/a"), 1.5);
  EXPECT_EQ(ReadNumber(*session, "second/b"), 4);
  EXPECT_FALSE(session->Read("second/b/momentum").ok());
}

TEST(MinimizeTest, TwoProgramsOfOneSession) {
  Pair pair;
  const Value loss_a = Square(pair.a);
  const Value loss_b = Square(pair.b);
  const absl::StatusOr<Program> first =
      Minimize(loss_a, Sgd{.learning_rate = 0.25}, {.name = "actor"});
  const absl::StatusOr<Program> second =
      Minimize(loss_b, Sgd{.learning_rate = 0.5}, {.name = "critic"});
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_TRUE(second.ok()) << second.status();
  absl::StatusOr<Session> session = RunOnce(pair.graph, *first);
  ASSERT_TRUE(session.ok()) << session.status();
  ASSERT_TRUE(session->Run(*second, {}).ok());
  EXPECT_EQ(ReadNumber(*session, "first/a"), 1.5);
  EXPECT_EQ(ReadNumber(*session, "second/b"), 0);
  EXPECT_EQ(ReadNumber(*session, "actor/learning_rate"), 0.25);
  EXPECT_EQ(ReadNumber(*session, "critic/learning_rate"), 0.5);
}

TEST(MinimizeTest, HooksSeeAndReplaceGradientsInOrder) {
  Pair pair;
  auto check = [&](double expected) {
    return [&pair, expected](Instrumentation& instrumentation) {
      EXPECT_EQ(instrumentation.parameters().size(), 2u);
      EXPECT_EQ(instrumentation.loss().id(), pair.loss.id());
      EXPECT_FALSE(instrumentation.gradient(pair.loss).valid());
      EXPECT_TRUE(instrumentation.raw_gradient(pair.a).valid());
      EXPECT_EQ(instrumentation.gradient(pair.a) ==
                    instrumentation.raw_gradient(pair.a),
                expected == 1);
      return instrumentation.ReplaceGradient(
          pair.a, 2 * instrumentation.gradient(pair.a));
    };
  };
  const absl::StatusOr<Program> program =
      Minimize(pair.loss, Sgd{.learning_rate = 0.25},
               {.hooks = {MakeHook(check(1)), MakeHook(check(2))}});
  ASSERT_TRUE(program.ok()) << program.status();
  const absl::StatusOr<Session> session = RunOnce(pair.graph, *program);
  ASSERT_TRUE(session.ok()) << session.status();
  EXPECT_EQ(ReadNumber(*session, "first/a"), 0);
  EXPECT_EQ(ReadNumber(*session, "second/b"), 3);
}

TEST(MinimizeTest, HooksKeepStateAndObserve) {
  Pair pair;
  std::vector<std::string> seen;
  const std::shared_ptr<Hook> hook = MakeHook(
      [&](Instrumentation& instrumentation) -> absl::Status {
        const Graph graph = instrumentation.graph();
        const Value sum =
            instrumentation.AddState("sum", Constant(graph, 100.0));
        EVENGRAD_RETURN_IF_ERROR(
            instrumentation.UpdateState(sum, sum + instrumentation.loss()));
        EXPECT_FALSE(instrumentation.UpdateState(sum, sum).ok());
        EXPECT_FALSE(instrumentation.UpdateState(pair.a, pair.a).ok());
        return instrumentation.Observe(
            {.name = "b", .values = {pair.b}, .every_n_steps = 2});
      },
      [&](const Observation& observation) {
        seen.push_back(StrCat(observation.name, "@", observation.step, "=",
                              observation.values[0].ToDoubles()[0]));
        return absl::OkStatus();
      });
  const absl::StatusOr<Program> program =
      Minimize(pair.loss, Sgd{.learning_rate = 0.5}, {.hooks = {hook}});
  ASSERT_TRUE(program.ok()) << program.status();
  absl::StatusOr<Session> session = RunOnce(pair.graph, *program);
  ASSERT_TRUE(session.ok()) << session.status();
  EXPECT_EQ(ReadNumber(*session, "sum"), 112.5);
  EXPECT_EQ(seen.size(), 1);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(session->Run(*program, {}).ok());
  // The value that the step started with.
  EXPECT_EQ(seen, (std::vector<std::string>{"b@1=4", "b@2=2", "b@4=0.5"}));
}

TEST(MinimizeTest, AnErrorOfAHookStopsTheDerivationOrTheRun) {
  Pair pair;
  auto refuse = [](Instrumentation&) {
    return absl::InvalidArgumentError("no");
  };
  EXPECT_EQ(
      Message(
          Minimize(pair.loss, Sgd{}, {.hooks = {MakeHook(refuse)}}).status()),
      "no");
  EXPECT_EQ(Message(Minimize(pair.loss, Sgd{}, {.hooks = {nullptr}}).status()),
            "Minimize: a hook is null");
  const std::shared_ptr<Hook> stop = MakeHook(
      [](Instrumentation& instrumentation) {
        return instrumentation.Observe(
            {.name = "loss", .values = {instrumentation.loss()}});
      },
      [](const Observation&) { return absl::InternalError("stop here"); });
  const absl::StatusOr<Program> program =
      Minimize(pair.loss, Sgd{}, {.hooks = {stop}});
  ASSERT_TRUE(program.ok()) << program.status();
  EXPECT_EQ(Message(RunOnce(pair.graph, *program).status()), "stop here");
}

TEST(MinimizeTest, WrongUsesOfTheInstrumentationAreErrors) {
  Pair pair;
  std::vector<std::string> messages;
  auto probe = [&](Instrumentation& instrumentation) {
    auto note = [&](const absl::Status& status) {
      messages.emplace_back(Message(status));
    };
    const Graph graph = instrumentation.graph();
    note(instrumentation.ReplaceGradient(pair.loss, pair.a));
    note(instrumentation.ReplaceGradient(
        pair.a, Constant(graph, *Tensor::Of<float>({1}, {1.0f}))));
    note(instrumentation.Observe({.name = "x", .every_n_steps = 0}));
    note(instrumentation.Observe(
        {.name = "x", .values = {Constant(Graph(), 1.0)}}));
    return absl::OkStatus();
  };
  EXPECT_TRUE(Minimize(pair.loss, Sgd{}, {.hooks = {MakeHook(probe)}}).ok());
  ASSERT_EQ(messages.size(), 4u);
  EXPECT_EQ(messages[0], "ReplaceGradient: " + pair.loss.name() +
                             " is not a parameter that is trained");
  EXPECT_EQ(messages[1],
            "ReplaceGradient: the new gradient of first/a has type f32[1], "
            "expected f32[]");
  EXPECT_EQ(messages[2],
            "Observe: 'x' is due every 0 steps, expected at least 1");
  EXPECT_NE(messages[3].find("another graph"), std::string::npos);
}

TEST(MinimizeTest, Errors) {
  Pair pair;
  auto message = [](const absl::StatusOr<Program>& program) {
    return std::string(Message(program.status()));
  };
  EXPECT_EQ(message(Minimize(Value(), Sgd{})),
            "Minimize: the loss is an empty value");
  EXPECT_EQ(
      message(Minimize(pair.loss, Sgd{}, {.groups = {{.pattern = "third/*"}}})),
      "parameter group 'third/*' matches no parameter; there are "
      "first/a, second/b");
  EXPECT_EQ(message(Minimize(
                pair.loss, Sgd{},
                {.groups = {{.pattern = "*", .learning_rate_scale = -1}}})),
            "parameter group '*': the learning rate scale is -1, expected a "
            "finite number that is not negative");
  EXPECT_EQ(
      message(Minimize(
          pair.loss, Sgd{},
          {.groups = {{.pattern = "*", .weight_decay_scale = HUGE_VAL}}})),
      "parameter group '*': the weight decay scale is inf, expected a "
      "finite number that is not negative");
  EXPECT_EQ(message(Minimize(pair.loss, Sgd{}, {.accumulate_steps = 0})),
            "Minimize: 0 steps to accumulate, expected at least 1");
  EXPECT_EQ(message(Minimize(pair.loss, Sgd{}, {.groups = {{}}})),
            "a parameter group has neither a pattern nor a predicate");
  EXPECT_NE(message(Minimize(pair.loss, Sgd{},
                             {.groups = {{.pattern = "*", .frozen = true}}}))
                .find("every parameter that the loss depends on is frozen; "
                      "there is nothing to train"),
            std::string::npos);
  EXPECT_NE(message(Minimize(Constant(pair.graph, 1.0), Sgd{}))
                .find("the loss depends on no parameter"),
            std::string::npos);
  EXPECT_EQ(
      message(Minimize(pair.loss, Sgd{}, {.fetches = {{"loss", pair.loss}}})),
      "Minimize: the fetch name 'loss' is empty or taken; give each its "
      "own");
  EXPECT_NE(message(Minimize(pair.loss, Sgd{},
                             {.fetches = {{"x", Constant(Graph(), 1.0)}}}))
                .find("fetch 'x': "),
            std::string::npos);
  EXPECT_FALSE(Minimize(Reshape(pair.a, {1}), Sgd{}).ok());
}

TEST(MinimizeTest, TheGraphsOwnErrorComesFirst) {
  Pair pair;
  const Value wrong = MatMul(pair.a, pair.b);
  const absl::StatusOr<Program> program = Minimize(wrong, Sgd{});
  EXPECT_EQ(program.status(), pair.graph.status());
  EXPECT_NE(Message(program.status()).find("minimize_test.cc:"),
            std::string::npos);
}

TEST(ParameterGroupsTest, Patterns) {
  EXPECT_TRUE(MatchesPattern("*/bias", "hidden1/bias"));
  EXPECT_TRUE(MatchesPattern("*", ""));
  EXPECT_TRUE(MatchesPattern("hidden?/*", "hidden1/a/b"));
  EXPECT_TRUE(MatchesPattern("a*b*c", "aXbYbZc"));
  EXPECT_FALSE(MatchesPattern("a*b*c", "aXbYbZ"));
  EXPECT_FALSE(MatchesPattern("hidden?/*", "hidden12/bias"));
  EXPECT_FALSE(MatchesPattern("", "a"));
  EXPECT_FALSE(MatchesPattern("a", ""));
  EXPECT_TRUE(MatchesPattern("a**", "a"));
}

TEST(MinimizeTest, UpdatesOfAnOptimizerAreChecked) {
  Pair pair;
  const auto message = [&](const Optimizer& optimizer) {
    return std::string(Message(Minimize(pair.loss, optimizer).status()));
  };
  EXPECT_EQ(message([](OptimizerContext& context) {
              context.updates.push_back({});
              return absl::OkStatus();
            }),
            "the optimizer gives an update without a state");
  EXPECT_EQ(message([](OptimizerContext& context) {
              context.updates.push_back({context.parameters[0].parameter, {}});
              return absl::OkStatus();
            }),
            "the optimizer gives first/a an empty value");
  // One that updates nothing watches all the same.
  const absl::StatusOr<Program> idle =
      Minimize(pair.loss, [](OptimizerContext&) { return absl::OkStatus(); });
  ASSERT_TRUE(idle.ok()) << idle.status();
  EXPECT_TRUE(RunOnce(pair.graph, *idle).ok());
}

TEST(MinimizeTest, WhatOptimizersGroupsAndConstraintsThrowBecomesAnError) {
  Pair pair;
  const Optimizer broken = [](OptimizerContext&) -> absl::Status {
    throw std::runtime_error("no slots");
  };
  EXPECT_EQ(Message(Minimize(pair.loss, broken).status()),
            "the optimizer has thrown: no slots");
  const ParameterGroup picky = {.matches = [](const Value&) -> bool {
    throw std::runtime_error("no names");
  }};
  EXPECT_EQ(Message(Minimize(pair.loss, Sgd{}, {.groups = {picky}}).status()),
            "the predicate of a parameter group has thrown: no names");
  const ParameterGroup bound = {.pattern = "*",
                                .constraint = [](const Value&) -> Value {
                                  throw std::runtime_error("no bounds");
                                }};
  const absl::Status status =
      Minimize(pair.loss, Sgd{}, {.groups = {bound}}).status();
  EXPECT_TRUE(Message(status).ends_with(" has thrown: no bounds")) << status;
}

TEST(MinimizeTest, WhatAHookThrowsBecomesAnError) {
  Pair pair;
  const std::shared_ptr<Hook> thrower =
      MakeHook([](Instrumentation&) -> absl::Status {
        throw std::runtime_error("no instruments");
      });
  EXPECT_EQ(Message(Minimize(pair.loss, Sgd{}, {.hooks = {thrower}}).status()),
            "a hook has thrown: no instruments");
  const std::shared_ptr<Hook> odd =
      MakeHook([](Instrumentation&) -> absl::Status { throw 3; });
  EXPECT_EQ(Message(Minimize(pair.loss, Sgd{}, {.hooks = {odd}}).status()),
            "a hook has thrown something that is no std::exception");
  const std::shared_ptr<Hook> late = MakeHook(
      [](Instrumentation& instrumentation) {
        return instrumentation.Observe(
            {.name = "loss", .values = {instrumentation.loss()}});
      },
      [](const Observation&) -> absl::Status {
        throw std::runtime_error("too late");
      });
  const absl::StatusOr<Program> program =
      Minimize(pair.loss, Sgd{}, {.hooks = {late}});
  ASSERT_TRUE(program.ok()) << program.status();
  EXPECT_EQ(Message(RunOnce(pair.graph, *program).status()),
            "the hook of 'loss' has thrown: too late");
}

}  // namespace
}  // namespace evengrad
