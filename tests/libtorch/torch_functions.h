// Functions of libtorch with their gradients. Plain data, so that its headers
// and Evengrad's never meet.
#ifndef EVENGRAD_TESTS_LIBTORCH_TORCH_FUNCTIONS_H_
#define EVENGRAD_TESTS_LIBTORCH_TORCH_FUNCTIONS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

struct TorchArray {
  std::vector<int64_t> sizes = {};
  std::vector<double> values = {};
};

struct TorchCall {
  // "batch_norm", "cross_entropy", …
  std::string function = {};
  std::vector<TorchArray> inputs = {};
  std::vector<int64_t> labels = {};
  // By name: "epsilon", "label_smoothing", …; what is missing is the default.
  std::map<std::string, double> numbers = {};
  std::string reduction = "mean";  // "sum", "none"
  std::string equation = {};       // of "einsum"
};

struct TorchAnswer {
  TorchArray output = {};
  // d sum(sin(1 + place) * output) / d input, with the place of each element;
  // for the inputs that the function differentiates, else empty.
  std::vector<TorchArray> gradients = {};
  // What the function has changed in place, by name.
  std::map<std::string, TorchArray> states = {};
};

TorchAnswer CallTorch(const TorchCall& call);

#endif  // EVENGRAD_TESTS_LIBTORCH_TORCH_FUNCTIONS_H_
