#include <string_view>

#include "evengrad/graph/status.h"
#include "evengrad/ops/ops.h"
#include "evengrad/train/optimizer_checks.h"
#include "evengrad/train/optimizer_rules.h"
#include "evengrad/train/optimizers.h"

namespace evengrad {
namespace {

absl::Status Check(std::string_view name, const Adam& adam) {
  EVENGRAD_RETURN_IF_ERROR(
      CheckRates(name, adam.learning_rate, adam.weight_decay));
  EVENGRAD_RETURN_IF_ERROR(CheckBetas(name, {adam.beta1, adam.beta2}));
  return CheckEpsilon(name, adam.epsilon);
}

absl::Status AddAdam(std::string_view name, const Adam& adam,
                     OptimizerContext& context) {
  EVENGRAD_RETURN_IF_ERROR(Check(name, adam));
  context.AddRates(adam.learning_rate, adam.weight_decay);
  Value correction1, correction2_root;
  {
    NameScope scope(context.graph, "update");
    correction1 = BiasCorrection(adam.beta1, context.step);
    correction2_root = Sqrt(BiasCorrection(adam.beta2, context.step));
  }
  for (const TrainedParameter& trained : context.parameters) {
    const Value first_slot = context.AddSlot(trained, "first_moment");
    const Value second_slot = context.AddSlot(trained, "second_moment");
    NameScope scope(context.graph, StrCat("update/", trained.parameter.name()));
    const Value gradient = context.GradientOf(trained);
    const Value first =
        UpdateAverage(context, first_slot, gradient, adam.beta1);
    const Value second =
        UpdateAverage(context, second_slot, Square(gradient), adam.beta2);
    const Value rate =
        context.RateOf(trained) / context.NumberFor(trained, correction1);
    const Value root =
        Sqrt(second) / context.NumberFor(trained, correction2_root);
    context.Descend(trained, rate * first / (root + adam.epsilon));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Adam::operator()(OptimizerContext& context) const {
  return AddAdam("Adam", *this, context);
}

absl::Status AdamW::operator()(OptimizerContext& context) const {
  const Adam adam = {.learning_rate = learning_rate,
                     .beta1 = beta1,
                     .beta2 = beta2,
                     .epsilon = epsilon,
                     .weight_decay = {.rate = weight_decay, .decoupled = true}};
  return AddAdam("AdamW", adam, context);
}

}  // namespace evengrad
