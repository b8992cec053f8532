// Sessions: states, feeds, updates, caching, errors.
#include "evengrad/runtime/session.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "evengrad/formats/graph_text.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/initializers.h"
#include "evengrad/ops/ops.h"
#include "evengrad/runtime/hook.h"

namespace evengrad {
namespace {

std::vector<double> Numbers(const Tensor& tensor) { return tensor.ToDoubles(); }

std::string Text(const absl::Status& status) {
  return std::string(Message(status));
}

TEST(SessionTest, RunsValuesForEachBatchSize) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({"batch", 2}));
  const Value y = Tanh(x * 2.0 + 1.0);
  auto session = Session::Create(graph);
  ASSERT_TRUE(session.ok()) << session.status();
  for (int64_t batch : {1, 3, 1}) {
    Tensor fed = *Tensor::Zeros(F32({batch, 2}));
    auto result = session->Run({y}, {{x, fed}});
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result->values()[0].sizes()[0], batch);
    EXPECT_NEAR(Numbers(*result->Get(y))[0], 0.7615941559, 1e-6);
  }
}

TEST(SessionTest, UpdatesTakeEffectTogetherAfterTheRun) {
  Graph graph;
  const Value a = State(graph, "a", Constant(graph, 1.0));
  const Value b = State(graph, "b", Constant(graph, 2.0));
  const Value sum = a + b;
  Program program{.graph = graph,
                  .fetches = {{"sum", sum}, {"a", a}},
                  .updates = {{a, b}, {b, sum}}};  // Fibonacci, and a swap
  auto session = Session::Create(graph);
  ASSERT_TRUE(session.ok()) << session.status();
  std::vector<double> sums;
  std::vector<double> fetched;
  for (int i = 0; i < 4; ++i) {
    auto result = session->Run(program, {});
    ASSERT_TRUE(result.ok()) << result.status();
    sums.push_back(*result->Scalar("sum"));
    fetched.push_back(*result->Scalar(a));
  }
  EXPECT_EQ(sums, (std::vector<double>{3, 5, 8, 13}));
  EXPECT_EQ(fetched, (std::vector<double>{1, 2, 3, 5}));  // before the update
  EXPECT_EQ(Numbers(*session->Read(a)), (std::vector<double>{8}));
  EXPECT_EQ(Numbers(*session->Read("b")), (std::vector<double>{13}));
  EXPECT_EQ(session->step(), 4);
}

TEST(SessionTest, AResultSurvivesTheNextRun) {
  Graph graph;
  const Value count = State(graph, "count", Constant(graph, 0.0));
  const Value next = count + 1.0;
  const Program program{
      .graph = graph, .fetches = {{"next", next}}, .updates = {{count, next}}};
  auto session = Session::Create(graph);
  ASSERT_TRUE(session.ok()) << session.status();
  auto first = session->Run(program, {});
  auto second = session->Run(program, {});
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(*first->Scalar("next"), 1);
  EXPECT_EQ(*second->Scalar("next"), 2);
}

TEST(SessionTest, StatesBeyondTheSessionsGraphStartAtTheProgramsFirstRun) {
  Graph graph;
  const Value w = Parameter(graph, "w", Constant(graph, 3.0));
  auto session = Session::Create(graph);
  ASSERT_TRUE(session.ok()) << session.status();
  Graph copy = graph.Clone();
  const Value slot = State(copy, "slot", Constant(copy, 10.0));
  const Value moved = *copy.Resolve(w) + slot;
  const Program program{.graph = copy, .updates = {{slot, moved}}};
  ASSERT_TRUE(session->Run(program, {}).ok());
  EXPECT_EQ(Numbers(*session->Read("slot")), (std::vector<double>{13}));
}

TEST(SessionTest, AnInitialValueMayReadAnotherState) {
  Graph graph;
  const Value a = State(graph, "a", Constant(graph, 4.0));
  State(graph, "b", a * 2.0);
  auto session = Session::Create(graph);
  ASSERT_TRUE(session.ok()) << session.status();
  EXPECT_EQ(Numbers(*session->Read("b")), (std::vector<double>{8}));
}

TEST(SessionTest, SameSeedSameInitialValues) {
  Graph graph;
  State(graph, "w", RandomNormal(graph, F32({100})));
  const Tensor first = *Session::Create(graph, {.seed = 5})->Read("w");
  EXPECT_EQ(first, *Session::Create(graph, {.seed = 5})->Read("w"));
  EXPECT_FALSE(first == *Session::Create(graph, {.seed = 6})->Read("w"));
}

// ---- Hooks ------------------------------------------------------------------

class Recorder : public Hook {
 public:
  absl::Status Instrument(Instrumentation&) override {
    return absl::OkStatus();
  }
  absl::Status Observe(const Observation& observation) override {
    steps.push_back(observation.step);
    seen.push_back(observation.values[0].ToDoubles()[0]);
    return steps.size() < 4 ? absl::OkStatus()
                            : absl::CancelledError("seen enough");
  }
  std::vector<int64_t> steps;
  std::vector<double> seen;
};

TEST(SessionTest, ObservesTheFirstAndEveryNthStepAndStopsOnTheHooksError) {
  Graph graph;
  const Value count = State(graph, "count", Constant(graph, 0.0));
  const Value next = count + 1.0;
  auto recorder = std::make_shared<Recorder>();
  const Program program{.graph = graph,
                        .updates = {{count, next}},
                        .observations = {{.name = "double",
                                          .values = {next * 2.0},
                                          .every_n_steps = 3,
                                          .hook = recorder}}};
  auto session = Session::Create(graph);
  ASSERT_TRUE(session.ok()) << session.status();
  int kernels_without = 0;
  for (int step = 1; step <= 8; ++step) {
    ASSERT_TRUE(session->Run(program, {}).ok());
    if (step == 2) kernels_without = session->last_compiled().num_nodes;
    if (step == 3) {
      EXPECT_GT(session->last_compiled().num_nodes, kernels_without);
    }
    if (step == 4) {
      EXPECT_EQ(session->last_compiled().num_nodes, kernels_without);
    }
  }
  const absl::Status last = session->Run(program, {}).status();
  EXPECT_EQ(Text(last), "seen enough");
  EXPECT_EQ(recorder->steps, (std::vector<int64_t>{1, 3, 6, 9}));
  EXPECT_EQ(recorder->seen, (std::vector<double>{2, 6, 12, 18}));
}

