#include <cmath>

#include "evengrad/graph/status.h"
#include "evengrad/ops/ops.h"
#include "evengrad/train/optimizers.h"

namespace evengrad {
namespace {

absl::Status Check(const Sgd& sgd) {
  if (!std::isfinite(sgd.learning_rate) || sgd.learning_rate < 0) {
    return InvalidArgument("Sgd: the learning rate is ", sgd.learning_rate,
                           ", expected a finite number that is not negative");
  }
  if (!(sgd.momentum >= 0 && sgd.momentum < 1)) {
    return InvalidArgument("Sgd: the momentum is ", sgd.momentum,
                           ", expected a number in [0, 1)");
  }
  if (sgd.nesterov && sgd.momentum == 0) {
    return InvalidArgument(
        "Sgd: Nesterov's rule needs a momentum; give one, such as 0.9");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Sgd::operator()(OptimizerContext& context) const {
  EVENGRAD_RETURN_IF_ERROR(Check(*this));
  const Value learning_rate_state = context.AddLearningRate(learning_rate);
  for (const TrainedParameter& trained : context.parameters) {
    Value slot;
    if (momentum != 0) slot = context.AddSlot(trained, "momentum");
    NameScope scope(context.graph, StrCat("update/", trained.parameter.name()));
    Value direction = context.GradientOf(trained);
    if (momentum != 0) {
      const Value velocity = momentum * slot + direction;
      context.UpdateSlot(slot, velocity);
      direction = nesterov ? direction + momentum * velocity : velocity;
    }
    const Value rate = context.RateOf(trained, learning_rate_state);
    context.Descend(trained, rate * direction);
  }
  return absl::OkStatus();
}

}  // namespace evengrad
