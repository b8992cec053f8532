// The training steps of workloads.h with libtorch's C++ front end: a
// peer for compare.py without the cost of Python.
//
//   cmake --build --preset dev --target libtorch_training_steps
//   libtorch_training_steps --threads 1 --only selu_20x100/batch:32 --seconds 1
//   compare.py --peer build/dev/benchmarks/libtorch_training_steps …
#include <torch/torch.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "peer_program.h"

namespace {

torch::nn::Sequential MakeModel(const peer::Workload& workload) {
  torch::nn::Sequential model;
  int64_t fan_in = evengrad::kWorkloadInputs;
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
  model->push_back(torch::nn::Linear(fan_in, evengrad::kWorkloadClasses));
  return model;
}

std::unique_ptr<torch::optim::Optimizer> MakeOptimizer(
    const peer::Workload& workload,
    const std::vector<torch::Tensor>& parameters) {
  if (workload.adamw) {
    return std::make_unique<torch::optim::AdamW>(
        parameters, torch::optim::AdamWOptions(1e-3));
  }
  return std::make_unique<torch::optim::SGD>(
      parameters, torch::optim::SGDOptions(0.01).momentum(0.9));
}

peer::Step Prepare(const peer::Workload& workload, int threads) {
  torch::set_num_threads(threads);
  torch::manual_seed(0);
  torch::nn::Sequential model = MakeModel(workload);
  const std::vector<torch::Tensor> parameters = model->parameters();
  const std::shared_ptr<torch::optim::Optimizer> optimizer =
      MakeOptimizer(workload, parameters);
  const torch::Tensor images =
      torch::randn({workload.batch, evengrad::kWorkloadInputs});
  const torch::Tensor labels = torch::randint(0, evengrad::kWorkloadClasses,
                                              {workload.batch}, torch::kInt64);
  const bool clip = workload.clip;
  return [=]() mutable {
    for (const torch::Tensor& parameter : parameters) {
      parameter.mutable_grad().reset();
    }
    const torch::Tensor loss =
        torch::nn::functional::cross_entropy(model->forward(images), labels);
    loss.backward();
    if (clip) torch::nn::utils::clip_grad_norm_(parameters, 1.0);
    optimizer->step();
  };
}

}  // namespace

int main(int argc, char** argv) {
  return peer::Main(argc, argv, "c++", Prepare);
}
