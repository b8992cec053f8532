// Full training steps: forward, backward and the optimizer's update, on a fixed
// random batch. SGD with rate 0.01 and momentum 0.9, cross-entropy over ten
// classes; "_clip" clips the gradients' global norm to 1.
//
//   training_step_benchmark --benchmark_filter='selu_20x100/batch:32/threads:1'
//
// Besides the mean that Google Benchmark reports, the counters median_us and
// min_us are those of the single steps.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "benchmark/benchmark.h"
#include "evengrad/evengrad.h"

namespace evengrad {
namespace {

constexpr int kInputs = 784;
constexpr int kClasses = 10;

struct Workload {
  std::string name;
  std::vector<int> hidden;
  bool selu;  // otherwise ReLU
  bool clip;
  int batch;
};

std::vector<Workload> Workloads() {
  const std::vector<int> tapered = {300, 100};
  const std::vector<int> deep(20, 100);
  const std::vector<int> very_deep(100, 100);
  return {
      {"mlp_300_100", tapered, false, false, 32},
      {"mlp_300_100", tapered, false, false, 128},
      {"selu_20x100", deep, true, false, 32},
      {"selu_20x100_clip", deep, true, true, 32},
      {"selu_100x100", very_deep, true, false, 32},
  };
}

// A session and what it runs in a step.
struct Training {
  Session session;
  Program program;
  std::vector<Feed> feeds;
};

absl::StatusOr<std::vector<Feed>> RandomBatch(const Value& images,
                                              const Value& labels, int batch) {
  std::mt19937 generator(1);
  std::normal_distribution<float> pixel;
  std::uniform_int_distribution<int32_t> label(0, kClasses - 1);
  std::vector<float> pixels(static_cast<size_t>(batch) * kInputs);
  for (float& value : pixels) value = pixel(generator);
  std::vector<int32_t> answers(static_cast<size_t>(batch));
  for (int32_t& value : answers) value = label(generator);
  EVENGRAD_ASSIGN_OR_RETURN(Tensor image_batch,
                            Tensor::Of<float>({batch, kInputs}, pixels));
  EVENGRAD_ASSIGN_OR_RETURN(Tensor label_batch,
                            Tensor::Of<int32_t>({batch}, answers));
  return std::vector<Feed>{{images, image_batch}, {labels, label_batch}};
}

absl::StatusOr<Training> MakeTraining(const Workload& workload, int threads) {
  Graph graph;
  const Value images =
      Placeholder(graph, "images", F32({workload.batch, kInputs}));
  const Value labels = Placeholder(graph, "labels", I32({workload.batch}));
  Value hidden = images;
  for (size_t i = 0; i < workload.hidden.size(); ++i) {
    NameScope layer(graph, StrCat("hidden", i + 1));
    hidden = Dense(hidden, workload.hidden[i]);
    hidden = workload.selu ? Selu(hidden) : Relu(hidden);
  }
  const Value logits = Dense(hidden, kClasses, {.name = "logits"});
  const Value loss = SparseSoftmaxCrossEntropy(logits, labels);

  MinimizeOptions options;
  if (workload.clip) options.hooks.push_back(ClipByGlobalNorm(1.0));
  EVENGRAD_ASSIGN_OR_RETURN(
      Program program,
      Minimize(loss, Sgd{.learning_rate = 0.01, .momentum = 0.9}, options));
  EVENGRAD_ASSIGN_OR_RETURN(
      Session session,
      Session::Create(graph, {.seed = 42, .num_threads = threads}));
  EVENGRAD_ASSIGN_OR_RETURN(std::vector<Feed> feeds,
                            RandomBatch(images, labels, workload.batch));
  return Training{std::move(session), std::move(program), std::move(feeds)};
}

void TrainingStep(benchmark::State& state, const Workload& workload,
                  int threads) {
  absl::StatusOr<Training> training = MakeTraining(workload, threads);
  absl::Status status = training.status();
  for (int i = 0; i < 5 && status.ok(); ++i) {
    status = training->session.Run(training->program, training->feeds).status();
  }
  std::vector<double> microseconds;
  for (auto _ : state) {
    if (!status.ok()) {
      state.SkipWithError(std::string(Message(status)).c_str());
      break;
    }
    const auto start = std::chrono::steady_clock::now();
    status = training->session.Run(training->program, training->feeds).status();
    const std::chrono::duration<double, std::micro> time =
        std::chrono::steady_clock::now() - start;
    microseconds.push_back(time.count());
  }
  if (microseconds.empty()) return;
  std::sort(microseconds.begin(), microseconds.end());
  state.counters["median_us"] = microseconds[microseconds.size() / 2];
  state.counters["min_us"] = microseconds.front();
  state.counters["arena_bytes"] =
      static_cast<double>(training->session.last_compiled().arena_bytes);
}

void RegisterAll() {
  for (const Workload& workload : Workloads()) {
    for (int threads : {1, 2}) {
      const std::string name =
          StrCat("TrainingStep/", workload.name, "/batch:", workload.batch,
                 "/threads:", threads);
      benchmark::RegisterBenchmark(name.c_str(), TrainingStep, workload,
                                   threads)
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
