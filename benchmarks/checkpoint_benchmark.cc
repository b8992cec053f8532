// Saving and loading a checkpoint of 100 million parameters, beside what the
// disk does when the same number of bytes is written in order and synced, as by
// `dd bs=4M conv=fsync`. Counters: MB_per_second; second_copy_MB, by how much
// the process grew beyond the parameters themselves.
//
//   build/release/benchmarks/checkpoint_benchmark
//
// The files go to the folder EVENGRAD_BENCHMARK_FOLDER, else to the current
// one: it should be on the disk that is meant, with 1 GB free.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "evengrad/evengrad.h"

namespace evengrad {
namespace {

constexpr int64_t kRows = 10'000;
constexpr int64_t kColumns = 2'500;
constexpr int kMatrices = 4;  // of 25 million elements
constexpr double kBytes = 4.0 * kMatrices * kRows * kColumns;

std::string PathOf(const std::string& name) {
  const char* const folder = std::getenv("EVENGRAD_BENCHMARK_FOLDER");
  return StrCat(folder == nullptr ? "." : folder, "/", name);
}

// The most it ever was since ResetPeak.
double PeakMegabytes() {
  std::ifstream file("/proc/self/status");
  for (std::string word; file >> word;) {
    if (word != "VmHWM:") continue;
    double kilobytes = 0;
    file >> kilobytes;
    return kilobytes / 1024;
  }
  return 0;
}
void ResetPeak() { std::ofstream("/proc/self/clear_refs") << "5"; }

// What the kernel holds of a file is dropped, so that it is read from the disk.
void Forget(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY);
  if (file < 0) return;
  fsync(file);
  posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
  close(file);
}

struct Run {
  Program program;
  std::unique_ptr<Session> session;
};

const Run& TheRun() {
  static const Run* const run = [] {
    auto* made = new Run;
    const Graph& graph = made->program.graph;
    for (int i = 0; i < kMatrices; ++i) {
      Parameter(graph, StrCat("weights", i),
                BroadcastTo(Constant(graph, 0.5 + i), {kRows, kColumns}));
    }
    made->session = std::make_unique<Session>(*Session::Create(graph));
    return made;
  }();
  return *run;
}

void Report(benchmark::State& state, double before) {
  state.counters["MB_per_second"] = benchmark::Counter(
      kBytes / 1e6, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["second_copy_MB"] = PeakMegabytes() - before;
}

// The whole memory that is resident, to compare with the peak.
double Resident() {
  ResetPeak();
  return PeakMegabytes();
}

void WriteInOrder(benchmark::State& state) {
  const std::string path = PathOf("checkpoint_benchmark.plain");
  const std::vector<char> block(4 << 20, 'x');
  for (auto _ : state) {
    const int file = open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0600);
    for (double left = kBytes; left > 0 && file >= 0;
         left -= static_cast<double>(block.size())) {
      if (write(file, block.data(), block.size()) < 0) break;
    }
    const bool written = file >= 0 && fsync(file) == 0;
    close(file);
    if (!written) {
      state.SkipWithError("cannot write");
      break;
    }
  }
  state.counters["MB_per_second"] = benchmark::Counter(
      kBytes / 1e6, benchmark::Counter::kIsIterationInvariantRate);
}

void ReadInOrder(benchmark::State& state) {
  const std::string path = PathOf("checkpoint_benchmark.plain");
  std::vector<char> block(4 << 20);
  for (auto _ : state) {
    state.PauseTiming();
    Forget(path);
    state.ResumeTiming();
    const int file = open(path.c_str(), O_RDONLY);
    if (file < 0) {
      state.SkipWithError("run WriteInOrder before");
      break;
    }
    while (read(file, block.data(), block.size()) > 0) {
    }
    close(file);
  }
  state.counters["MB_per_second"] = benchmark::Counter(
      kBytes / 1e6, benchmark::Counter::kIsIterationInvariantRate);
  std::filesystem::remove(path);
}

void Save(benchmark::State& state) {
  const Run& run = TheRun();
  const double before = Resident();
  for (auto _ : state) {
    const absl::Status saved = SaveCheckpoint(
        *run.session, run.program, PathOf("checkpoint_benchmark.safetensors"));
    if (!saved.ok()) {
      state.SkipWithError(saved.ToString().c_str());
      break;
    }
  }
  Report(state, before);
}

void Load(benchmark::State& state) {
  const Run& run = TheRun();
  const std::string path = PathOf("checkpoint_benchmark.safetensors");
  const double before = Resident();
  for (auto _ : state) {
    state.PauseTiming();
    Forget(path);
    state.ResumeTiming();
    const auto loaded = LoadCheckpoint(*run.session, run.program, path);
    if (!loaded.ok()) {
      state.SkipWithError(loaded.status().ToString().c_str());
      break;
    }
  }
  Report(state, before);
  std::filesystem::remove(path);
}

// A fixed number of times: files are removed at the end, and a second call to
// find that number would miss them.
void Plan(benchmark::internal::Benchmark* benchmark) {
  benchmark->Iterations(5)->Unit(benchmark::kMillisecond)->UseRealTime();
}

BENCHMARK(WriteInOrder)->Apply(Plan);
BENCHMARK(ReadInOrder)->Apply(Plan);
BENCHMARK(Save)->Apply(Plan);
BENCHMARK(Load)->Apply(Plan);

}  // namespace
}  // namespace evengrad

BENCHMARK_MAIN();
