#include "evengrad/graph/status.h"
#include "evengrad/ops/ops.h"
#include "evengrad/train/optimizer_checks.h"
#include "evengrad/train/optimizer_rules.h"
#include "evengrad/train/optimizers.h"

namespace evengrad {
namespace {

absl::Status Check(const Nadam& nadam) {
  EVENGRAD_RETURN_IF_ERROR(
      CheckRates("Nadam", nadam.learning_rate, nadam.weight_decay));
  EVENGRAD_RETURN_IF_ERROR(CheckBetas("Nadam", {nadam.beta1, nadam.beta2}));
  EVENGRAD_RETURN_IF_ERROR(
      CheckNotNegative("Nadam", "momentum decay", nadam.momentum_decay));
  return CheckEpsilon("Nadam", nadam.epsilon);
}

// The weights of the gradient and of its average in a step, and the root of the
// second moment's correction: f64[] each.
struct Weights {
  Value gradient;
  Value first_moment;
  Value root;
};

// mu at step t.
Value MomentumAt(const Nadam& nadam, const Value& t) {
  return nadam.beta1 * (1.0 - 0.5 * Power(0.96, t * nadam.momentum_decay));
}

// Adds the state "momentum_product" and its update.
Weights AddWeights(const Nadam& nadam, OptimizerContext& context) {
  const Value product = context.AddNumber("momentum_product", 1, DType::kF64);
  NameScope scope(context.graph, "update");
  const Value t = Cast(context.step, DType::kF64);
  const Value momentum = MomentumAt(nadam, t);
  const Value next_momentum = MomentumAt(nadam, t + 1);
  const Value so_far = product * momentum;
  context.UpdateSlot(product, so_far);
  return {.gradient = (1.0 - momentum) / (1.0 - so_far),
          .first_moment = next_momentum / (1.0 - so_far * next_momentum),
          .root = Sqrt(BiasCorrection(nadam.beta2, context.step))};
}

}  // namespace

absl::Status Nadam::operator()(OptimizerContext& context) const {
  EVENGRAD_RETURN_IF_ERROR(Check(*this));
  context.AddRates(learning_rate, weight_decay);
  const Weights weights = AddWeights(*this, context);
  for (const TrainedParameter& trained : context.parameters) {
    const Value first_slot = context.AddSlot(trained, "first_moment");
    const Value second_slot = context.AddSlot(trained, "second_moment");
    NameScope scope(context.graph, StrCat("update/", trained.parameter.name()));
    const Value gradient = context.GradientOf(trained);
    const Value first = UpdateAverage(context, first_slot, gradient, beta1);
    const Value second =
        UpdateAverage(context, second_slot, Square(gradient), beta2);
    const Value direction =
        context.NumberFor(trained, weights.first_moment) * first +
        context.NumberFor(trained, weights.gradient) * gradient;
    const Value root = Sqrt(second) / context.NumberFor(trained, weights.root);
    context.Descend(trained,
                    context.RateOf(trained) * direction / (root + epsilon));
  }
  return absl::OkStatus();
}

}  // namespace evengrad
