// Full training steps: forward, backward and the optimizer's update, on a fixed
// random batch; the workloads are those of training_workloads.h.
//
//   training_step_benchmark --benchmark_filter='selu_20x100/batch:32/threads:1'
//
// Besides the mean that Google Benchmark reports, the counters median_us and
// min_us are those of the single steps, min_us_per_layer is the latter by
// hidden layer, and peak_kib is the most memory that the process has had so far
// (meaningful for the first case of a run). selu_1000x100 is there for the time
// that a layer takes, beside selu_20x100.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "benchmark/benchmark.h"
#include "evengrad/evengrad.h"
#include "training_workloads.h"

namespace evengrad {
namespace {

// A session and what it runs in a step.
struct Training {
  Session session;
  Program program;
  std::vector<Feed> feeds;
};

absl::StatusOr<Training> MakeTraining(const Workload& workload, int threads,
                                      Precision precision) {
  EVENGRAD_ASSIGN_OR_RETURN(TrainingModel model, MakeTrainingModel(workload));
  EVENGRAD_ASSIGN_OR_RETURN(
      Session session, Session::Create(model.graph, {.seed = 42,
                                                     .num_threads = threads,
                                                     .precision = precision}));
  EVENGRAD_ASSIGN_OR_RETURN(
      std::vector<Feed> feeds,
      RandomBatch(model.images, model.labels, workload.batch));
  return Training{std::move(session), std::move(model.program),
                  std::move(feeds)};
}

double PeakKibibytes() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss);
}

void TrainingStep(benchmark::State& state, const Workload& workload,
                  int threads, Precision precision) {
  absl::StatusOr<Training> training =
      MakeTraining(workload, threads, precision);
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
  state.counters["min_us_per_layer"] =
      microseconds.front() / static_cast<double>(workload.hidden.size());
  state.counters["arena_bytes"] =
      static_cast<double>(training->session.last_compiled().arena_bytes);
  state.counters["peak_kib"] = PeakKibibytes();
}

void RegisterAll() {
  std::vector<Workload> workloads = TrainingWorkloads();
  workloads.push_back(SeluNetwork(1000));
  for (const Workload& workload : workloads) {
    for (int threads : {1, 2}) {
      const std::string name =
          StrCat("TrainingStep/", workload.Name(), "/threads:", threads);
      benchmark::RegisterBenchmark(name.c_str(), TrainingStep, workload,
                                   threads, Precision::kF32)
          ->Unit(benchmark::kMicrosecond);
      // Elsewhere it would measure plain loops.
      if (!HasBFloat16Products()) continue;
      benchmark::RegisterBenchmark((name + "/precision:bf16").c_str(),
                                   TrainingStep, workload, threads,
                                   Precision::kBF16)
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
