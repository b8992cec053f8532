// From a graph to a prepared program: Minimize (gradients, hooks, updates), and
// Compile (passes, fusion, schedule, memory, kernels).
//
//   compile_benchmark --benchmark_filter=Prepare/selu_100x100
//
// Counters: time_per_layer (compare selu_1000x100 with selu_20x100); cold_ms is
// the first time in this process, which is cold for the first case of a run.
#include <benchmark/benchmark.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "evengrad/evengrad.h"
#include "evengrad/runtime/compiler.h"
#include "training_workloads.h"

namespace evengrad {
namespace {

absl::Status Prepare(const Workload& workload) {
  EVENGRAD_ASSIGN_OR_RETURN(const TrainingModel model,
                            MakeTrainingModel(workload));
  EVENGRAD_ASSIGN_OR_RETURN(const std::unique_ptr<CompiledProgram> compiled,
                            Compile(model.program, {}));
  benchmark::DoNotOptimize(compiled->tasks.data());
  return absl::OkStatus();
}

void PrepareProgram(benchmark::State& state, const Workload& workload) {
  const auto start = std::chrono::steady_clock::now();
  absl::Status status = Prepare(workload);
  const std::chrono::duration<double, std::milli> cold =
      std::chrono::steady_clock::now() - start;
  for (auto _ : state) {
    if (status.ok()) status = Prepare(workload);
  }
  if (!status.ok()) state.SkipWithError(std::string(Message(status)).c_str());
  const auto layers = static_cast<double>(workload.hidden.size());
  state.counters["cold_ms"] = cold.count();
  state.counters["time_per_layer"] = benchmark::Counter(
      layers * static_cast<double>(state.iterations()),
      benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

// Of the compiler's part alone.
void CompileProgram(benchmark::State& state, const Workload& workload) {
  const absl::StatusOr<TrainingModel> model = MakeTrainingModel(workload);
  absl::Status status = model.status();
  for (auto _ : state) {
    if (!status.ok()) break;
    const auto compiled = Compile(model->program, {});
    status = compiled.status();
  }
  if (!status.ok()) state.SkipWithError(std::string(Message(status)).c_str());
}

void RegisterAll() {
  std::vector<Workload> workloads = TrainingWorkloads();
  workloads.push_back(SeluNetwork(1000));
  for (const Workload& workload : workloads) {
    benchmark::RegisterBenchmark(StrCat("Prepare/", workload.Name()).c_str(),
                                 PrepareProgram, workload)
        ->Unit(benchmark::kMillisecond);
    benchmark::RegisterBenchmark(StrCat("Compile/", workload.Name()).c_str(),
                                 CompileProgram, workload)
        ->Unit(benchmark::kMillisecond);
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
