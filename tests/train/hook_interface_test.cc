// What a hook may ask of a program, beyond what minimize_test.cc shows.
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "evengrad/graph/status.h"
#include "evengrad/ops/host_call.h"
#include "evengrad/ops/ops.h"
#include "evengrad/runtime/hook.h"
#include "evengrad/runtime/session.h"
#include "evengrad/train/minimize.h"

namespace evengrad {
namespace {

// A hook made of functions.
struct TestHook : Hook {
  absl::Status Instrument(Instrumentation& instrumentation) override {
    return instrument ? instrument(instrumentation) : absl::OkStatus();
  }
  absl::Status InstrumentUpdates(Instrumentation& instrumentation) override {
    return updates ? updates(instrumentation) : absl::OkStatus();
  }
  absl::Status Observe(const Observation& observation) override {
    return observe ? observe(observation) : absl::OkStatus();
  }
  std::function<absl::Status(Instrumentation&)> instrument = {};
  std::function<absl::Status(Instrumentation&)> updates = {};
  std::function<absl::Status(const Observation&)> observe = {};
};

// The loss is h^2 / 2 with h = 2 a.
struct Model {
  Model() {
    a = Parameter(graph, "a", Constant(graph, 3.0));
    h = 2.0 * a;
    loss = 0.5 * Square(h);
  }
  absl::StatusOr<Program> Minimized(std::shared_ptr<Hook> hook) {
    return Minimize(loss, Sgd{.learning_rate = 0.125, .momentum = 0.5},
                    {.hooks = {std::move(hook)}});
  }
  Graph graph;
  Value a, h, loss;
};

double ReadNumber(const Session& session, std::string_view state) {
  return session.Read(state)->ToDoubles()[0];
}

TEST(HookInterfaceTest, GradientsOfValuesAndNewParameters) {
  Model model;
  auto hook = std::make_shared<TestHook>();
  std::vector<double> seen;
  hook->instrument = [&](Instrumentation& i) {
    EXPECT_FALSE(i.new_value(model.a).valid());
    return absl::OkStatus();
  };
  hook->updates = [&](Instrumentation& i) {
    EXPECT_FALSE(i.new_value(model.h).valid());
    EXPECT_FALSE(i.value_gradient(Constant(i.graph(), 1.0)).valid());
    return i.Observe(
        {.name = "all",
         .values = {i.value_gradient(model.h), i.raw_gradient(model.a), model.a,
                    i.new_value(model.a)}});
  };
  hook->observe = [&](const Observation& observation) {
    for (const Tensor& value : observation.values) {
      seen.push_back(value.ToDoubles()[0]);
    }
    return absl::OkStatus();
  };
  const absl::StatusOr<Program> program = model.Minimized(hook);
  ASSERT_TRUE(program.ok()) << program.status();
  absl::StatusOr<Session> session = Session::Create(model.graph);
  ASSERT_TRUE(session->Run(*program, {}).ok());
  EXPECT_EQ(seen, (std::vector<double>{6, 12, 3, 1.5}));
  EXPECT_EQ(ReadNumber(*session, "a"), 1.5);
}

TEST(HookInterfaceTest, SkipsUpdatesUnlessAllConditionsHold) {
  Model model;
  const Value go = Placeholder(model.graph, "go", Bool({}));
  const Value also = Placeholder(model.graph, "also", Bool({}));
  auto hook = std::make_shared<TestHook>();
  hook->instrument = [&](Instrumentation& i) -> absl::Status {
    const Value runs = i.AddState("runs", Constant(i.graph(), 0.0));
    EVENGRAD_RETURN_IF_ERROR(i.UpdateState(runs, runs + 1));
    EVENGRAD_RETURN_IF_ERROR(i.SkipUpdatesUnless(go));
    return i.SkipUpdatesUnless(also);
  };
  const absl::StatusOr<Program> program = model.Minimized(hook);
  ASSERT_TRUE(program.ok()) << program.status();
  absl::StatusOr<Session> session = Session::Create(model.graph);
  auto run = [&](bool first, bool second) {
    auto fed = [](bool value) {
      Tensor tensor = *Tensor::Zeros(Bool({}));
      StoreFromDouble(DType::kBool, tensor.mutable_data(), 0, value);
      return tensor;
    };
    const absl::Status status =
        session->Run(*program, {{go, fed(first)}, {also, fed(second)}})
            .status();
    EXPECT_TRUE(status.ok()) << status;
  };
  run(true, false);
  run(false, true);
  EXPECT_EQ(ReadNumber(*session, "a"), 3);
  EXPECT_EQ(ReadNumber(*session, "a/momentum"), 0);
  EXPECT_EQ(ReadNumber(*session, "step"), 0);
  EXPECT_EQ(ReadNumber(*session, "skipped_steps"), 2);
  run(true, true);
  EXPECT_EQ(ReadNumber(*session, "a"), 1.5);
  EXPECT_EQ(ReadNumber(*session, "a/momentum"), 12);
  EXPECT_EQ(ReadNumber(*session, "step"), 1);
  EXPECT_EQ(ReadNumber(*session, "skipped_steps"), 2);
  EXPECT_EQ(ReadNumber(*session, "runs"), 3);
}

// Same number of nodes as the program without the hook, when nothing is due.
TEST(HookInterfaceTest, AStepWithoutObservationRunsThePlainProgram) {
  Model model;
  auto nodes_of = [&](const Program& program) {
    std::vector<int> nodes;
    absl::StatusOr<Session> session = Session::Create(model.graph);
    for (int step = 1; step <= 6; ++step) {
      EXPECT_TRUE(session->Run(program, {}).ok());
      nodes.push_back(session->last_compiled().num_nodes);
    }
    return nodes;
  };
  auto hook = std::make_shared<TestHook>();
  hook->instrument = [&](Instrumentation& i) -> absl::Status {
    EVENGRAD_RETURN_IF_ERROR(i.Observe({.name = "third",
                                        .values = {Exp(i.gradient(model.a))},
                                        .every_n_steps = 3}));
    return i.Observe({.name = "second",
                      .values = {Tanh(i.gradient(model.a))},
                      .every_n_steps = 2});
  };
  const int plain = nodes_of(*model.Minimized(std::make_shared<TestHook>()))[0];
  EXPECT_EQ(nodes_of(*model.Minimized(hook)),
            (std::vector<int>{plain + 2, plain + 1, plain + 1, plain + 1, plain,
                              plain + 2}));
}

TEST(HookInterfaceTest, WhatComesTooLateIsAnError) {
  Model model;
  std::vector<std::string> messages;
  auto hook = std::make_shared<TestHook>();
  hook->updates = [&](Instrumentation& i) {
    messages.emplace_back(Message(i.ReplaceGradient(model.a, model.a)));
    messages.emplace_back(Message(i.SkipUpdatesUnless(Greater(model.a, 0))));
    return absl::OkStatus();
  };
  hook->instrument = [&](Instrumentation& i) {
    messages.emplace_back(Message(i.SkipUpdatesUnless(model.a)));
    return absl::OkStatus();
  };
  ASSERT_TRUE(model.Minimized(hook).ok());
  EXPECT_EQ(messages,
            (std::vector<std::string>{
                "SkipUpdatesUnless: the condition a has type f32[], expected "
                "bool[]",
                "ReplaceGradient: the optimizer has used the gradients; call "
                "it in Instrument, not in InstrumentUpdates",
                "SkipUpdatesUnless: the optimizer has used the gradients; call "
                "it in Instrument, not in InstrumentUpdates"}));
}

TEST(HookInterfaceTest, AnErrorOfInstrumentUpdatesStopsTheDerivation) {
  Model model;
  auto hook = std::make_shared<TestHook>();
  hook->updates = [](Instrumentation&) {
    return absl::InvalidArgumentError("not so");
  };
  EXPECT_EQ(Message(model.Minimized(hook).status()), "not so");
}

// A hook runs programs of its session, more than the session keeps, among them
// the one that is observed.
TEST(HookInterfaceTest, ProgramsMayRunWhileAHookObserves) {
  Model model;
  auto hook = std::make_shared<TestHook>();
  absl::StatusOr<Session> session = Session::Create(model.graph);
  absl::StatusOr<Program> program;
  int depth = 0;
  std::vector<double> seen;
  hook->instrument = [&](Instrumentation& i) -> absl::Status {
    EVENGRAD_RETURN_IF_ERROR(i.Observe({.name = "a", .values = {model.a}}));
    return i.Observe({.name = "loss", .values = {i.loss()}});
  };
  hook->observe = [&](const Observation& observation) -> absl::Status {
    EXPECT_TRUE(observation.graph == program->graph);
    if (depth == 0 && observation.name == "a") {
      ++depth;
      EVENGRAD_RETURN_IF_ERROR(session->Run(*program, {}).status());
      for (int n = 0; n < 40; ++n) {
        const Value other = model.a + static_cast<double>(n);
        EVENGRAD_RETURN_IF_ERROR(session->Run({other}, {}).status());
      }
      --depth;
    }
    if (depth == 0) {
      seen.push_back(observation.values[0].ToDoubles()[0]);
      seen.push_back(static_cast<double>(observation.step));
    }
    return absl::OkStatus();
  };
  program = model.Minimized(hook);
  ASSERT_TRUE(program.ok()) << program.status();
  const absl::StatusOr<RunResult> result = session->Run(*program, {});
  ASSERT_TRUE(result.ok()) << result.status();
  // Of the outer step: a = 3 before it.
  EXPECT_EQ(seen, (std::vector<double>{3, 1, 18, 1}));
  EXPECT_EQ(*result->Scalar("loss"), 18);
  EXPECT_EQ(session->step(), 2);
}

TEST(HookInterfaceTest, ACallOnTheHostCannotRunItsOwnSession) {
  Model model;
  std::optional<Session> session;
  std::string message;
  auto hook = std::make_shared<TestHook>();
  hook->instrument = [&](Instrumentation& i) {
    return i.ReplaceGradient(
        model.a, HostCall(i.gradient(model.a), "call", [&](const Tensor&) {
          const absl::Status status = session->Run({model.h}, {}).status();
          message = Message(status);
          return absl::OkStatus();
        }));
  };
  const absl::StatusOr<Program> program = model.Minimized(hook);
  ASSERT_TRUE(program.ok()) << program.status();
  session.emplace(*Session::Create(model.graph));
  const absl::Status status = session->Run(*program, {}).status();
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(message,
            "the session is in the middle of a run, so a HostCall cannot run a "
            "program of it; do that in Hook::Observe, or in another session");
  EXPECT_EQ(ReadNumber(*session, "a"), 1.5);
  EXPECT_TRUE(session->Run({model.h}, {}).ok());
}

// Ends the training from a call on the host, in the words it was given.
class EndingHook : public Hook {
 public:
  EndingHook(std::string words, std::shared_ptr<bool> alive)
      : words_(std::move(words)), alive_(std::move(alive)) {
    *alive_ = true;
  }
  ~EndingHook() override { *alive_ = false; }
  absl::Status Instrument(Instrumentation& i) override {
    const Value parameter = i.parameters()[0];
    return i.ReplaceGradient(
        parameter, HostCall(i.gradient(parameter), "end",
                            [this, alive = alive_](const Tensor&) {
                              return *alive ? absl::CancelledError(words_)
                                            : absl::DataLossError("freed");
                            }));
  }

 private:
  const std::string words_;
  const std::shared_ptr<bool> alive_;
};

TEST(HookInterfaceTest, ProgramsHoldTheHooksTheyCall) {
  Model model;
  auto alive = std::make_shared<bool>();
  {
    absl::StatusOr<Program> program =
        model.Minimized(std::make_shared<EndingHook>("enough", alive));
    ASSERT_TRUE(program.ok()) << program.status();
    const Program copy = *std::exchange(program, Program{});
    absl::StatusOr<Session> session = Session::Create(model.graph);
    const absl::Status status = session->Run(copy, {}).status();
    EXPECT_TRUE(absl::IsCancelled(status)) << status;
  }
  EXPECT_FALSE(*alive);  // nor longer than that
}

}  // namespace
}  // namespace evengrad
