// Nodes that only observations need run where what they watch is computed, and
// change nothing in it.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <memory>
#include <vector>

#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/statistics.h"
#include "evengrad/runtime/hook.h"
#include "evengrad/runtime/session.h"
#include "evengrad/testing/numbers.h"

namespace evengrad {
namespace {

Tensor Draw(const TensorType& type, uint64_t seed) {
  testing::NumberSource numbers(seed);
  Tensor tensor = *Tensor::Zeros(type);
  for (int64_t i = 0; i < tensor.num_elements(); ++i) {
    StoreFromDouble(type.dtype, tensor.mutable_data(), i,
                    numbers.Uniform(-2, 2));
  }
  return tensor;
}

struct Watched {
  Program program;
  std::vector<Feed> feeds = {};
  std::vector<Value> values = {};  // to be observed
};

// What an observation saw.
class Seen : public Hook {
 public:
  absl::Status Instrument(Instrumentation&) override {
    return absl::OkStatus();
  }
  absl::Status Observe(const Observation& observation) override {
    for (const Tensor& value : observation.values) {
      values.push_back(value.ToDoubles());
    }
    return absl::OkStatus();
  }
  std::vector<std::vector<double>> values;
};

struct Outcome {
  std::vector<Tensor> results = {};  // fetches, then states
  std::vector<std::vector<double>> seen = {};
};

Outcome Run(Watched given, bool watching, bool fuse = true) {
  const auto seen = std::make_shared<Seen>();
  if (watching) {
    given.program.observations = {
        {.name = "o", .values = given.values, .hook = seen}};
  }
  Outcome outcome;
  absl::StatusOr<Session> session =
      Session::Create(given.program.graph, {.num_threads = 2, .fuse = fuse});
  EXPECT_TRUE(session.ok()) << session.status();
  if (!session.ok()) return outcome;
  const absl::StatusOr<RunResult> result =
      session->Run(given.program, given.feeds);
  EXPECT_TRUE(result.ok()) << result.status();
  if (!result.ok()) return outcome;
  for (const Tensor& tensor : result->values()) {
    outcome.results.push_back(*tensor.Clone());
  }
  for (const StateUpdate& update : given.program.updates) {
    outcome.results.push_back(*session->Read(update.state.node().name()));
  }
  outcome.seen = seen->values;
  return outcome;
}

// Watching changes no bit, and sees what it sees without fusion.
void Check(const std::function<Watched()>& make) {
  const Outcome plain = Run(make(), false);
  const Outcome watched = Run(make(), true);
  const Outcome unfused = Run(make(), true, false);
  EXPECT_TRUE(watched.results == plain.results);
  ASSERT_EQ(watched.seen.size(), unfused.seen.size());
  for (size_t i = 0; i < watched.seen.size(); ++i) {
    ASSERT_EQ(watched.seen[i].size(), unfused.seen[i].size());
    for (size_t k = 0; k < watched.seen[i].size(); ++k) {
      EXPECT_NEAR(watched.seen[i][k], unfused.seen[i][k],
                  1e-5 * (1 + std::abs(unfused.seen[i][k])))
          << "value " << i << ", element " << k;
    }
  }
}

const TensorType kMatrix = F32({40, 50});

// A product and the sum it goes into round once. So they do where somebody
// looks at the product, and at what follows from it.
TEST(WatchingTest, AProductThatIsJoinedWithItsSum) {
  Check([] {
    Watched w;
    const Graph& graph = w.program.graph;
    const Value s = State(graph, "s", Constant(graph, Draw(kMatrix, 1)));
    const Value product = s * Constant(graph, Draw(kMatrix, 2));
    w.program.updates = {{s, product + s}};
    w.values = {Square(product), Statistics(product - s).summary};
    return w;
  });
}

// Counted in several parts and blocks while the old value is kept for the
// difference: of zeros, and around a mean that hides the deviation, each block
// is read twice.
TEST(WatchingTest, AStateThatIsOverwrittenAndItsChange) {
  for (const double offset : {0.0, 1000.0}) {
    Check([&] {
      const TensorType type = F32({300, 400});
      Tensor start = Draw(type, 1);
      for (int64_t i = 0; i < start.num_elements(); ++i) {
        const double x = LoadAsDouble(DType::kF32, start.data(), i);
        StoreFromDouble(DType::kF32, start.mutable_data(), i,
                        offset == 0 && i % 5 == 0 ? 0 : x + offset);
      }
      Watched w;
      const Graph& graph = w.program.graph;
      const Value s = State(graph, "s", Constant(graph, start));
      const Value next = s - 0.25 * Tanh(s);
      w.program.updates = {{s, next}};
      w.program.fetches = {{"squares", SumOfSquares(next)},
                           {"finite", FiniteTest(next)}};
      w.values = {Statistics(s, {.low = -1, .high = 1}).summary,
                  Statistics(next - s, {.bins = 8}).summary,
                  Statistics(next - s, {.bins = 8}).histogram};
      return w;
    });
  }
}

TEST(WatchingTest, CountsOfAStateThatIsOverwritten) {
  for (const DType dtype : {DType::kF32, DType::kF64}) {
    for (const bool statistics : {false, true}) {
      Check([&] {
        Watched w;
        const Graph& graph = w.program.graph;
        const Value s =
            State(graph, "s", Constant(graph, Draw({dtype, {80, 90}}, 1)));
        const Value next = s - 0.25 * Tanh(s);
        w.program.updates = {{s, next}};
        w.values = {SumOfSquares(s), FiniteTest(s), SumOfSquares(next - s)};
        if (statistics) w.values.push_back(Statistics(s).summary);
        return w;
      });
    }
  }
}

TEST(WatchingTest, ASumThatALoopReads) {
  Check([] {
    Watched w;
    const Graph& graph = w.program.graph;
    const Value s = State(graph, "s", Constant(graph, Draw(F32({50}), 1)));
    const Value sum =
        ReduceSum(Constant(graph, Draw(kMatrix, 2)) * s, {.axes = {0}});
    w.program.updates = {{s, s - 0.1 * sum}};
    w.values = {Statistics(sum).summary, Statistics(s).summary};
    return w;
  });
}

TEST(WatchingTest, TheHistogramOfFetchedStatistics) {
  Check([] {
    Watched w;
    const Graph& graph = w.program.graph;
    const Value s = State(graph, "s", Constant(graph, Draw(kMatrix, 1)));
    const Value product = s * Constant(graph, Draw(kMatrix, 2));
    const StatisticsValues statistics = Statistics(product, {.bins = 8});
    w.program.fetches = {{"summary", statistics.summary}};
    w.program.updates = {{s, product + s}};
    w.values = {statistics.histogram};
    return w;
  });
}

// The kernels of sums and statistics are no loops that could be joined.
TEST(WatchingTest, ASourceThatIsSummedUpOrCounted) {
  for (const bool counted : {false, true}) {
    Check([&] {
      Watched w;
      const Graph& graph = w.program.graph;
      const Value x = Placeholder(graph, "x", kMatrix);
      w.feeds = {{x, Draw(kMatrix, 3)}};
      w.program.fetches = {
          {"y", counted ? Statistics(x, {.low = -1, .high = 1}).summary
                        : ReduceSum(x)}};
      w.values = {Statistics(x).summary};
      return w;
    });
  }
}

// A row that a watcher reads must not decide in which blocks a sum is taken.
TEST(WatchingTest, ARowBesideASum) {
  Check([] {
    Watched w;
    const Graph& graph = w.program.graph;
    const TensorType type = F32({640, 100});
    const Value x = Placeholder(graph, "x", type);
    const Value row = State(graph, "row", Constant(graph, Draw(F32({100}), 5)));
    w.feeds = {{x, Draw(type, 4)}};
    const Value y = Tanh(x * 1.5);
    w.program.fetches = {{"sum", ReduceSum(y)}};
    w.values = {Statistics(y * row).summary, y * row};
    return w;
  });
}

// A summary is complete when its loop has ended, not before.
TEST(WatchingTest, ASummaryIsReadAfterItsLoop) {
  for (const bool watched : {false, true}) {
    Check([&] {
      Watched w;
      const Graph& graph = w.program.graph;
      const TensorType type = F32({3, kNumStatistics});
      const Value x = Placeholder(graph, "x", type);
      w.feeds = {{x, Draw(type, 6)}};
      const Value y = Tanh(x);
      const Value scaled = y * Statistics(y).summary;
      w.program.fetches = {{"y", watched ? y : scaled}};
      w.values = {scaled};
      return w;
    });
  }
}

TEST(WatchingTest, ManyInputs) {
  Check([] {
    Watched w;
    const Graph& graph = w.program.graph;
    const TensorType type = F32({8});
    const auto input = [&] {
      const size_t i = w.feeds.size();
      Value value = Placeholder(graph, StrCat("x", i), type);
      w.feeds.push_back({value, Draw(type, i)});
      return value;
    };
    Value trained = input();
    for (int i = 0; i < 40; ++i)
      trained = Select(Less(trained, input()), input(), input());
    Value watching = trained;
    for (int i = 0; i < 40; ++i)
      watching = Select(Less(watching, input()), input(), input());
    w.program.fetches = {{"y", trained}};
    w.values = {watching};
    return w;
  });
}

}  // namespace
}  // namespace evengrad
