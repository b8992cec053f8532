// The frame of a program that compare.py takes as a peer: it measures the
// training steps of workloads.h as somebody else computes them.
//
//   program --threads 1 --only selu_20x100/batch:32 --seconds 1
//
// Prints one JSON object a line: workload, mode, threads, median and least
// microseconds of a full step (forward, backward, optimizer) on a fixed random
// batch, the steps measured, and the process's peak memory in KiB. Workloads
// that it does not compute have no line.
#ifndef EVENGRAD_BENCHMARKS_PEER_PROGRAM_H_
#define EVENGRAD_BENCHMARKS_PEER_PROGRAM_H_

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "workloads.h"

namespace peer {

using evengrad::Workload;

// A training step, ready to be repeated.
using Step = std::function<void()>;

inline void Measure(const Workload& workload, const Step& step,
                    const char* mode, int threads, double seconds) {
  for (int i = 0; i < 5; ++i) step();
  using Clock = std::chrono::steady_clock;
  std::vector<double> times;
  const Clock::time_point start = Clock::now();
  while (std::chrono::duration<double>(Clock::now() - start).count() <
             seconds ||
         times.size() < 5) {
    const Clock::time_point before = Clock::now();
    step();
    times.push_back(
        std::chrono::duration<double, std::micro>(Clock::now() - before)
            .count());
  }
  std::sort(times.begin(), times.end());
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  std::printf(
      "{\"workload\": \"%s\", \"mode\": \"%s\", \"threads\": %d, "
      "\"median_us\": %.1f, \"min_us\": %.1f, \"steps\": %zu, "
      "\"peak_kib\": %ld}\n",
      workload.Name().c_str(), mode, threads, times[times.size() / 2], times[0],
      times.size(), usage.ru_maxrss);
  std::fflush(stdout);
}

struct Arguments {
  std::string threads = "1";
  std::string only;
  std::string seconds = "3";
};

inline bool Parse(int argc, char** argv, Arguments& arguments) {
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    if (name == "--threads") {
      arguments.threads = argv[i + 1];
    } else if (name == "--only") {
      arguments.only = argv[i + 1];
    } else if (name == "--seconds") {
      arguments.seconds = argv[i + 1];
    } else {
      return false;
    }
  }
  return argc % 2 == 1 && std::atoi(arguments.threads.c_str()) > 0;
}

// The program's main. `prepare` gives the step of a workload, or nothing where
// this peer does not compute it.
inline int Main(
    int argc, char** argv, const char* mode,
    const std::function<Step(const Workload&, int threads)>& prepare) {
  Arguments arguments;
  if (!Parse(argc, argv, arguments)) {
    std::fprintf(stderr,
                 "usage: %s [--threads N] [--only WORKLOAD] [--seconds S]\n",
                 argv[0]);
    return 2;
  }
  // A BLAS with threads of its own reads these when it is loaded: before main.
  const char* const given = std::getenv("OMP_NUM_THREADS");
  if (given == nullptr || arguments.threads != given) {
    setenv("OMP_NUM_THREADS", arguments.threads.c_str(), 1);
    setenv("OPENBLAS_NUM_THREADS", arguments.threads.c_str(), 1);
    execv("/proc/self/exe", argv);
  }
  const int threads = std::atoi(arguments.threads.c_str());
  bool found = false;
  for (const Workload& workload : evengrad::TrainingWorkloads()) {
    if (!arguments.only.empty() && workload.Name() != arguments.only) continue;
    found = true;
    const Step step = prepare(workload, threads);
    if (!step) continue;
    Measure(workload, step, mode, threads,
            std::atof(arguments.seconds.c_str()));
  }
  if (found) return 0;
  std::fprintf(stderr, "there is no workload '%s'\n", arguments.only.c_str());
  return 2;
}

}  // namespace peer

#endif  // EVENGRAD_BENCHMARKS_PEER_PROGRAM_H_
