// Optimizers: builders of the nodes that give parameters new values.
//
// An Optimizer is any function that adds updates to an OptimizerContext; Sgd
// and Adam are plain structs that convert to one:
//
//   Minimize(loss, Sgd{.learning_rate = 1e-3, .momentum = 0.9});
//
// What an optimizer keeps between steps is state of the program, under names
// that can be read and written through the session: "<parameter>/momentum". The
// learning rate is a state too, so a change of it compiles nothing anew:
//
//   session.Write("learning_rate", rate);
#ifndef EVENGRAD_TRAIN_OPTIMIZERS_H_
#define EVENGRAD_TRAIN_OPTIMIZERS_H_

#include <functional>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "evengrad/graph/export.h"
#include "evengrad/graph/graph.h"
#include "evengrad/runtime/program.h"

namespace evengrad {

// A parameter that is trained, its gradient as hooks have left it, and the
// factor of its group on the learning rate.
struct TrainedParameter {
  Value parameter = {};
  Value gradient = {};
  double learning_rate_scale = 1;
};

// What an optimizer works on: it appends nodes to `graph` and adds to
// `updates`.
struct EVENGRAD_EXPORT OptimizerContext {
  Graph graph = {};
  Value step = {};  // i64[]: the number of this step, 1 for the first
  std::vector<TrainedParameter> parameters = {};
  std::vector<StateUpdate> updates = {};

  // The state "learning_rate", f32[] (f64[] when a parameter is f64).
  Value AddLearningRate(double rate);
  // The state "<parameter>/<name>": zeros of the parameter's shape in the type
  // in which its update is computed, f64 for f64 and f32 for all else.
  Value AddSlot(const TrainedParameter& trained, std::string_view name);
  // The gradient, and the learning rate of the parameter's group, in the type
  // of the update.
  Value GradientOf(const TrainedParameter& trained) const;
  Value RateOf(const TrainedParameter& trained,
               const Value& learning_rate) const;
  // Adds the updates "slot = value" and "parameter -= change".
  void UpdateSlot(const Value& slot, const Value& value);
  void Descend(const TrainedParameter& trained, const Value& change);
};

// Adds the updates of one training step. An error stops the derivation.
using Optimizer = std::function<absl::Status(OptimizerContext& context)>;

// Stochastic gradient descent, as PyTorch has it:
//   momentum 0: p -= learning_rate * g
//   momentum:   v = momentum * v + g;  p -= learning_rate * v
//   nesterov:   v = momentum * v + g;  p -= learning_rate * (g + momentum * v)
// Slot: "momentum" (v). Errors: a rate that is negative or not finite, a
// momentum outside [0, 1), Nesterov's rule without momentum.
struct EVENGRAD_EXPORT Sgd {
  double learning_rate = 1e-2;
  double momentum = 0;
  bool nesterov = false;

  absl::Status operator()(OptimizerContext& context) const;
};

// Adam (Kingma and Ba, 2015), with epsilon outside the square root:
//   m = beta1 * m + (1 - beta1) * g
//   v = beta2 * v + (1 - beta2) * g^2
//   p -= learning_rate * (m / (1 - beta1^t)) /
//        (sqrt(v / (1 - beta2^t)) + epsilon)
// Slots: "first_moment" (m), "second_moment" (v). Errors: a rate that is
// negative or not finite, a beta outside [0, 1), an epsilon that is not
// positive.
struct EVENGRAD_EXPORT Adam {
  double learning_rate = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;

  absl::Status operator()(OptimizerContext& context) const;
};

}  // namespace evengrad

#endif  // EVENGRAD_TRAIN_OPTIMIZERS_H_
