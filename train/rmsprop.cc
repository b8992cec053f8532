#include "evengrad/graph/status.h"
#include "evengrad/ops/ops.h"
#include "evengrad/train/optimizer_checks.h"
#include "evengrad/train/optimizer_rules.h"
#include "evengrad/train/optimizers.h"

namespace evengrad {
namespace {

absl::Status Check(const RmsProp& rmsprop) {
  EVENGRAD_RETURN_IF_ERROR(
      CheckRates("RmsProp", rmsprop.learning_rate, rmsprop.weight_decay));
  EVENGRAD_RETURN_IF_ERROR(CheckMomentum("RmsProp", rmsprop.momentum));
  if (!(rmsprop.decay >= 0 && rmsprop.decay < 1)) {
    return InvalidArgument("RmsProp: the decay is ", rmsprop.decay,
                           ", expected a number in [0, 1)");
  }
  return CheckEpsilon("RmsProp", rmsprop.epsilon);
}

}  // namespace

absl::Status RmsProp::operator()(OptimizerContext& context) const {
  EVENGRAD_RETURN_IF_ERROR(Check(*this));
  context.AddRates(learning_rate, weight_decay);
  const bool keeps_velocity = momentum != 0;
  Value momentum_state;
  if (keeps_velocity) momentum_state = context.AddNumber("momentum", momentum);
  for (const TrainedParameter& trained : context.parameters) {
    const Value second_slot = context.AddSlot(trained, "second_moment");
    Value first_slot, velocity_slot;
    if (centered) first_slot = context.AddSlot(trained, "first_moment");
    if (keeps_velocity) velocity_slot = context.AddSlot(trained, "momentum");
    NameScope scope(context.graph, StrCat("update/", trained.parameter.name()));
    const Value gradient = context.GradientOf(trained);
    Value square = UpdateAverage(context, second_slot, Square(gradient), decay);
    if (centered) {
      // No variance is below 0, but the difference may be by rounding.
      square = Maximum(
          square - Square(UpdateAverage(context, first_slot, gradient, decay)),
          0);
    }
    Value direction = gradient / AddRoot(square, epsilon, epsilon_placement);
    if (keeps_velocity) {
      direction = context.NumberFor(trained, momentum_state) * velocity_slot +
                  direction;
      context.UpdateSlot(velocity_slot, direction);
    }
    context.Descend(trained, context.RateOf(trained) * direction);
  }
  return absl::OkStatus();
}

}  // namespace evengrad
