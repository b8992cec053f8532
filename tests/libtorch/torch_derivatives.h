// Second derivatives of a small network in libtorch. Plain data, so that its
// headers and Evengrad's never meet.
#ifndef EVENGRAD_TESTS_LIBTORCH_TORCH_DERIVATIVES_H_
#define EVENGRAD_TESTS_LIBTORCH_TORCH_DERIVATIVES_H_

#include <cstdint>
#include <vector>

// loss = cross-entropy of silu(tanh(x W1 + b1) W2 + b2), the mean over the rows
// of x; everything in double. Parameters are W1, b1, W2, b2.
struct DerivativeTask {
  std::vector<int64_t> sizes = {};  // of the layers: three
  int64_t batch = 0;
  std::vector<double> x = {};
  std::vector<int64_t> labels = {};
  std::vector<std::vector<double>> parameters = {};
  std::vector<std::vector<double>> directions = {};  // of the parameters
};

struct Derivatives {
  std::vector<std::vector<double>> gradient = {};
  std::vector<std::vector<double>> hessian_vector = {};
  std::vector<double> logits_jvp = {};
  // Of the sum of the squares of the gradient, with respect to W1.
  std::vector<double> penalty_gradient = {};
};

Derivatives DifferentiateWithTorch(const DerivativeTask& task);

#endif  // EVENGRAD_TESTS_LIBTORCH_TORCH_DERIVATIVES_H_
