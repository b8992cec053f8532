// Statistics of layers so wide that several parts of a kernel count them, and
// of numbers many of which are 0.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "evengrad/autodiff/gradients.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/layers.h"
#include "evengrad/ops/losses.h"
#include "evengrad/ops/ops.h"
#include "evengrad/runtime/hooks/clip_gradients.h"
#include "evengrad/runtime/hooks/layer_statistics.h"
#include "evengrad/runtime/session.h"
#include "evengrad/testing/numbers.h"
#include "evengrad/train/minimize.h"
#include "evengrad/train/optimizers.h"

namespace evengrad {
namespace {

constexpr int64_t kFeatures = 500;
constexpr int64_t kBatch = 48;

// 500-320-200-10. A third of the features are always 0: so are the gradients
// and updates of their weights.
struct Network {
  Network() {
    Value h = images;
    for (const int64_t units : {320, 200}) {
      const NameScope layer(graph, StrCat("hidden", units));
      h = Relu(Dense(h, units));
      outputs.push_back(h);
    }
    outputs.push_back(Dense(h, 10, {.name = "logits"}));
    loss = SparseSoftmaxCrossEntropy(outputs.back(), labels);
  }

  std::vector<Feed> Batch(uint64_t seed) const {
    testing::NumberSource numbers(seed);
    std::vector<float> pixels;
    for (int64_t i = 0; i < kBatch * kFeatures; ++i) {
      const auto pixel = static_cast<float>(numbers.Uniform(-1, 1));
      pixels.push_back(i % kFeatures % 3 == 0 ? 0 : pixel);
    }
    std::vector<int32_t> answers;
    for (int64_t i = 0; i < kBatch; ++i) {
      answers.push_back(static_cast<int32_t>(numbers.Index(10)));
    }
    return {{images, *Tensor::Of<float>({kBatch, kFeatures}, pixels)},
            {labels, *Tensor::Of<int32_t>({kBatch}, answers)}};
  }

