// Training gives the same bits for any number of threads, for any neighbours in
// the process, and with or without hooks that watch.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "evengrad/graph/status.h"
#include "evengrad/ops/layers.h"
#include "evengrad/ops/losses.h"
#include "evengrad/ops/ops.h"
#include "evengrad/runtime/hook.h"
#include "evengrad/runtime/hooks/check_numerics.h"
#include "evengrad/runtime/hooks/clip_by_global_norm.h"
#include "evengrad/runtime/session.h"
#include "evengrad/train/minimize.h"
#include "evengrad/train/optimizers.h"

namespace evengrad {
namespace {

constexpr int64_t kFeatures = 400;
constexpr int64_t kBatch = 96;
constexpr int64_t kClasses = 10;

// Wide enough for kernels of several parts, cut by columns and by rows; noise
// in every step.
struct Network {
  Graph graph;
  Value images = Placeholder(graph, "images", F32({"batch", kFeatures}));
  Value labels = Placeholder(graph, "labels", I32({"batch"}));
  Value loss;

  Network() {
    Value x = images;
    for (int64_t units : {256, 128, 100}) {
      const NameScope layer(graph, StrCat("hidden", units));
      x = Selu(Dense(x, units));
      x = x * RandomUniform(graph, F32({"batch", units}), 0.9, 1.1);
    }
    loss = SparseSoftmaxCrossEntropy(Dense(x, kClasses), labels);
  }
};

// Everything that training leaves behind.
struct Trace {
  std::vector<Tensor> losses;
  std::vector<Tensor> parameters;
  friend bool operator==(const Trace&, const Trace&) = default;
};

Tensor Images(int step, int64_t batch) {
  Tensor tensor = *Tensor::Zeros(F32({batch, kFeatures}));
  std::span<float> values = *tensor.mutable_values<float>();
  uint32_t state = 12345u + static_cast<uint32_t>(step);
  for (float& value : values) {
    state = state * 1664525u + 1013904223u;
    value = static_cast<float>(state >> 8) * 0x1p-23f - 1;
  }
  return tensor;
}

Tensor Labels(int step, int64_t batch) {
  std::vector<int32_t> labels;
  for (int64_t i = 0; i < batch; ++i) {
    labels.push_back(static_cast<int32_t>((7 * i + step) % kClasses));
  }
  return *Tensor::Of<int32_t>({batch}, labels);
}

struct TrainingOptions {
  Optimizer optimizer = Sgd{.learning_rate = 0.01, .momentum = 0.9};
  std::vector<std::shared_ptr<Hook>> hooks = {};
  SessionOptions session = {.seed = 42, .num_threads = 1};
};

// Ten steps of smaller and smaller batches.
absl::StatusOr<Trace> Train(const TrainingOptions& options) {
  const Network network;
  EVENGRAD_ASSIGN_OR_RETURN(
      const Program training,
      Minimize(network.loss, options.optimizer, {.hooks = options.hooks}));
  EVENGRAD_ASSIGN_OR_RETURN(Session session,
                            Session::Create(network.graph, options.session));
  Trace trace;
  for (int step = 0; step < 10; ++step) {
    const int64_t batch = step < 5 ? kBatch : step < 9 ? 40 : 5;
    EVENGRAD_ASSIGN_OR_RETURN(
        const RunResult result,
        session.Run(training, {{network.images, Images(step, batch)},
                               {network.labels, Labels(step, batch)}}));
    EVENGRAD_ASSIGN_OR_RETURN(const Tensor loss, result.Get("loss"));
    EVENGRAD_ASSIGN_OR_RETURN(Tensor copy, loss.Clone());
    trace.losses.push_back(std::move(copy));
  }
  for (const Value& parameter : Parameters(network.graph)) {
    EVENGRAD_ASSIGN_OR_RETURN(Tensor value, session.Read(parameter));
    trace.parameters.push_back(std::move(value));
  }
  return trace;
}

// Of a training that must succeed.
Trace TraceOf(const TrainingOptions& options) {
  absl::StatusOr<Trace> trace = Train(options);
  EXPECT_TRUE(trace.ok()) << trace.status();
  return trace.ok() ? *std::move(trace) : Trace();
}

TrainingOptions WithThreads(int num_threads, uint64_t seed = 42) {
  return {.session = {.seed = seed, .num_threads = num_threads}};
}

TEST(DeterminismTest, ThreadsChangeNoBit) {
  const Trace one = TraceOf(WithThreads(1));
  ASSERT_EQ(one.losses.size(), 10u);
  ASSERT_EQ(one.parameters.size(), 8u);
  EXPECT_EQ(one, TraceOf(WithThreads(1)));
  EXPECT_EQ(one, TraceOf(WithThreads(2)));
  EXPECT_EQ(one, TraceOf(WithThreads(5)));
}

TEST(DeterminismTest, ThreadsChangeNoBitOfAdamAndClipping) {
  auto options = [](int num_threads) {
    TrainingOptions result = WithThreads(num_threads);
    result.optimizer = Adam{.learning_rate = 0.01};
    result.hooks = {ClipByGlobalNorm(0.1)};
    return result;
  };
  EXPECT_EQ(TraceOf(options(1)), TraceOf(options(2)));
}

TEST(DeterminismTest, ThreadsChangeNoBitWithoutFusion) {
  TrainingOptions one = WithThreads(1);
  TrainingOptions two = WithThreads(2);
  one.session.fuse = two.session.fuse = false;
  EXPECT_EQ(TraceOf(one), TraceOf(two));
}

TEST(DeterminismTest, ThreadsChangeNoBitOfMixedPrecision) {
  TrainingOptions one = WithThreads(1);
  TrainingOptions two = WithThreads(2);
  one.session.precision = two.session.precision = Precision::kBF16;
  EXPECT_EQ(TraceOf(one), TraceOf(two));
  EXPECT_NE(TraceOf(one), TraceOf(WithThreads(1)));
}

TEST(DeterminismTest, TheSeedChangesTheRun) {
  EXPECT_NE(TraceOf(WithThreads(1, 42)), TraceOf(WithThreads(1, 43)));
}

TEST(DeterminismTest, SessionsAtTheSameTimeDoNotDisturbEachOther) {
  const Trace expected = TraceOf(WithThreads(2));
  Trace traces[2];
  std::thread other([&] { traces[0] = TraceOf(WithThreads(2)); });
  traces[1] = TraceOf(WithThreads(2));
  other.join();
  EXPECT_EQ(traces[0], expected);
  EXPECT_EQ(traces[1], expected);
}

// Watches every gradient, some of them not in every step.
class Watcher : public Hook {
 public:
  absl::Status Instrument(Instrumentation& instrumentation) override {
    int64_t period = 1;
    for (const Value& parameter : instrumentation.parameters()) {
      const Value gradient = instrumentation.gradient(parameter);
      EVENGRAD_RETURN_IF_ERROR(instrumentation.Observe(
          {.name = parameter.name(),
           .values = {gradient, ReduceMax(Abs(gradient)),
                      ReduceMean(Square(parameter))},
           .every_n_steps = period}));
      period = 3;
    }
    return absl::OkStatus();
  }
  absl::Status Observe(const Observation&) override {
    ++observations_;
    return absl::OkStatus();
  }
  int observations() const { return observations_; }

 private:
  int observations_ = 0;
};

TEST(DeterminismTest, WatchingChangesNoBit) {
  const auto watcher = std::make_shared<Watcher>();
  TrainingOptions watched = WithThreads(2);
  watched.hooks = {watcher};
  EXPECT_EQ(TraceOf(watched), TraceOf(WithThreads(2)));
  EXPECT_EQ(watcher->observations(), 10 + 7 * 4);
}

TEST(DeterminismTest, CheckingEveryValueChangesNoBit) {
  TrainingOptions checked = WithThreads(2);
  checked.hooks = {CheckNumerics()};
  EXPECT_EQ(TraceOf(checked), TraceOf(WithThreads(2)));
  checked.optimizer = Adam{.learning_rate = 0.01};
  TrainingOptions unchecked = WithThreads(2);
  unchecked.optimizer = checked.optimizer;
  EXPECT_EQ(TraceOf(checked), TraceOf(unchecked));
}

}  // namespace
}  // namespace evengrad
