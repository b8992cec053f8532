#include "evengrad/runtime/hooks/layer_statistics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "evengrad/graph/status.h"
#include "evengrad/ops/layers.h"
#include "evengrad/ops/losses.h"
#include "evengrad/ops/ops.h"
#include "evengrad/runtime/hooks/check_numerics.h"
#include "evengrad/runtime/hooks/clip_gradients.h"
#include "evengrad/runtime/session.h"
#include "evengrad/train/minimize.h"

namespace evengrad {
namespace {

constexpr int64_t kFeatures = 12;
constexpr int64_t kBatch = 16;

// Two hidden layers, one with its activation outside its scope, and logits.
struct Network {
  explicit Network(Value (*activation)(const Value&) = [](const Value& x) {
    return Relu(x);
  }) {
    Value h = activation(Dense(images, 10, {.name = "one"}));
    {
      const NameScope scope(graph, "two");
      h = Sigmoid(Dense(h, 6));
    }
    logits = Dense(h, 4, {.name = "logits"});
    loss = SparseSoftmaxCrossEntropy(logits, labels);
  }

  std::vector<Feed> Batch(int step) const {
    std::vector<float> pixels;
    std::vector<int32_t> answers;
    uint32_t state = 77u + static_cast<uint32_t>(step);
    for (int64_t i = 0; i < kBatch * kFeatures; ++i) {
      state = state * 1664525u + 1013904223u;
      pixels.push_back(static_cast<float>(state >> 8) * 0x1p-23f - 1);
    }
    for (int32_t i = 0; i < kBatch; ++i) answers.push_back(i % 4);
    return {{images, *Tensor::Of<float>({kBatch, kFeatures}, pixels)},
            {labels, *Tensor::Of<int32_t>({kBatch}, answers)}};
  }

