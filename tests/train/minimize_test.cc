#include "evengrad/train/minimize.h"

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
  EXPECT_TRUE(seen.empty());
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(session->Run(*program, {}).ok());
  // The value that the step started with.
  EXPECT_EQ(seen, (std::vector<std::string>{"b@2=2", "b@4=0.5"}));
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

}  // namespace
}  // namespace evengrad
