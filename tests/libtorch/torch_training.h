// A few training steps of a small network in libtorch. Plain data, so that its
// headers and Evengrad's never meet.
#ifndef EVENGRAD_TESTS_LIBTORCH_TORCH_TRAINING_H_
#define EVENGRAD_TESTS_LIBTORCH_TORCH_TRAINING_H_

#include <cstdint>
#include <string>
#include <vector>

struct TrainingTask {
  bool wide = false;                             // double instead of float
  std::vector<int64_t> sizes = {12, 16, 16, 5};  // of the layers
  std::string activation = {};  // "selu", "relu", "tanh", …: not after the last
  std::string optimizer = {};  // "sgd", "adagrad", "rmsprop", "adam", "adamw"
  double learning_rate = 0;
  double momentum = 0;
  bool nesterov = false;
  bool centered = false;           // of rmsprop
  double initial_accumulator = 0;  // of adagrad
  double weight_decay = 0;         // decoupled for adamw, else coupled
  int steps = 20;
  int64_t batch = 8;
  // steps * batch rows of sizes.front() numbers, and as many labels.
  std::vector<double> images = {};
  std::vector<int64_t> labels = {};
  // weights[in,out] and bias[out] of each layer.
  std::vector<std::vector<double>> parameters = {};
};

struct TrainingRecord {
  std::vector<double> losses = {};  // before each step
  std::vector<std::vector<double>> parameters = {};
};

// Minimizes the mean softmax cross-entropy.
TrainingRecord TrainWithTorch(const TrainingTask& task);

#endif  // EVENGRAD_TESTS_LIBTORCH_TORCH_TRAINING_H_