  Graph graph;
  Value images = Placeholder(graph, "images", F32({"batch", kFeatures}));
  Value labels = Placeholder(graph, "labels", I32({"batch"}));
  Value logits, loss;
};

struct Trace {
  std::vector<Tensor> losses;
  std::vector<Tensor> states;
  std::vector<int> nodes;  // of each step's program
  friend bool operator==(const Trace& a, const Trace& b) {
    return a.losses == b.losses && a.states == b.states;
  }
};

Trace Train(const Network& network, std::vector<std::shared_ptr<Hook>> hooks,
            int steps = 12, int num_threads = 2) {
  Trace run;
  const absl::StatusOr<Program> program =
      Minimize(network.loss, Sgd{.learning_rate = 0.1, .momentum = 0.9},
               {.hooks = std::move(hooks)});
  EXPECT_TRUE(program.ok()) << program.status();
  absl::StatusOr<Session> session =
      Session::Create(network.graph, {.seed = 5, .num_threads = num_threads});
  for (int step = 0; step < steps; ++step) {
    const absl::StatusOr<RunResult> result =
        session->Run(*program, network.Batch(step));
    EXPECT_TRUE(result.ok()) << result.status();
    if (!result.ok()) return run;
    run.losses.push_back(*result->Get("loss")->Clone());
    run.nodes.push_back(session->last_compiled().num_nodes);
  }
  for (const char* name :
       {"one/weights", "one/bias", "two/weights", "two/bias", "logits/weights",
        "logits/bias", "one/weights/momentum", "logits/bias/momentum"}) {
    run.states.push_back(*session->Read(name));
  }
  return run;
}

TEST(LayerStatisticsTest, WatchingChangesNoBit) {
  const Network network;
  const Trace plain = Train(network, {});
  const Trace clipped = Train(network, {ClipByGlobalNorm(0.5)});
  for (const int64_t period : {1, 3}) {
    for (const int64_t bins : {0, 16}) {
      auto watch = [&] {
        return std::make_shared<LayerStatistics>(LayerStatisticsOptions{
            .every_n_steps = period, .histogram_bins = bins});
      };
      EXPECT_TRUE(Train(network, {watch()}) == plain) << period;
      EXPECT_TRUE(Train(network, {watch()}, 12, 1) == plain) << period;
      EXPECT_TRUE(Train(network, {ClipByGlobalNorm(0.5), watch()}) == clipped)
          << period;
    }
  }
}

TEST(LayerStatisticsTest, StepsThatAreNotDueRunThePlainProgram) {
  const Network network;
  const Trace plain = Train(network, {}, 6);
  const Trace watched = Train(network,
                              {std::make_shared<LayerStatistics>(
                                  LayerStatisticsOptions{.every_n_steps = 3})},
                              6);
  for (int step = 1; step <= 6; ++step) {
    const int extra = watched.nodes[step - 1] - plain.nodes[step - 1];
    if (step == 1 || step % 3 == 0) {
      EXPECT_GT(extra, 0) << step;
    } else {
      EXPECT_EQ(extra, 0) << step;
    }
  }
}

// ---- The numbers, against plain loops
// ------------------------------------------

struct Moments {
  double mean = 0, deviation = 0, norm = 0, zeros = 0;
};
Moments MomentsOf(const std::vector<double>& x) {
  Moments m;
  const auto n = static_cast<double>(x.size());
  double squares = 0;
  for (double v : x) {
    m.mean += v / n;
    squares += v * v;
    m.zeros += (v == 0) / n;
  }
  for (double v : x) m.deviation += (v - m.mean) * (v - m.mean) / n;
  m.deviation = std::sqrt(m.deviation);
  m.norm = std::sqrt(squares);
  return m;
}

void ExpectSummary(const TensorSummary& found, const std::vector<double>& x) {
  const Moments m = MomentsOf(x);
  EXPECT_EQ(found.elements, static_cast<int64_t>(x.size()));
  EXPECT_NEAR(found.mean, m.mean, 1e-6);
  EXPECT_NEAR(found.deviation, m.deviation, 1e-5 * m.deviation + 1e-9);
  EXPECT_NEAR(found.norm, m.norm, 1e-5 * m.norm);
  EXPECT_NEAR(found.zero_share, m.zeros, 1e-6);
  EXPECT_NEAR(found.minimum, *std::min_element(x.begin(), x.end()), 1e-6);
  EXPECT_NEAR(found.maximum, *std::max_element(x.begin(), x.end()), 1e-6);
  EXPECT_TRUE(found.finite());
}

std::vector<double> Minus(const Tensor& a, const Tensor& b) {
  std::vector<double> x = a.ToDoubles();
  const std::vector<double> y = b.ToDoubles();
  for (size_t i = 0; i < x.size(); ++i) x[i] -= y[i];
  return x;
}

TEST(LayerStatisticsTest, TheNumbersAreThoseOfTheTensors) {
  const Network network;
  auto statistics = std::make_shared<LayerStatistics>(
      LayerStatisticsOptions{.every_n_steps = 1, .histogram_bins = 8});
  constexpr double kRate = 0.5;
  const absl::StatusOr<Program> program =
      Minimize(network.loss, Sgd{.learning_rate = kRate},
               {.hooks = {ClipByGlobalNorm(0.01), statistics}});
  ASSERT_TRUE(program.ok()) << program.status();
  absl::StatusOr<Session> session = Session::Create(network.graph);
  const Tensor before = *session->Read("two/weights");
  const std::vector<Feed> batch = network.Batch(0);
  const absl::StatusOr<RunResult> logits =
      session->Run(std::vector<Value>{network.logits}, batch);
  const absl::StatusOr<RunResult> result = session->Run(*program, batch);
  ASSERT_TRUE(result.ok()) << result.status();
  const Tensor after = *session->Read("two/weights");

  const StatisticsRecord& record = statistics->latest();
  EXPECT_EQ(record.step, 1);
  EXPECT_NEAR(record.loss, *result->Scalar("loss"), 1e-7);
  ASSERT_EQ(record.layers.size(), 3u);
  EXPECT_EQ(record.layers[0].name, "one");
  EXPECT_EQ(record.layers[0].activation, "relu");
  EXPECT_EQ(record.layers[1].activation, "sigmoid");
  EXPECT_EQ(record.layers[2].activation, "");
  ExpectSummary(record.layers[2].output, logits->values()[0].ToDoubles());

  ASSERT_EQ(record.layers[1].parameters.size(), 2u);
  const ParameterRecord& weights = record.layers[1].parameters[0];
  EXPECT_EQ(weights.name, "two/weights");
  ExpectSummary(weights.value, before.ToDoubles());
  const std::vector<double> update = Minus(after, before);
  ExpectSummary(weights.update, update);
  EXPECT_NEAR(*weights.update_ratio, weights.update.norm / weights.value.norm,
              1e-12);
  // The update is -rate * scale * gradient.
  const ClippingReport clipping =
      *ReadClippingReport(*session, "clip_by_global_norm");
  EXPECT_NEAR(record.gradient_norm, clipping.norm, 1e-5 * clipping.norm);
  EXPECT_NEAR(record.clipped_norm, clipping.clipped_norm, 1e-6);
  EXPECT_NEAR(weights.gradient.norm * kRate * 0.01 / clipping.norm,
              weights.update.norm, 1e-5 * weights.update.norm + 1e-7);

  double counted = 0;
  for (double bin : record.layers[0].output.histogram) counted += bin;
  EXPECT_EQ(counted, kBatch * 10);
  EXPECT_GT(record.layers[0].output.zero_share, 0.1);  // ReLU
  EXPECT_NEAR(*record.layers[0].gradient_ratio,
              record.layers[0].output_gradient.root_mean_square() /
                  record.layers[1].output_gradient.root_mean_square(),
              1e-12);
  EXPECT_FALSE(record.layers[2].gradient_ratio.has_value());
}

// softmax - one_hot, divided by the batch.
TEST(LayerStatisticsTest, TheGradientOfTheLogits) {
  const Network network;
  auto statistics = std::make_shared<LayerStatistics>(
      LayerStatisticsOptions{.every_n_steps = 1});
  const absl::StatusOr<Program> program = Minimize(
      network.loss, Sgd{},
      {.hooks = {statistics}, .fetches = {{"logits", network.logits}}});
  absl::StatusOr<Session> session = Session::Create(network.graph);
  const absl::StatusOr<RunResult> result =
      session->Run(*program, network.Batch(0));
  ASSERT_TRUE(result.ok()) << result.status();
  const std::vector<double> logits = result->Get("logits")->ToDoubles();
  std::vector<double> gradient;
  for (int64_t i = 0; i < kBatch; ++i) {
    double sum = 0;
    for (int c = 0; c < 4; ++c) sum += std::exp(logits[i * 4 + c]);
    for (int c = 0; c < 4; ++c) {
      gradient.push_back((std::exp(logits[i * 4 + c]) / sum - (i % 4 == c)) /
                         kBatch);
    }
  }
  ExpectSummary(statistics->latest().layers[2].output_gradient, gradient);
}

// ---- Verdicts
// -----------------------------------------------------------------

// The findings of `kind`, as "layer@since".
std::vector<std::string> Found(const LayerStatistics& statistics,
                               FindingKind kind) {
  std::vector<std::string> found;
  for (const Finding& finding : statistics.findings()) {
    if (finding.kind == kind) {
      found.push_back(StrCat(finding.layer, "@", finding.since));
    }
  }
  return found;
}

TEST(LayerStatisticsTest, SaturatedAndDeadUnits) {
  const Network network;
  auto statistics = std::make_shared<LayerStatistics>(
      LayerStatisticsOptions{.every_n_steps = 2, .dead_window = 3});
  const absl::StatusOr<Program> program =
      Minimize(network.loss, Sgd{.learning_rate = 0}, {.hooks = {statistics}});
  absl::StatusOr<Session> session = Session::Create(network.graph);
  // Seven of ten units can't become positive.
  std::vector<float> bias(10, 0.0f);
  std::fill(bias.begin(), bias.begin() + 7, -100.0f);
  ASSERT_TRUE(session->Write("one/bias", *Tensor::Of<float>({10}, bias)).ok());
  auto run = [&](int steps) {
    for (int i = 0; i < steps; ++i) {
      ASSERT_TRUE(session->Run(*program, network.Batch(i)).ok());
    }
  };
  run(2);
  EXPECT_FALSE(statistics->latest().layers[0].dead_units.has_value());
  EXPECT_TRUE(Found(*statistics, FindingKind::kSaturated).empty());
  // Four of six units of the logistic layer are driven to an end.
  ASSERT_TRUE(
      session
          ->Write("two/bias", *Tensor::Of<float>({6}, {50, 50, -50, -50, 0, 0}))
          .ok());
  run(2);  // the third look: after steps 1, 2 and 4
  EXPECT_EQ(statistics->latest().layers[0].dead_units, 7);
  EXPECT_EQ(statistics->latest().layers[0].units, 10);
  EXPECT_NEAR(*statistics->latest().layers[1].saturated_share, 4.0 / 6, 1e-6);
  run(2);
  EXPECT_EQ(Found(*statistics, FindingKind::kDeadUnits),
            std::vector<std::string>{"one@4"});
  EXPECT_EQ(Found(*statistics, FindingKind::kSaturated),
            std::vector<std::string>{"two@4"});
  EXPECT_EQ(statistics->latest().step, 6);
}

// What a checkpoint keeps: units that were silent before it count.
TEST(LayerStatisticsTest, MemoryGoesToAnotherHook) {
  const Network network;
  const LayerStatisticsOptions every_step = {.every_n_steps = 1,
                                             .dead_window = 3};
  auto first = std::make_shared<LayerStatistics>(every_step);
  auto second = std::make_shared<LayerStatistics>(every_step);
  const Sgd still = {.learning_rate = 0};
  const auto before = Minimize(network.loss, still, {.hooks = {first}});
  const auto after = Minimize(network.loss, still, {.hooks = {second}});
  ASSERT_TRUE(after.ok()) << after.status();
  absl::StatusOr<Session> session = Session::Create(network.graph);
  std::vector<float> bias(10, -100.0f);
  ASSERT_TRUE(session->Write("one/bias", *Tensor::Of<float>({10}, bias)).ok());
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(session->Run(*before, network.Batch(i)).ok());
  }
  const std::string nothing = second->SaveMemory();
  const std::string memory = first->SaveMemory();
  const absl::Status restored = second->RestoreMemory(memory);
  ASSERT_TRUE(restored.ok()) << restored;
  EXPECT_EQ(second->SaveMemory(), memory);
  ASSERT_TRUE(session->Run(*after, network.Batch(2)).ok());
  EXPECT_EQ(second->latest().layers[0].dead_units, 10);
  // What is restored now is for the next record.
  ASSERT_TRUE(second->RestoreMemory(nothing).ok());
  EXPECT_EQ(Found(*second, FindingKind::kDeadUnits),
            std::vector<std::string>{"one@3"});
  EXPECT_EQ(Found(*second, FindingKind::kZeroGradient),
            Found(*first, FindingKind::kZeroGradient));
}

TEST(LayerStatisticsTest, BrokenMemoryIsRefused) {
  const Network network;
  auto statistics = std::make_shared<LayerStatistics>(
      LayerStatisticsOptions{.every_n_steps = 1});
  const auto program = Minimize(network.loss, Sgd{}, {.hooks = {statistics}});
  absl::StatusOr<Session> session = Session::Create(network.graph);
  ASSERT_TRUE(session->Run(*program, network.Batch(0)).ok());
  const std::string memory = statistics->SaveMemory();
  ASSERT_TRUE(statistics->RestoreMemory(memory).ok());
  for (size_t size = 0; size + 1 < memory.size(); ++size) {
    const std::string_view part = std::string_view(memory).substr(0, size);
    if (part == memory) continue;
    EXPECT_FALSE(statistics->RestoreMemory(part).ok()) << part;
  }
  for (const char* broken :
       {"2 3 0 0 0 0 0 0 0", "1 4 0 0 0 0 0 0 0 0 0", "1 3 0 -1 0 0 0 0 0",
        "1 3 0 9000000000000000000 0 0 0 0 0", "1 3 0 0 0 0 0 0 1 0 99 1",
        "1 3 0 0 0 0 0 0 1 3 0 1", "1 3 0 0 0 0 0 0 0 0", "no number"}) {
    EXPECT_FALSE(statistics->RestoreMemory(broken).ok()) << broken;
  }
  EXPECT_EQ(statistics->SaveMemory(), memory);
}

// Logistic layers with Glorot weights: 1/18 of the gradient's variance a layer.
TEST(LayerStatisticsTest, AVanishingGradientIsFound) {
  Graph graph;
  const Value x = Placeholder(graph, "x", F32({64, 50}));
  Value h = x;
  for (int i = 1; i <= 8; ++i) {
    const NameScope layer(graph, StrCat("hidden", i));
    h = Sigmoid(Dense(h, 50));
  }
  const Value loss = ReduceMean(Square(Dense(h, 1, {.name = "out"}) - 1.0));
  auto statistics = std::make_shared<LayerStatistics>(
      LayerStatisticsOptions{.every_n_steps = 1});
  const absl::StatusOr<Program> program =
      Minimize(loss, Sgd{}, {.hooks = {statistics}});
  ASSERT_TRUE(program.ok()) << program.status();
  absl::StatusOr<Session> session = Session::Create(graph, {.seed = 1});
  std::vector<float> numbers;
  for (int i = 0; i < 64 * 50; ++i) {
    numbers.push_back(std::sin(static_cast<float>(i * i % 977)));
  }
  ASSERT_TRUE(
      session->Run(*program, {{x, *Tensor::Of<float>({64, 50}, numbers)}})
          .ok());
  ASSERT_FALSE(statistics->findings().empty());
  const Finding& first = statistics->findings()[0];
  EXPECT_EQ(first.kind, FindingKind::kVanishing);
  EXPECT_NE(first.text.find("the gradient at hidden1 is 1/"), std::string::npos)
      << first.text;
  // The reference's factor for the variance is 0.0557 = 0.236^2 a layer.
  for (int i = 1; i < 7; ++i) {
    EXPECT_NEAR(*statistics->latest().layers[i].gradient_ratio, 0.236, 0.05)
        << i;
  }
}

TEST(FindingsTest, OneRecordManyFindings) {
  auto summary = [](double norm) {
    return TensorSummary{.elements = 100, .norm = norm};
  };
  LayerRecord a = {.name = "a",
                   .output = summary(1),
                   .output_gradient = summary(1e-6),
                   .parameters = {{.name = "a/weights",
                                   .is_matrix = true,
                                   .value = summary(1),
                                   .gradient = summary(1e-7),
                                   .update = summary(1e-8),
                                   .update_ratio = 1e-8}},
                   .gradient_ratio = 1e-6};
  LayerRecord b = {.name = "b",
                   .output = summary(1),
                   .output_gradient = summary(1),
                   .parameters = {{.name = "b/weights",
                                   .is_matrix = true,
                                   .value = summary(1),
                                   .gradient = summary(1),
                                   .update = summary(0.5),
                                   .update_ratio = 0.5}}};
  b.parameters[0].gradient.nans = 1;
  std::vector<std::string> kinds;
  for (const Finding& finding : FindingsOf({.step = 3, .layers = {a, b}})) {
    kinds.push_back(StrCat(Name(finding.kind), " ", finding.layer));
    EXPECT_EQ(finding.step, 3);
    EXPECT_FALSE(finding.text.empty());
    EXPECT_FALSE(finding.cure.empty());
  }
  EXPECT_EQ(kinds,
            (std::vector<std::string>{"non_finite b", "vanishing ",
                                      "gradient_drop a", "small_updates a"}));
  b.parameters[0].gradient.nans = 0;
  a.parameters[0].gradient.norm = 0;
  kinds.clear();
  for (const Finding& finding : FindingsOf({.step = 3, .layers = {a, b}})) {
    kinds.push_back(finding.text);
  }
  EXPECT_EQ(kinds[0], "a: the gradients of its parameters are 0");
  a.output_gradient = summary(0);
  a.gradient_ratio = 0;
  std::string texts;
  for (const Finding& finding : FindingsOf({.step = 3, .layers = {a, b}})) {
    texts += finding.text + "\n";
  }
  EXPECT_NE(texts.find("vanishing gradient: the gradient at a is 0, unlike "
                       "that at b\n"),
            std::string::npos)
      << texts;
  EXPECT_NE(texts.find("a: its gradient is 0, unlike that of b\n"),
            std::string::npos)
      << texts;
  // Without the name of what saturates, and with one in some layer.
  a.saturated_share = b.saturated_share = 0.1;
  for (const std::string activation : {"", "tanh"}) {
    a.activation = activation;
    std::string cures;
    for (const Finding& finding : FindingsOf({.step = 3, .layers = {a, b}})) {
      cures += finding.cure + "\n";
    }
    const std::string wanted =
        activation.empty() ? "instead of what saturates;" : "instead of tanh;";
    EXPECT_NE(cures.find(wanted), std::string::npos) << cures;
  }
}

// ---- Interface
// ------------------------------------------------------------------

TEST(LayerStatisticsTest, ErrorsOfTheReceiverStopTheTraining) {
  const Network network;
  auto statistics = std::make_shared<LayerStatistics>(LayerStatisticsOptions{
      .every_n_steps = 2, .on_record = [](const StatisticsRecord& record) {
        return record.step == 1
                   ? absl::OkStatus()
                   : absl::CancelledError(StrCat("enough at ", record.step));
      }});
  const absl::StatusOr<Program> program =
      Minimize(network.loss, Sgd{}, {.hooks = {statistics}});
  absl::StatusOr<Session> session = Session::Create(network.graph);
  EXPECT_TRUE(session->Run(*program, network.Batch(0)).ok());
  EXPECT_EQ(Message(session->Run(*program, network.Batch(1)).status()),
            "enough at 2");
}

// What it keeps is laid out for one program: another one's numbers would be
// read at wrong places, or behind the end.
TEST(LayerStatisticsTest, AProgramThatIsNotWatchedAnyMoreIsAnError) {
  const Network large;
  Graph small;
  const Value w = Parameter(small, "w", Constant(small, 1.0));
  for (const bool numerics : {false, true}) {
    const std::shared_ptr<Hook> hook =
        numerics ? CheckNumerics()
                 : std::make_shared<LayerStatistics>(
                       LayerStatisticsOptions{.every_n_steps = 1});
    const absl::StatusOr<Program> first =
        Minimize(Square(w), Sgd{}, {.hooks = {hook}});
    const absl::StatusOr<Program> second =
        Minimize(large.loss, Sgd{}, {.hooks = {hook}});
    ASSERT_TRUE(first.ok() && second.ok());
    absl::StatusOr<Session> session = Session::Create(large.graph);
    EXPECT_TRUE(session->Run(*second, large.Batch(0)).ok());
    absl::StatusOr<Session> other = Session::Create(small);
    EXPECT_EQ(Message(other->Run(*first, {}).status()),
              StrCat(numerics ? "CheckNumerics" : "LayerStatistics",
                     ": a program ran that this hook does not watch any more, "
                     "as it was given to another one since; give each program "
                     "a hook of its own"));
  }
}

TEST(LayerStatisticsTest, BadOptions) {
  const Network network;
  auto message = [&](LayerStatisticsOptions options) {
    return std::string(Message(
        Minimize(network.loss, Sgd{},
                 {.hooks = {std::make_shared<LayerStatistics>(options)}})
            .status()));
  };
  EXPECT_EQ(message({.every_n_steps = 0}),
            "Observe: 'layer_statistics' is due every 0 steps, expected at "
            "least 1");
  EXPECT_EQ(message({.dead_window = 0}),
            "LayerStatistics: the window for dead units is 0 records, expected "
            "at least 1");
  EXPECT_NE(message({.histogram_bins = -1}).find("bins"), std::string::npos);
}

}  // namespace
}  // namespace evengrad
