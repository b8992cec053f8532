// The user's C++ code in a graph: when it is called, with what, and what its
// errors do.
#include "evengrad/ops/host_call.h"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "evengrad/autodiff/gradients.h"
#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/layers.h"
#include "evengrad/ops/ops.h"
#include "evengrad/runtime/hook.h"
#include "evengrad/runtime/reference_executor.h"
#include "evengrad/runtime/session.h"
#include "evengrad/train/minimize.h"

namespace evengrad {
namespace {

SourceLocation Line(int line) { return {"/home/user/model.cc", line}; }

Tensor Floats(std::vector<float> values) {
  return *Tensor::Of<float>({static_cast<int64_t>(values.size())}, values);
}

// Keeps a note of every call.
struct Journal {
  std::vector<std::string> names;
  std::vector<Tensor> tensors;

  std::function<absl::Status(const Tensor&)> Note(std::string name) {
    return [this, name](const Tensor& tensor) {
      names.push_back(name);
      tensors.push_back(tensor);
      return absl::OkStatus();
    };
  }
};

Session MakeSession(const Graph& graph, int num_threads = 1) {
  absl::StatusOr<Session> session =
      Session::Create(graph, {.seed = 1, .num_threads = num_threads});
  EXPECT_TRUE(session.ok()) << session.status();
  return *std::move(session);
}

TEST(HostCallTest, SeesTheValueAndPassesItOn) {
  Graph graph;
  Journal journal;
  const Value x = Placeholder(graph, "x", F32({"n"}));
  const Value seen = HostCall(x * 2.0, "watch", journal.Note("watch"));
  EXPECT_EQ(seen.name(), "watch");
  EXPECT_EQ(seen.type(), x.type());
  const Value y = seen + 1.0;
  Session session = MakeSession(graph);
  for (int run = 1; run <= 3; ++run) {
    const Tensor fed = Floats({1.0f * run, 5});
    const absl::StatusOr<RunResult> result = session.Run({y}, {{x, fed}});
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result->values()[0], Floats({2.0f * run + 1, 11}));
    ASSERT_EQ(journal.tensors.size(), static_cast<size_t>(run));
  }
  // The function may keep what it was given.
  EXPECT_EQ(journal.tensors[0], Floats({2, 10}));
  EXPECT_EQ(journal.tensors[2], Floats({6, 10}));
}

TEST(HostCallTest, SeesSeveralValues) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({2}));
  const Value n = Placeholder(graph, "n", I32({}));
  std::string seen;
  const Value y =
      HostCall({x, n, Exp(x)}, "watch", [&](std::span<const Tensor> values) {
        for (const Tensor& value : values) seen += value.ToString();
        seen += StrCat(":", values[1].ToDoubles()[0]);
        return absl::OkStatus();
      });
  Session session = MakeSession(graph);
  const absl::StatusOr<RunResult> result = session.Run(
      {y}, {{x, Floats({1, 2})}, {n, *Tensor::Of<int32_t>({}, {7})}});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(seen, "f32[2]i32[]f32[2]:7");
  EXPECT_EQ(result->values()[0], Floats({1, 2}));
}

TEST(HostCallTest, GradientsPassThrough) {
  Graph graph;
  Journal journal;
  const Value x = Placeholder(graph, "x", F32({2}));
  const Value loss =
      ReduceSum(Square(HostCall(x, "watch", journal.Note("watch"))));
  const absl::StatusOr<std::vector<Value>> gradients =
      Gradients(loss, std::vector<Value>{x});
  ASSERT_TRUE(gradients.ok()) << gradients.status();
  Session session = MakeSession(graph);
  const absl::StatusOr<RunResult> result =
      session.Run({(*gradients)[0]}, {{x, Floats({3, -1})}});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->values()[0], Floats({6, -2}));
}

TEST(HostCallTest, EqualCallsAreNotMergedAndUnneededOnesNotMade) {
  Graph graph;
  Journal journal;
  const Value x = Placeholder(graph, "x", F32({2}));
  const std::function<absl::Status(const Tensor&)> note = journal.Note("call");
  const Node first = HostCall(x, "watch", note).node();
  // The very same function object, inputs and attributes.
  Graph same = graph;
  const Value second = same.Add(first.op(), {x}, first.attributes()).output();
  HostCall(x, "unneeded", journal.Note("unneeded"));
  Session session = MakeSession(graph);
  ASSERT_TRUE(
      session.Run({first.output() + second}, {{x, Floats({1, 2})}}).ok());
  EXPECT_EQ(journal.names, (std::vector<std::string>{"call", "call"}));
}

