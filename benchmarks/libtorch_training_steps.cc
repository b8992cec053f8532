// The training steps of training_workloads.h with libtorch's C++ front end: a
// peer for compare.py without the cost of Python.
//
//   cmake --build --preset dev --target libtorch_training_steps
//   libtorch_training_steps --threads 1 --only selu_20x100/batch:32 --seconds 1
//   compare.py --peer build/dev/benchmarks/libtorch_training_steps …
//
// Prints one JSON object a line: workload, threads, median and least
// microseconds of a full step (forward, backward, optimizer) on a fixed random
// batch, the steps measured, and the process's peak memory in KiB.
#include <sys/resource.h>
#include <torch/torch.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

namespace {

constexpr int64_t kInputs = 784;
constexpr int64_t kClasses = 10;

struct Workload {
  std::string name;
  std::vector<int64_t> hidden;
  int64_t batch;
  bool selu;
  bool clip;
  bool batch_norm;
  bool adamw;
};

std::vector<Workload> Workloads() {
  const std::vector<int64_t> tapered = {300, 100};
  const std::vector<int64_t> deep(20, 100);
  const std::vector<int64_t> very_deep(100, 100);
  const std::vector<int64_t> wide(3, 2048);
  return {
      {"mlp_300_100/batch:32", tapered, 32, false, false, false, false},
      {"mlp_300_100/batch:128", tapered, 128, false, false, false, false},
      {"selu_20x100/batch:32", deep, 32, true, false, false, false},
      {"selu_20x100_clip/batch:32", deep, 32, true, true, false, false},
      {"selu_100x100/batch:32", very_deep, 32, true, false, false, false},
      {"bn_relu_20x100_adamw/batch:32", deep, 32, false, false, true, true},
      {"mlp_2048x3/batch:256", wide, 256, false, false, false, false},
  };
}

torch::nn::Sequential MakeModel(const Workload& workload) {
  torch::nn::Sequential model;
  int64_t fan_in = kInputs;
  for (int64_t units : workload.hidden) {
    model->push_back(torch::nn::Linear(fan_in, units));
    if (workload.batch_norm) model->push_back(torch::nn::BatchNorm1d(units));
    if (workload.selu) {
      model->push_back(torch::nn::SELU());
    } else {
      model->push_back(torch::nn::ReLU());
    }
    fan_in = units;
  }
  model->push_back(torch::nn::Linear(fan_in, kClasses));
  return model;
}

std::unique_ptr<torch::optim::Optimizer> MakeOptimizer(
    const Workload& workload, const std::vector<torch::Tensor>& parameters) {
  if (workload.adamw) {
    return std::make_unique<torch::optim::AdamW>(
        parameters, torch::optim::AdamWOptions(1e-3));
  }
  return std::make_unique<torch::optim::SGD>(
      parameters, torch::optim::SGDOptions(0.01).momentum(0.9));
}

void Measure(const Workload& workload, int threads, double seconds) {
  torch::manual_seed(0);
  torch::nn::Sequential model = MakeModel(workload);
  const std::vector<torch::Tensor> parameters = model->parameters();
  const auto optimizer = MakeOptimizer(workload, parameters);
  const torch::Tensor images = torch::randn({workload.batch, kInputs});
  const torch::Tensor labels =
      torch::randint(0, kClasses, {workload.batch}, torch::kInt64);
  const auto step = [&] {
    for (torch::Tensor parameter : parameters) {
      parameter.mutable_grad().reset();
    }
    const torch::Tensor loss =
        torch::nn::functional::cross_entropy(model->forward(images), labels);
    loss.backward();
    if (workload.clip) torch::nn::utils::clip_grad_norm_(parameters, 1.0);
    optimizer->step();
  };
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
      "{\"workload\": \"%s\", \"mode\": \"c++\", \"threads\": %d, "
      "\"median_us\": %.1f, \"min_us\": %.1f, \"steps\": %zu, "
      "\"peak_kib\": %ld}\n",
      workload.name.c_str(), threads, times[times.size() / 2], times[0],
      times.size(), usage.ru_maxrss);
  std::fflush(stdout);
}

struct Arguments {
  std::string threads = "1";
  std::string only;
  std::string seconds = "3";
};

bool Parse(int argc, char** argv, Arguments& arguments) {
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

}  // namespace

int main(int argc, char** argv) {
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
  torch::set_num_threads(threads);
  bool found = false;
  for (const Workload& workload : Workloads()) {
    if (!arguments.only.empty() && workload.name != arguments.only) continue;
    found = true;
    Measure(workload, threads, std::atof(arguments.seconds.c_str()));
  }
  if (found) return 0;
  std::fprintf(stderr, "there is no workload '%s'\n", arguments.only.c_str());
  return 2;
}
