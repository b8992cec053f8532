#include "torch_derivatives.h"

#include <ATen/Parallel.h>
#include <torch/autograd.h>
#include <torch/nn/functional/loss.h>
#include <torch/types.h>

namespace {

using torch::Tensor;
using Tensors = std::vector<Tensor>;

Tensor MakeTensor(const std::vector<double>& values,
                  const std::vector<int64_t>& sizes) {
  return torch::tensor(values, torch::kFloat64).reshape(sizes);
}

std::vector<double> Numbers(const Tensor& tensor) {
  const Tensor flat = tensor.detach().contiguous().flatten();
  const double* values = flat.data_ptr<double>();
  return {values, values + flat.numel()};
}

std::vector<std::vector<double>> Numbers(const Tensors& tensors) {
  std::vector<std::vector<double>> all;
  for (const Tensor& tensor : tensors) all.push_back(Numbers(tensor));
  return all;
}

Tensors MakeParameters(const DerivativeTask& task,
                       const std::vector<std::vector<double>>& values) {
  Tensors tensors;
  for (size_t layer = 0; layer < 2; ++layer) {
    const int64_t out = task.sizes[layer + 1];
    tensors.push_back(MakeTensor(values[2 * layer], {task.sizes[layer], out}));
    tensors.push_back(MakeTensor(values[2 * layer + 1], {out}));
  }
  return tensors;
}

}  // namespace

Derivatives DifferentiateWithTorch(const DerivativeTask& task) {
  at::set_num_threads(1);
  Tensors parameters = MakeParameters(task, task.parameters);
  for (Tensor& parameter : parameters) parameter.requires_grad_();
  const Tensors directions = MakeParameters(task, task.directions);
  const Tensor x = MakeTensor(task.x, {task.batch, task.sizes[0]});
  const Tensor labels = torch::tensor(task.labels, torch::kInt64);
  const Tensor hidden =
      torch::tanh(torch::matmul(x, parameters[0]) + parameters[1]);
  const Tensor logits =
      torch::silu(torch::matmul(hidden, parameters[2]) + parameters[3]);
  const Tensor loss = torch::nn::functional::cross_entropy(logits, labels);

  using torch::autograd::grad;
  Derivatives result;
  const Tensors gradient = grad({loss}, parameters, {}, true, true);
  result.gradient = Numbers(gradient);
  result.hessian_vector = Numbers(grad(gradient, parameters, directions, true));
  Tensor penalty = torch::zeros({}, torch::kFloat64);
  for (const Tensor& part : gradient) penalty = penalty + part.square().sum();
  result.penalty_gradient =
      Numbers(grad({penalty}, {parameters[0]}, {}, true)[0]);
  Tensor dummy = torch::ones_like(logits).requires_grad_();
  const Tensors backward = grad({logits}, parameters, {dummy}, true, true);
  result.logits_jvp = Numbers(grad(backward, {dummy}, directions)[0]);
  return result;
}