// In the order of the graph, one at a time, on the caller's thread.
TEST(HostCallTest, OrderDoesNotDependOnThreads) {
  const std::thread::id caller = std::this_thread::get_id();
  for (int threads : {1, 4}) {
    Graph graph;
    const Value x = Placeholder(graph, "x", F32({64, 64}));
    std::vector<std::string> names;
    Value sum = ReduceSum(x);
    for (int i = 0; i < 6; ++i) {
      const std::string name = StrCat("call", i);
      const Value seen = HostCall(MatMul(x, x), name, [&, name](const Tensor&) {
        EXPECT_EQ(std::this_thread::get_id(), caller);
        names.push_back(name);
        return absl::OkStatus();
      });
      sum = sum + ReduceSum(seen);
    }
    Session session = MakeSession(graph, threads);
    ASSERT_TRUE(session.Run({sum}, {{x, *Tensor::Zeros(F32({64, 64}))}}).ok());
    EXPECT_EQ(names, (std::vector<std::string>{"call0", "call1", "call2",
                                               "call3", "call4", "call5"}));
  }
}

// ---- Errors -----------------------------------------------------------------

TEST(HostCallTest, AnErrorStopsTheRunWithItsMessage) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({2}));
  bool after_was_called = false;
  Value y;
  {
    const NameScope scope(graph, "hidden3");
    y = HostCall(
        x, "check",
        [](const Tensor& value) -> absl::Status {
          const double first = value.ToDoubles()[0];
          if (first >= 0) return absl::OkStatus();
          return absl::OutOfRangeError(StrCat("found ", first, " below 0"));
        },
        Line(27));
  }
  const Value z = HostCall(y, "after", [&](const Tensor&) {
    after_was_called = true;
    return absl::OkStatus();
  });
  Session session = MakeSession(graph);
  const absl::StatusOr<RunResult> stopped =
      session.Run({z}, {{x, Floats({-3, 1})}});
  EXPECT_EQ(stopped.status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(Message(stopped.status()),
            "model.cc:27: hidden3/check: found -3 below 0");
  EXPECT_FALSE(after_was_called);
  // The session is as it was.
  const absl::StatusOr<RunResult> next =
      session.Run({z}, {{x, Floats({3, 1})}});
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_EQ(next->values()[0], Floats({3, 1}));
  EXPECT_TRUE(after_was_called);
}

TEST(HostCallTest, ExceptionsBecomeErrors) {
  for (bool standard : {true, false}) {
    Graph graph;
    const Value x = Placeholder(graph, "x", F32({1}));
    const Value y = HostCall(
        x, "check",
        [standard](const Tensor&) -> absl::Status {
          if (standard) throw std::runtime_error("disk full");
          throw 3;
        },
        Line(5));
    Session session = MakeSession(graph);
    EXPECT_EQ(Message(session.Run({y}, {{x, Floats({1})}}).status()),
              StrCat("model.cc:5: check: the function has thrown",
                     standard ? ": disk full"
                              : " something that is no std::exception"));
  }
}

TEST(HostCallTest, ANullFunctionIsAnError) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({1}));
  const std::function<absl::Status(const Tensor&)> none;
  EXPECT_FALSE(HostCall(x, "check", none, Line(5)).valid());
  EXPECT_EQ(Message(graph.status()),
            "model.cc:5: check: attribute function holds no function");
}

// ---- States -----------------------------------------------------------------

// A state, and what is added to it in each run.
struct Counter {
  Graph graph;
  Value x = Placeholder(graph, "x", F32({4}));
  Value w = State(graph, "w", BroadcastTo(Constant(graph, 1.0), {4}));
};

TEST(HostCallTest, AFailedRunChangesNoState) {
  Counter model;
  bool fail = true;
  const Value next = model.w + model.x;
  // A long way to the check, so that the update could come first.
  Value late = model.x;
  for (int i = 0; i < 5; ++i) {
    late =
        HostCall(late, "step", [](const Tensor&) { return absl::OkStatus(); });
  }
  late = HostCall(
      late, "check",
      [&](const Tensor&) {
        return fail ? absl::AbortedError("no") : absl::OkStatus();
      },
      Line(5));
  const Program program = {.graph = model.graph,
                           .fetches = {{"late", late}},
                           .updates = {{model.w, next}}};
  Session session = MakeSession(model.graph);
  const std::vector<Feed> feeds = {{model.x, Floats({1, 2, 3, 4})}};
  EXPECT_EQ(Message(session.Run(program, feeds).status()),
            "model.cc:5: check: no");
  EXPECT_EQ(*session.Read("w"), Floats({1, 1, 1, 1}));
  EXPECT_EQ(session.step(), 0);
  fail = false;
  ASSERT_TRUE(session.Run(program, feeds).ok());
  EXPECT_EQ(*session.Read("w"), Floats({2, 3, 4, 5}));
  EXPECT_EQ(session.step(), 1);
}

