// Optimizers: builders of the nodes that give parameters new values.
//
// An Optimizer is any function that adds updates to an OptimizerContext; Sgd,
// Adam and the others are plain structs that convert to one:
//
//   Minimize(loss, Sgd{.learning_rate = 1e-3, .momentum = 0.9});
//
// What an optimizer keeps between steps is state of the program, under names
// that can be read and written through the session: "<parameter>/momentum". The
// learning rate, the momentum and the weight decay are states too, so a change
// of them compiles nothing anew (see train/schedules.h):
//
//   session.Write("learning_rate", rate);
//
// Below, p is a parameter, g its gradient, t the number of the step (1 for the
// first); squares, roots, quotients and maxima are taken element by element.
// Slots start as zeros unless said otherwise.
//
// Epsilon keeps a quotient finite, and libraries put it in different places:
//
//             default, as in PyTorch               Keras
//   Adam      m' / (sqrt(v') + e), v' corrected    corrects after adding e to
//   AdamW     the same                             sqrt(v): e / sqrt(1-beta2^t)
//                                                  here; the limit is equal
//   Nadam     the same                             the same
//   AdaGrad   g / (sqrt(s) + e)                    g / sqrt(s + e)
//   RMSProp   g / (sqrt(v) + e)                    g / sqrt(v + e)
//   Adamax    u = max(beta2 u, |g| + e), m / u     u = max(beta2 u, |g|),
//                                                  m / (u + e)
//
// AdaGrad and RMSProp take both (EpsilonPlacement). Their first steps differ
// most: where g is small against sqrt(e), an epsilon within the root damps
// more.
#ifndef EVENGRAD_TRAIN_OPTIMIZERS_H_
#define EVENGRAD_TRAIN_OPTIMIZERS_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "evengrad/graph/export.h"
#include "evengrad/graph/graph.h"
#include "evengrad/runtime/program.h"

namespace evengrad {

// A parameter that is trained, its gradient as hooks have left it, and the
// factors of its group on the learning rate and the weight decay.
struct TrainedParameter {
  Value parameter = {};
  Value gradient = {};
  double learning_rate_scale = 1;
  double weight_decay_scale = 1;
};

// Decay of every parameter toward zero. `rate` is finite and not negative.
//   coupled    g += rate * p, before the optimizer's rule and after the hooks:
//              the gradient of an L2 penalty rate / 2 * |p|^2
//   decoupled  p -= learning_rate * rate * p, beside the rule (Loshchilov and
//              Hutter, 2019)
// They are the same for plain SGD, and differ where a rule rescales gradients.
struct WeightDecay {
  double rate = 0;
  bool decoupled = false;
};

// What an optimizer works on: it appends nodes to `graph` and adds to
// `updates`.
struct EVENGRAD_EXPORT OptimizerContext {
  Graph graph = {};
  Value step = {};  // i64[]: the number of this step, 1 for the first
  std::vector<TrainedParameter> parameters = {};
  std::vector<StateUpdate> updates = {};
  // Of AddRates: the states, the latter invalid where nothing decays.
  Value learning_rate = {};
  Value weight_decay = {};
  bool decoupled_weight_decay = false;

  // A scalar state "<name>" that starts as `initial`: f32[], or f64[] when a
  // parameter is f64, unless `dtype` says otherwise.
  Value AddNumber(std::string_view name, double initial,
                  std::optional<DType> dtype = {});
  // The state "learning_rate", and "weight_decay" where its rate is not 0.
  // GradientOf, RateOf and Descend apply them; call this first.
  void AddRates(double rate, const WeightDecay& decay);
  // The state "<parameter>/<name>": `initial` in each element of the
  // parameter's shape, in the type in which its update is computed, f64 for f64
  // and f32 for all else.
  Value AddSlot(const TrainedParameter& trained, std::string_view name,
                double initial = 0);

  // A number in the type of the parameter's update.
  Value NumberFor(const TrainedParameter& trained, const Value& number) const;
  // In that type: the gradient with coupled weight decay, and the learning rate
  // of the parameter's group.
  Value GradientOf(const TrainedParameter& trained) const;
  Value RateOf(const TrainedParameter& trained) const;
  // Adds the updates "slot = value", and "parameter -= change" with decoupled
  // weight decay.
  void UpdateSlot(const Value& slot, const Value& value);
  void Descend(const TrainedParameter& trained, const Value& change);
};

// Adds the updates of one training step. An error stops the derivation.
using Optimizer = std::function<absl::Status(OptimizerContext& context)>;

// Errors of all: a learning rate or weight decay that is negative or not
// finite, a momentum, beta or decay outside [0, 1), an epsilon that is not
// positive and finite.

// Stochastic gradient descent, as PyTorch has it:
//   momentum 0: p -= learning_rate * g
//   momentum:   v = momentum * v + g;  p -= learning_rate * v
//   nesterov:   v = momentum * v + g;  p -= learning_rate * (g + momentum * v)
// (Keras multiplies by the rate before it adds to v: the same as long as the
// rate stays.) Slot: "momentum" (v); the momentum is the state "momentum".
// Error: Nesterov's rule without momentum.
struct EVENGRAD_EXPORT Sgd {
  double learning_rate = 1e-2;
  double momentum = 0;
  bool nesterov = false;
  WeightDecay weight_decay = {};