// ---- Errors -----------------------------------------------------------------

class SessionErrorTest : public testing::Test {
 protected:
  SessionErrorTest()
      : x_(Placeholder(graph_, "x", F32({"batch", 2}), {"model.cc", 7})),
        y_(x_ * 2.0),
        session_(*Session::Create(graph_)) {}

  std::string Run(std::initializer_list<Feed> feeds) {
    return Text(session_.Run({y_}, feeds).status());
  }

  Graph graph_;
  Value x_;
  Value y_;
  Session session_;
};

TEST_F(SessionErrorTest, MissingFeed) {
  EXPECT_EQ(Run({}), "model.cc:7: x: the placeholder f32[batch,2] is not fed");
}

TEST_F(SessionErrorTest, WrongDtype) {
  EXPECT_EQ(Run({{x_, *Tensor::Zeros(F64({3, 2}))}}),
            "model.cc:7: x: expected f32[batch,2], a tensor f64[3,2] is fed");
}

TEST_F(SessionErrorTest, WrongShape) {
  const std::string error = Run({{x_, *Tensor::Zeros(F32({3, 5}))}});
  EXPECT_NE(error.find("model.cc:7: x: "), std::string::npos) << error;
  EXPECT_NE(error.find("f32[batch,2]"), std::string::npos) << error;
  EXPECT_NE(error.find("[3,5]"), std::string::npos) << error;
}

TEST_F(SessionErrorTest, EmptyTensorTwiceAndNoPlaceholder) {
  const Tensor good = *Tensor::Zeros(F32({3, 2}));
  EXPECT_EQ(Run({{x_, Tensor()}}), "model.cc:7: x: an empty tensor is fed");
  EXPECT_EQ(Run({{x_, good}, {x_, good}}),
            "model.cc:7: x: the placeholder is fed twice");
  EXPECT_NE(Run({{x_, good}, {y_, good}}).find("only placeholders can be fed"),
            std::string::npos);
}

TEST_F(SessionErrorTest, ValuesAndProgramsOfAnotherGraph) {
  Graph other;
  const Value stranger = Placeholder(other, "x", F32({"batch", 2}));
  const Tensor good = *Tensor::Zeros(F32({3, 2}));
  EXPECT_NE(Run({{stranger, good}}).find("value of another graph"),
            std::string::npos);
  EXPECT_NE(Text(session_.Run({stranger * 1.0}, {{stranger, good}}).status())
                .find("another graph"),
            std::string::npos);
}

TEST_F(SessionErrorTest, StatesThatDoNotExistOrFit) {
  EXPECT_EQ(Text(session_.Read("w").status()), "the session has no state 'w'");
  Graph graph;
  const Value w = State(graph, "w", Constant(graph, 1.0));
  Session session = *Session::Create(graph);
  EXPECT_EQ(Text(session.Write(w, *Tensor::Zeros(F32({2})))),
            "state 'w' has type f32[], the new value has type f32[2]");
}

TEST_F(SessionErrorTest, AnInitialValueThatDependsOnAPlaceholder) {
  Graph graph;
  const Value p = Placeholder(graph, "p", F32({}));
  State(graph, "w", p * 1.0);
  EXPECT_NE(Text(Session::Create(graph).status())
                .find("initial value depends on this placeholder"),
            std::string::npos);
}

TEST_F(SessionErrorTest, AStateWithoutAnInitialValue) {
  const auto program = ParseProgram(R"(evengrad 1
program inference {
  %x: f32[1,2] = placeholder()
  %w: f32[2,3] = parameter() loc("model.cc":7)
  %y: f32[1,3] = matmul(%x, %w)
  return y=%y
}
)");
  ASSERT_TRUE(program.ok()) << program.status();
  const std::string text = Text(Session::Create(program->graph).status());
  EXPECT_EQ(text.find("model.cc:7: w: the state has no initial value"), 0u)
      << text;
}

TEST_F(SessionErrorTest, ThreadCount) {
  EXPECT_FALSE(Session::Create(graph_, {.num_threads = -1}).ok());
  EXPECT_FALSE(Session::Create(graph_, {.num_threads = 100000}).ok());
}

TEST_F(SessionErrorTest, MoreMemoryThanThereIsIsAnError) {
  const int64_t huge = int64_t{1} << 40;
  Graph graph;
  State(graph, "w", BroadcastTo(Constant(graph, 1.0), Shape{huge, 64}));
  const absl::Status status = Session::Create(graph).status();
  EXPECT_FALSE(status.ok());
}

TEST_F(SessionErrorTest, ASessionThatHasBeenMovedFrom) {
  absl::StatusOr<Session> session = Session::Create(graph_);
  ASSERT_TRUE(session.ok()) << session.status();
  const Session moved = *std::move(session);
  const Program program{.graph = graph_};
  EXPECT_EQ(Text(session->Run(program, {}).status()),  // NOLINT
            "the session is empty: it has been moved from");
  EXPECT_FALSE(session->Read("w").ok());
  EXPECT_EQ(session->step(), 0);
  EXPECT_TRUE(session->StateNames().empty());
}

}  // namespace
}  // namespace evengrad
