#include "evengrad/graph/status.h"
#include "evengrad/ops/ops.h"
#include "evengrad/train/optimizer_checks.h"
#include "evengrad/train/optimizers.h"

namespace evengrad {
namespace {

absl::Status Check(const Sgd& sgd) {
  EVENGRAD_RETURN_IF_ERROR(
      CheckRates("Sgd", sgd.learning_rate, sgd.weight_decay));
  EVENGRAD_RETURN_IF_ERROR(CheckMomentum("Sgd", sgd.momentum));
  if (sgd.nesterov && sgd.momentum == 0) {
    return InvalidArgument(
        "Sgd: Nesterov's rule needs a momentum; give one, such as 0.9");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Sgd::operator()(OptimizerContext& context) const {
  EVENGRAD_RETURN_IF_ERROR(Check(*this));
  context.AddRates(learning_rate, weight_decay);
  const bool keeps_velocity = momentum != 0;
  Value momentum_state;
  if (keeps_velocity) momentum_state = context.AddNumber("momentum", momentum);
  for (const TrainedParameter& trained : context.parameters) {
    Value slot;
    if (keeps_velocity) slot = context.AddSlot(trained, "momentum");
    NameScope scope(context.graph, StrCat("update/", trained.parameter.name()));
    Value direction = context.GradientOf(trained);
    if (keeps_velocity) {
      const Value kept = context.NumberFor(trained, momentum_state);
      const Value velocity = kept * slot + direction;
      context.UpdateSlot(slot, velocity);
      direction = nesterov ? direction + kept * velocity : velocity;
    }
    context.Descend(trained, context.RateOf(trained) * direction);
  }
  return absl::OkStatus();
}

}  // namespace evengrad