  absl::Status operator()(OptimizerContext& context) const;
};

enum class EpsilonPlacement : uint8_t {
  kOutsideRoot,  // sqrt(v) + epsilon
  kInsideRoot,   // sqrt(v + epsilon)
};

// AdaGrad (Duchi, Hazan and Singer, 2011):
//   s += g^2
//   p -= learning_rate * g / (sqrt(s) + epsilon)
// Slot: "squared_sum" (s), which starts as `initial_accumulator` (finite, not
// negative). Keras: 0.1, with epsilon 1e-7 inside the root and rate 1e-3.
struct EVENGRAD_EXPORT AdaGrad {
  double learning_rate = 1e-2;
  double initial_accumulator = 0;
  double epsilon = 1e-10;
  EpsilonPlacement epsilon_placement = EpsilonPlacement::kOutsideRoot;
  WeightDecay weight_decay = {};

  absl::Status operator()(OptimizerContext& context) const;
};

// RMSProp (Tieleman and Hinton, 2012; centered: Graves, 2013):
//   v = decay * v + (1 - decay) * g^2
//   d = g / (sqrt(v) + epsilon)
//   momentum 0: p -= learning_rate * d
//   momentum:   b = momentum * b + d;  p -= learning_rate * b
// When centered, the variance v - a^2 takes the place of v, where
// a = decay * a + (1 - decay) * g. Slots: "second_moment" (v), "momentum" (b),
// "first_moment" (a); the momentum is the state "momentum". Keras: decay 0.9,
// epsilon 1e-7 inside the root, rate 1e-3.
struct EVENGRAD_EXPORT RmsProp {
  double learning_rate = 1e-2;
  double decay = 0.99;
  double epsilon = 1e-8;
  EpsilonPlacement epsilon_placement = EpsilonPlacement::kOutsideRoot;
  double momentum = 0;
  bool centered = false;
  WeightDecay weight_decay = {};

  absl::Status operator()(OptimizerContext& context) const;
};

// Adam (Kingma and Ba, 2015), with epsilon outside the square root:
//   m = beta1 * m + (1 - beta1) * g
//   v = beta2 * v + (1 - beta2) * g^2
//   p -= learning_rate * (m / (1 - beta1^t)) /
//        (sqrt(v / (1 - beta2^t)) + epsilon)
// Slots: "first_moment" (m), "second_moment" (v).
struct EVENGRAD_EXPORT Adam {
  double learning_rate = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  WeightDecay weight_decay = {};

  absl::Status operator()(OptimizerContext& context) const;
};

// Adam with decoupled weight decay (Loshchilov and Hutter, 2019). Keras: weight
// decay 0.004.
struct EVENGRAD_EXPORT AdamW {
  double learning_rate = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 1e-2;

  absl::Status operator()(OptimizerContext& context) const;
};

// Adamax (Kingma and Ba, 2015, section 7.1):
//   m = beta1 * m + (1 - beta1) * g
//   u = max(beta2 * u, |g| + epsilon)
//   p -= learning_rate / (1 - beta1^t) * m / u
// Slots: "first_moment" (m), "infinity_norm" (u).
struct EVENGRAD_EXPORT Adamax {
  double learning_rate = 2e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  WeightDecay weight_decay = {};

  absl::Status operator()(OptimizerContext& context) const;
};

// Nadam (Dozat, 2016): Adam with Nesterov's momentum, which is raised step by
// step:
//   mu_t = beta1 * (1 - 0.5 * 0.96^(t * momentum_decay))
//   m = beta1 * m + (1 - beta1) * g
//   v = beta2 * v + (1 - beta2) * g^2
//   d = mu_(t+1) / (1 - mu_1 … mu_(t+1)) * m + (1 - mu_t) / (1 - mu_1 … mu_t) *
//   g p -= learning_rate * d / (sqrt(v / (1 - beta2^t)) + epsilon)
// Slots: "first_moment" (m), "second_moment" (v), and for all parameters
// "momentum_product" (mu_1 … mu_t, f64[], 1 at first). Keras: momentum_decay 1.
// Error: a momentum decay that is negative or not finite.
struct EVENGRAD_EXPORT Nadam {
  double learning_rate = 2e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double momentum_decay = 0.004;
  WeightDecay weight_decay = {};

  absl::Status operator()(OptimizerContext& context) const;
};

}  // namespace evengrad

#endif  // EVENGRAD_TRAIN_OPTIMIZERS_H_