  Graph graph;
  Value images = Placeholder(graph, "images", F32({"batch", kFeatures}));
  Value labels = Placeholder(graph, "labels", I32({"batch"}));
  std::vector<Value> outputs;
  Value loss;
};

std::shared_ptr<LayerStatistics> Watch(int64_t bins) {
  return std::make_shared<LayerStatistics>(
      LayerStatisticsOptions{.every_n_steps = 1, .histogram_bins = bins});
}

void ExpectSummary(const TensorSummary& found, const std::vector<double>& x,
                   const std::string& what) {
  double sum = 0, squares = 0, around_mean = 0, zeros = 0;
  for (const double v : x) {
    sum += v;
    squares += v * v;
    zeros += v == 0;
  }
  const auto n = static_cast<double>(x.size());
  for (const double v : x) around_mean += (v - sum / n) * (v - sum / n);
  const double deviation = std::sqrt(around_mean / n);
  EXPECT_EQ(found.elements, static_cast<int64_t>(x.size())) << what;
  EXPECT_NEAR(found.mean, sum / n, 1e-5 * deviation) << what;
  EXPECT_NEAR(found.deviation, deviation, 1e-5 * deviation) << what;
  EXPECT_NEAR(found.norm, std::sqrt(squares), 1e-5 * std::sqrt(squares))
      << what;
  EXPECT_FLOAT_EQ(static_cast<float>(found.zero_share),
                  static_cast<float>(zeros / n))
      << what;
  EXPECT_FLOAT_EQ(static_cast<float>(found.minimum),
                  static_cast<float>(*std::ranges::min_element(x)))
      << what;
  EXPECT_FLOAT_EQ(static_cast<float>(found.maximum),
                  static_cast<float>(*std::ranges::max_element(x)))
      << what;
}

TEST(WideStatisticsTest, TheNumbersAreThoseOfTheTensors) {
  const Network network;
  const std::shared_ptr<LayerStatistics> statistics = Watch(16);
  const absl::StatusOr<Program> program =
      Minimize(network.loss, Sgd{.learning_rate = 0.1, .momentum = 0.9},
               {.hooks = {statistics}});
  ASSERT_TRUE(program.ok()) << program.status();
  const std::vector<Value> parameters = Parameters(network.graph);
  std::vector<Value> looked_at = network.outputs;
  const absl::StatusOr<std::vector<Value>> gradients =
      Gradients(network.loss, parameters);
  ASSERT_TRUE(gradients.ok()) << gradients.status();
  looked_at.insert(looked_at.end(), gradients->begin(), gradients->end());
  absl::StatusOr<Session> session = Session::Create(network.graph);
  ASSERT_TRUE(session.ok()) << session.status();

  for (uint64_t step = 1; step <= 2; ++step) {
    const std::vector<Feed> batch = network.Batch(step);
    std::vector<std::vector<double>> before;
    for (const Value& parameter : parameters) {
      before.push_back(session->Read(parameter.name())->ToDoubles());
    }
    const absl::StatusOr<RunResult> seen = session->Run(looked_at, batch);
    ASSERT_TRUE(seen.ok()) << seen.status();
    ASSERT_TRUE(session->Run(*program, batch).ok());
    const StatisticsRecord& record = statistics->latest();
    ASSERT_EQ(record.layers.size(), network.outputs.size());
    size_t p = 0;
    for (size_t l = 0; l < record.layers.size(); ++l) {
      const LayerRecord& layer = record.layers[l];
      ExpectSummary(layer.output, seen->values()[l].ToDoubles(), layer.name);
      for (const ParameterRecord& parameter : layer.parameters) {
        ASSERT_EQ(parameter.name, parameters[p].name());
        std::vector<double> update = session->Read(parameter.name)->ToDoubles();
        for (size_t i = 0; i < update.size(); ++i) update[i] -= before[p][i];
        ExpectSummary(parameter.value, before[p], parameter.name);
        ExpectSummary(parameter.gradient,
                      seen->values()[network.outputs.size() + p].ToDoubles(),
                      "gradient of " + parameter.name);
        ExpectSummary(parameter.update, update, "update of " + parameter.name);
        double counted = 0;
        for (const double bin : parameter.update.histogram) counted += bin;
        const auto size = static_cast<int64_t>(update.size());
        const int64_t stride = (size + 2047) / 2048;
        EXPECT_EQ(counted, static_cast<double>((size + stride - 1) / stride));
        ++p;
      }
    }
  }
}

TEST(WideStatisticsTest, WatchingChangesNoBit) {
  const Network network;
  const auto states_after = [&](const auto& optimizer, MinimizeOptions options,
                                int threads) {
    const absl::StatusOr<Program> program =
        Minimize(network.loss, optimizer, std::move(options));
    EXPECT_TRUE(program.ok()) << program.status();
    absl::StatusOr<Session> session =
        Session::Create(network.graph, {.seed = 9, .num_threads = threads});
    for (uint64_t step = 0; step < 4; ++step) {
      const auto result = session->Run(*program, network.Batch(step));
      EXPECT_TRUE(result.ok()) << result.status();
    }
    std::vector<Tensor> states;
    for (const StateUpdate& update : program->updates) {
      states.push_back(*session->Read(update.state.node().name()));
    }
    return states;
  };
  const auto compare = [&](const auto& optimizer,
                           const std::vector<std::shared_ptr<Hook>>& hooks,
                           const std::string& what) {
    const std::vector<Tensor> plain =
        states_after(optimizer, {.hooks = hooks}, 2);
    for (const int64_t bins : {0, 16}) {
      std::vector<std::shared_ptr<Hook>> watched = hooks;
      watched.push_back(Watch(bins));
      for (const int threads : {1, 2}) {
        EXPECT_TRUE(states_after(optimizer, {.hooks = watched}, threads) ==
                    plain)
            << what << ", " << bins << " bins, " << threads << " threads";
      }
    }
  };
  compare(Sgd{.learning_rate = 0.1, .momentum = 0.9}, {}, "momentum");
  compare(Sgd{.learning_rate = 0.1, .weight_decay = {0.01}}, {}, "decay");
  compare(Sgd{.learning_rate = 0.1}, {ClipByGlobalNorm(0.1)}, "clipped");
  compare(AdamW{.learning_rate = 0.01}, {}, "AdamW");
}

}  // namespace
}  // namespace evengrad
