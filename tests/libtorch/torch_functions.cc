#include "torch_functions.h"

#include <ATen/Parallel.h>
#include <torch/autograd.h>
#include <torch/nn/functional.h>
#include <torch/types.h>

#include <functional>

namespace {

using torch::Tensor;
namespace F = torch::nn::functional;

Tensor MakeTensor(const TorchArray& array) {
  return torch::tensor(array.values, torch::kFloat64).reshape(array.sizes);
}

TorchArray MakeArray(const Tensor& tensor) {
  const Tensor flat = tensor.detach().contiguous().flatten();
  const double* values = flat.data_ptr<double>();
  return {tensor.sizes().vec(), {values, values + flat.numel()}};
}

struct Context {
  const TorchCall& call;
  std::vector<Tensor> inputs;
  std::map<std::string, Tensor> states;

  double number(const std::string& name, double fallback) const {
    const auto it = call.numbers.find(name);
    return it == call.numbers.end() ? fallback : it->second;
  }
  Tensor labels() const { return torch::tensor(call.labels, torch::kInt64); }
  // Input `i`, which has no gradient, or none.
  Tensor constant(size_t i) const {
    return i < inputs.size() ? inputs[i].detach() : Tensor();
  }
};

using Function = std::function<Tensor(Context&)>;

template <typename Options>
Options Reduced(Options options, const std::string& reduction) {
  if (reduction == "sum") return options.reduction(torch::kSum);
  if (reduction == "none") return options.reduction(torch::kNone);
  return options.reduction(torch::kMean);
}

// Inputs: x, scale, shift, running mean, running variance.
Tensor BatchNorm(Context& c) {
  Tensor mean = c.constant(3).clone();
  Tensor variance = c.constant(4).clone();
  const Tensor output =
      torch::batch_norm(c.inputs[0], c.inputs[1], c.inputs[2], mean, variance,
                        c.number("training", 1) != 0, c.number("momentum", 0.1),
                        c.number("epsilon", 1e-5), /*cudnn_enabled=*/false);
  c.states = {{"running_mean", mean}, {"running_variance", variance}};
  return output;
}

Tensor CrossEntropy(Context& c) {
  F::CrossEntropyFuncOptions options;
  options = Reduced(options, c.call.reduction);
  options.label_smoothing(c.number("label_smoothing", 0));
  options.ignore_index(static_cast<int64_t>(c.number("ignore_index", -100)));
  if (c.constant(1).defined()) options.weight(c.constant(1));
  return F::cross_entropy(c.inputs[0], c.labels(), options);
}

// Inputs: logits, targets, class weights.
Tensor DenseCrossEntropy(Context& c) {
  F::CrossEntropyFuncOptions options;
  options = Reduced(options, c.call.reduction);
  options.label_smoothing(c.number("label_smoothing", 0));
  if (c.constant(2).defined()) options.weight(c.constant(2));
  return F::cross_entropy(c.inputs[0], c.inputs[1], options);
}

Tensor NegativeLogLikelihood(Context& c) {
  F::NLLLossFuncOptions options;
  options = Reduced(options, c.call.reduction);
  options.ignore_index(static_cast<int64_t>(c.number("ignore_index", -100)));
  if (c.constant(1).defined()) options.weight(c.constant(1));
  return F::nll_loss(c.inputs[0], c.labels(), options);
}

Tensor SigmoidCrossEntropy(Context& c) {
  F::BinaryCrossEntropyWithLogitsFuncOptions options;
  options = Reduced(options, c.call.reduction);
  options.pos_weight(
      torch::tensor({c.number("positive_weight", 1)}, torch::kFloat64));
  return F::binary_cross_entropy_with_logits(c.inputs[0], c.inputs[1].detach(),
                                             options);
}

Tensor Huber(Context& c) {
  F::HuberLossFuncOptions options;
  options = Reduced(options, c.call.reduction);
  options.delta(c.number("delta", 1));
  return F::huber_loss(c.inputs[0], c.inputs[1], options);
}

const std::map<std::string, Function>& Functions() {
  static const std::map<std::string, Function> functions = {
      {"batch_norm", BatchNorm},
      {"layer_norm",
       [](Context& c) {
         return torch::layer_norm(c.inputs[0], c.inputs[1].sizes(), c.inputs[1],
                                  c.inputs[2], c.number("epsilon", 1e-5));
       }},
      {"prelu",
       [](Context& c) { return torch::prelu(c.inputs[0], c.inputs[1]); }},
      {"cross_entropy", CrossEntropy},
      {"dense_cross_entropy", DenseCrossEntropy},
      {"negative_log_likelihood", NegativeLogLikelihood},
      {"sigmoid_cross_entropy", SigmoidCrossEntropy},
      {"mean_squared_error",
       [](Context& c) {
         return F::mse_loss(c.inputs[0], c.inputs[1],
                            Reduced(F::MSELossFuncOptions(), c.call.reduction));
       }},
      {"mean_absolute_error",
       [](Context& c) {
         return F::l1_loss(c.inputs[0], c.inputs[1],
                           Reduced(F::L1LossFuncOptions(), c.call.reduction));
       }},
      {"huber", Huber},
      {"matmul",
       [](Context& c) { return torch::matmul(c.inputs[0], c.inputs[1]); }},
      {"einsum",
       [](Context& c) { return torch::einsum(c.call.equation, c.inputs); }}};
  return functions;
}

}  // namespace

TorchAnswer CallTorch(const TorchCall& call) {
  at::set_num_threads(1);
  Context context = {call, {}, {}};
  for (const TorchArray& input : call.inputs) {
    context.inputs.push_back(MakeTensor(input).requires_grad_());
  }
  const Tensor output = Functions().at(call.function)(context);
  const Tensor places = torch::arange(output.numel(), torch::kFloat64);
  const Tensor weights = torch::sin(1 + places).reshape(output.sizes());
  (weights * output).sum().backward();
  TorchAnswer answer = {MakeArray(output), {}, {}};
  for (const Tensor& input : context.inputs) {
    answer.gradients.push_back(input.grad().defined() ? MakeArray(input.grad())
                                                      : TorchArray());
  }
  for (const auto& [name, state] : context.states) {
    answer.states[name] = MakeArray(state);
  }
  return answer;
}
