// --optimizer, --learning-rate, --momentum and --weight-decay.
#ifndef EVENGRAD_TOOLS_OPTIMIZER_FLAGS_H_
#define EVENGRAD_TOOLS_OPTIMIZER_FLAGS_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "evengrad/evengrad.h"

namespace evengrad::tools {

struct OptimizerFlags {
  // A name, and numbers of that optimizer: "rmsprop,decay=0.9,epsilon=1e-7".
  std::string optimizer = "momentum";
  std::optional<double> learning_rate;
  std::optional<double> momentum;
  // "0.01" or "decoupled:0.01".
  std::string weight_decay;
};

struct OptimizerChoice {
  Optimizer optimizer = {};
  double learning_rate = 0;
  bool has_momentum = false;  // the state "momentum"
  // The flags of its numbers, those that were not given with their defaults:
  // "--learning-rate=0.001 --momentum=0.9 --weight-decay=0".
  std::string settings = {};
};

// From 0 to the largest finite number of f32, in which rates are kept.
bool IsLearningRate(double rate);

// Errors name the flag, what was given and what was expected.
absl::StatusOr<OptimizerChoice> ParseOptimizer(const OptimizerFlags& flags);

// "adagrad, adam, … or sgd".
std::string OptimizerNames();

}  // namespace evengrad::tools

#endif  // EVENGRAD_TOOLS_OPTIMIZER_FLAGS_H_
