// What hooks cost: training steps of the network selu_20x100 at batch 32 (as in
// training_step_benchmark) with one hook or policy each. "none" is what the
// others are compared with.
//
//   hooks_benchmark --benchmark_filter='threads:1'
//
// The counters, for busy machines: median_us and min_us are those of the single
// steps, min_100_us is the smallest mean of 100 steps in a row, of which one
// pays for all in statistics_every_100.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "benchmark/benchmark.h"
#include "evengrad/evengrad.h"

namespace evengrad {
namespace {

constexpr int kInputs = 784;
constexpr int kClasses = 10;
constexpr int kBatch = 32;

struct Case {
  std::string name;
  std::function<MinimizeOptions()> options;
};

MinimizeOptions WithHook(std::shared_ptr<Hook> hook) {
  return {.hooks = {std::move(hook)}};
}

MinimizeOptions WithPolicy(NonFinitePolicy policy) {
  return {.non_finite = {.policy = policy}};
}

MinimizeOptions WithStatistics(int64_t every_n_steps, int64_t bins) {
  return WithHook(std::make_shared<LayerStatistics>(LayerStatisticsOptions{
      .every_n_steps = every_n_steps, .histogram_bins = bins}));
}

std::vector<Case> Cases() {
  return {
      {"unchecked", [] { return WithPolicy(NonFinitePolicy::kPropagate); }},
      {"none", [] { return MinimizeOptions{}; }},
      {"skip_step", [] { return WithPolicy(NonFinitePolicy::kSkipStep); }},
      {"clip_by_value", [] { return WithHook(ClipByValue(1)); }},
      {"clip_by_norm", [] { return WithHook(ClipByNorm(1)); }},
      {"clip_by_global_norm", [] { return WithHook(ClipByGlobalNorm(1)); }},
      {"adaptive_clip", [] { return WithHook(AdaptiveClip(0.01)); }},
      {"auto_clip", [] { return WithHook(AutoClip(10)); }},
      {"z_clip", [] { return WithHook(ZClip()); }},
      {"statistics_every_1", [] { return WithStatistics(1, 0); }},
      {"statistics_every_1_histograms", [] { return WithStatistics(1, 32); }},
      {"statistics_every_100", [] { return WithStatistics(100, 32); }},
      {"check_numerics", [] { return WithHook(CheckNumerics()); }},
  };
}

struct Training {
  Session session;
  Program program;
  std::vector<Feed> feeds;
};

absl::StatusOr<std::vector<Feed>> RandomBatch(const Value& images,
                                              const Value& labels) {
  std::mt19937 generator(1);
  std::normal_distribution<float> pixel;
  std::uniform_int_distribution<int32_t> label(0, kClasses - 1);
  std::vector<float> pixels(size_t{kBatch} * kInputs);
  for (float& value : pixels) value = pixel(generator);
  std::vector<int32_t> answers(kBatch);
  for (int32_t& value : answers) value = label(generator);
  EVENGRAD_ASSIGN_OR_RETURN(Tensor image_batch,
                            Tensor::Of<float>({kBatch, kInputs}, pixels));
  EVENGRAD_ASSIGN_OR_RETURN(Tensor label_batch,
                            Tensor::Of<int32_t>({kBatch}, answers));
  return std::vector<Feed>{{images, image_batch}, {labels, label_batch}};
}

absl::StatusOr<Training> MakeTraining(const MinimizeOptions& options,
                                      int threads) {
  Graph graph;
  const Value images = Placeholder(graph, "images", F32({kBatch, kInputs}));
  const Value labels = Placeholder(graph, "labels", I32({kBatch}));
  Value hidden = images;
  for (int i = 1; i <= 20; ++i) {
    const NameScope layer(graph, StrCat("hidden", i));
    hidden = Selu(Dense(hidden, 100));
  }
  const Value logits = Dense(hidden, kClasses, {.name = "logits"});
  const Value loss = SparseSoftmaxCrossEntropy(logits, labels);
  EVENGRAD_ASSIGN_OR_RETURN(
      Program program,
      Minimize(loss, Sgd{.learning_rate = 0.01, .momentum = 0.9}, options));
  EVENGRAD_ASSIGN_OR_RETURN(
      Session session,
      Session::Create(graph, {.seed = 42, .num_threads = threads}));
  EVENGRAD_ASSIGN_OR_RETURN(std::vector<Feed> feeds,
                            RandomBatch(images, labels));
  return Training{std::move(session), std::move(program), std::move(feeds)};
}

void HookedStep(benchmark::State& state, const Case& hooked, int threads) {
  absl::StatusOr<Training> training = MakeTraining(hooked.options(), threads);
  absl::Status status = training.status();
  auto step = [&] {
    status = training->session.Run(training->program, training->feeds).status();
  };
  // All variants are compiled before the clock starts.
  for (int i = 0; i < 101 && status.ok(); ++i) step();
  std::vector<double> microseconds;
  for (auto _ : state) {
    if (!status.ok()) {
      state.SkipWithError(std::string(Message(status)).c_str());
      break;
    }
    const auto start = std::chrono::steady_clock::now();
    step();
    const std::chrono::duration<double, std::micro> time =
        std::chrono::steady_clock::now() - start;
    microseconds.push_back(time.count());
  }
  if (microseconds.empty()) return;
  constexpr size_t kWindow = 100;
  double smallest = 0;
  for (size_t i = 0; i + kWindow <= microseconds.size(); i += kWindow / 4) {
    double sum = 0;
    for (size_t k = i; k < i + kWindow; ++k) sum += microseconds[k];
    const double mean = sum / static_cast<double>(kWindow);
    smallest = smallest == 0 ? mean : std::min(smallest, mean);
  }
  state.counters["min_100_us"] = smallest;
  std::sort(microseconds.begin(), microseconds.end());
  state.counters["median_us"] = microseconds[microseconds.size() / 2];
  state.counters["min_us"] = microseconds.front();
}

void RegisterAll() {
  for (const Case& hooked : Cases()) {
    for (int threads : {1, 2}) {
      const std::string name =
          StrCat("Hooks/", hooked.name, "/threads:", threads);
      benchmark::RegisterBenchmark(name.c_str(), HookedStep, hooked, threads)
          ->Unit(benchmark::kMicrosecond);
    }
  }
}

}  // namespace
}  // namespace evengrad

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  evengrad::RegisterAll();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
