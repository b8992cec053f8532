#include "evengrad/graph/status.h"
#include "evengrad/ops/ops.h"
#include "evengrad/train/optimizer_checks.h"
#include "evengrad/train/optimizer_rules.h"
#include "evengrad/train/optimizers.h"

namespace evengrad {
namespace {

absl::Status Check(const Adamax& adamax) {
  EVENGRAD_RETURN_IF_ERROR(
      CheckRates("Adamax", adamax.learning_rate, adamax.weight_decay));
  EVENGRAD_RETURN_IF_ERROR(CheckBetas("Adamax", {adamax.beta1, adamax.beta2}));
  return CheckEpsilon("Adamax", adamax.epsilon);
}

}  // namespace

absl::Status Adamax::operator()(OptimizerContext& context) const {
  EVENGRAD_RETURN_IF_ERROR(Check(*this));
  context.AddRates(learning_rate, weight_decay);
  Value correction;
  {
    NameScope scope(context.graph, "update");
    correction = BiasCorrection(beta1, context.step);
  }
  for (const TrainedParameter& trained : context.parameters) {
    const Value first_slot = context.AddSlot(trained, "first_moment");
    const Value norm_slot = context.AddSlot(trained, "infinity_norm");
    NameScope scope(context.graph, StrCat("update/", trained.parameter.name()));
    const Value gradient = context.GradientOf(trained);
    const Value first = UpdateAverage(context, first_slot, gradient, beta1);
    const Value norm = Maximum(beta2 * norm_slot, Abs(gradient) + epsilon);
    context.UpdateSlot(norm_slot, norm);
    const Value rate =
        context.RateOf(trained) / context.NumberFor(trained, correction);
    context.Descend(trained, rate * first / norm);
  }
  return absl::OkStatus();
}

}  // namespace evengrad