TEST(HostCallTest, SeesStatesAsTheyWereBeforeTheUpdate) {
  Counter model;
  Journal journal;
  const Value next = model.w + model.x;
  const Value old = HostCall(model.w, "old", journal.Note("old"));
  // Both the new value and what is computed of it, still before the update.
  const Value updated = HostCall(next * 10.0, "new", journal.Note("new"));
  const Program program = {.graph = model.graph,
                           .fetches = {{"old", old}, {"new", updated}},
                           .updates = {{model.w, next}}};
  Session session = MakeSession(model.graph);
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(
        session.Run(program, std::vector<Feed>{{model.x, Floats({1, 2, 3, 4})}})
            .ok());
  }
  ASSERT_EQ(journal.tensors.size(), 4u);
  EXPECT_EQ(journal.tensors[0], Floats({1, 1, 1, 1}));
  EXPECT_EQ(journal.tensors[1], Floats({20, 30, 40, 50}));
  EXPECT_EQ(journal.tensors[2], Floats({2, 3, 4, 5}));
  EXPECT_EQ(*session.Read("w"), Floats({3, 5, 7, 9}));
}

TEST(HostCallTest, ItsOutputMayBeAStatesNewValue) {
  Counter model;
  bool fail = false;
  const Value next = HostCall(model.w + model.x, "check", [&](const Tensor&) {
    return fail ? absl::AbortedError("no") : absl::OkStatus();
  });
  const Program program = {.graph = model.graph, .updates = {{model.w, next}}};
  Session session = MakeSession(model.graph);
  const std::vector<Feed> feeds = {{model.x, Floats({1, 2, 3, 4})}};
  ASSERT_TRUE(session.Run(program, feeds).ok());
  EXPECT_EQ(*session.Read("w"), Floats({2, 3, 4, 5}));
  fail = true;
  EXPECT_FALSE(session.Run(program, feeds).ok());
  EXPECT_EQ(*session.Read("w"), Floats({2, 3, 4, 5}));
}

// ---- Hooks ------------------------------------------------------------------

// Stops the training when a gradient is too large, before anything is updated.
class GradientGuard : public Hook {
 public:
  explicit GradientGuard(double limit) : limit_(limit) {}

  absl::Status Instrument(Instrumentation& instrumentation) override {
    for (const Value& parameter : instrumentation.parameters()) {
      const Value gradient = instrumentation.gradient(parameter);
      const Value guarded =
          HostCall(gradient, StrCat("guard/", parameter.name()),
                   [limit = limit_](const Tensor& tensor) -> absl::Status {
                     for (double x : tensor.ToDoubles()) {
                       if (x > limit || x < -limit) {
                         return InvalidArgument("a gradient of ", x);
                       }
                     }
                     return absl::OkStatus();
                   },
                   {});
      EVENGRAD_RETURN_IF_ERROR(
          instrumentation.ReplaceGradient(parameter, guarded));
    }
    return absl::OkStatus();
  }

 private:
  double limit_;
};

TEST(HostCallTest, ServesHooks) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({"batch", 2}));
  const Value y = Dense(Dense(x, 3, {.name = "one"}), 1, {.name = "two"});
  const Value loss = ReduceMean(y);
  const absl::StatusOr<Program> program =
      Minimize(loss, Sgd{.learning_rate = 0.1},
               {.hooks = {std::make_shared<GradientGuard>(50)}});
  ASSERT_TRUE(program.ok()) << program.status();
  Session session = MakeSession(graph);
  auto step = [&](float size) {
    return session
        .Run(*program, {{x, *Tensor::Of<float>({1, 2}, {size, -size})}})
        .status();
  };
  EXPECT_TRUE(step(1).ok()) << step(1);
  const Tensor weights = *session.Read("one/weights");
  const Tensor bias = *session.Read("two/bias");
  const absl::Status stopped = step(1000);
  EXPECT_NE(Message(stopped).find("guard/"), std::string_view::npos) << stopped;
  EXPECT_NE(Message(stopped).find("a gradient of "), std::string_view::npos);
  EXPECT_EQ(*session.Read("one/weights"), weights);
  EXPECT_EQ(*session.Read("two/bias"), bias);
}

TEST(HostCallTest, TheReferenceExecutorCallsToo) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({2}));
  Journal journal;
  const Value y = HostCall(x, "watch", journal.Note("watch"));
  const Value z = HostCall(
      y, "check", [](const Tensor&) { return absl::AbortedError("no"); },
      Line(5));
  const std::vector<ReferenceFeed> feeds = {{x, {DType::kF32, {2}, {1, 2}}}};
  ASSERT_TRUE(RunReference(graph, std::vector<Value>{y}, feeds).ok());
  ASSERT_EQ(journal.tensors.size(), 1u);
  EXPECT_EQ(journal.tensors[0], Floats({1, 2}));
  EXPECT_EQ(Message(RunReference(graph, std::vector<Value>{z}, feeds).status()),
            "model.cc:5: check: no");
}

}  // namespace
}  // namespace evengrad
