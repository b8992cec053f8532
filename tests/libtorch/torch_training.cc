#include "torch_training.h"

#include <ATen/Parallel.h>
#include <torch/nn/functional/loss.h>
#include <torch/optim.h>
#include <torch/types.h>

#include <functional>
#include <map>
#include <memory>

namespace {

using torch::Tensor;

using Activation = std::function<Tensor(const Tensor&)>;

Activation ActivationByName(const std::string& name) {
  static const std::map<std::string, Activation> activations = {
      {"sigmoid", [](const Tensor& x) { return torch::sigmoid(x); }},
      {"tanh", [](const Tensor& x) { return torch::tanh(x); }},
      {"relu", [](const Tensor& x) { return torch::relu(x); }},
      {"leaky_relu", [](const Tensor& x) { return torch::leaky_relu(x, 0.3); }},
      {"elu", [](const Tensor& x) { return torch::elu(x); }},
      {"selu", [](const Tensor& x) { return torch::selu(x); }},
      {"gelu", [](const Tensor& x) { return torch::gelu(x); }}};
  return activations.at(name);
}

Tensor MakeTensor(const std::vector<double>& values,
                  const std::vector<int64_t>& sizes, bool wide) {
  return torch::tensor(values, torch::kFloat64)
      .reshape(sizes)
      .to(wide ? torch::kFloat64 : torch::kFloat32);
}

std::vector<Tensor> MakeParameters(const TrainingTask& task) {
  std::vector<Tensor> parameters;
  for (size_t i = 0; i + 1 < task.sizes.size(); ++i) {
    parameters.push_back(MakeTensor(
        task.parameters[2 * i], {task.sizes[i], task.sizes[i + 1]}, task.wide));
    parameters.push_back(
        MakeTensor(task.parameters[2 * i + 1], {task.sizes[i + 1]}, task.wide));
  }
  for (Tensor& parameter : parameters) parameter.requires_grad_();
  return parameters;
}

std::unique_ptr<torch::optim::Optimizer> MakeOptimizer(
    const TrainingTask& task, const std::vector<Tensor>& parameters) {
  namespace optim = torch::optim;
  if (task.optimizer == "adam") {
    return std::make_unique<optim::Adam>(
        parameters,
        optim::AdamOptions(task.learning_rate).weight_decay(task.weight_decay));
  }
  if (task.optimizer == "adamw") {
    return std::make_unique<optim::AdamW>(
        parameters, optim::AdamWOptions(task.learning_rate)
                        .weight_decay(task.weight_decay));
  }
  if (task.optimizer == "adagrad") {
    return std::make_unique<optim::Adagrad>(
        parameters, optim::AdagradOptions(task.learning_rate)
                        .initial_accumulator_value(task.initial_accumulator)
                        .weight_decay(task.weight_decay));
  }
  if (task.optimizer == "rmsprop") {
    return std::make_unique<optim::RMSprop>(
        parameters, optim::RMSpropOptions(task.learning_rate)
                        .momentum(task.momentum)
                        .centered(task.centered)
                        .weight_decay(task.weight_decay));
  }
  return std::make_unique<optim::SGD>(parameters,
                                      optim::SGDOptions(task.learning_rate)
                                          .momentum(task.momentum)
                                          .nesterov(task.nesterov)
                                          .weight_decay(task.weight_decay));
}

}  // namespace

TrainingRecord TrainWithTorch(const TrainingTask& task) {
  at::set_num_threads(1);
  const Activation activation = ActivationByName(task.activation);
  const std::vector<Tensor> parameters = MakeParameters(task);
  const auto optimizer = MakeOptimizer(task, parameters);
  const Tensor images =
      MakeTensor(task.images, {-1, task.sizes.front()}, task.wide);
  const Tensor labels = torch::tensor(task.labels, torch::kInt64);
  TrainingRecord record;
  for (int step = 0; step < task.steps; ++step) {
    const int64_t begin = step * task.batch;
    Tensor x = images.slice(0, begin, begin + task.batch);
    for (size_t i = 0; i < parameters.size(); i += 2) {
      x = torch::matmul(x, parameters[i]) + parameters[i + 1];
      if (i + 2 < parameters.size()) x = activation(x);
    }
    const Tensor loss = torch::nn::functional::cross_entropy(
        x, labels.slice(0, begin, begin + task.batch));
    record.losses.push_back(loss.item<double>());
    optimizer->zero_grad();
    loss.backward();
    optimizer->step();
  }
  for (const Tensor& parameter : parameters) {
    const Tensor flat =
        parameter.detach().to(torch::kFloat64).contiguous().flatten();
    const double* values = flat.data_ptr<double>();
    record.parameters.emplace_back(values, values + flat.numel());
  }
  return record;
}
