#include <cmath>

#include "evengrad/graph/status.h"
#include "evengrad/ops/ops.h"
#include "evengrad/train/optimizers.h"

namespace evengrad {
namespace {

absl::Status Check(const Adam& adam) {
  if (!std::isfinite(adam.learning_rate) || adam.learning_rate < 0) {
    return InvalidArgument("Adam: the learning rate is ", adam.learning_rate,
                           ", expected a finite number that is not negative");
  }
  for (const double beta : {adam.beta1, adam.beta2}) {
    if (!(beta >= 0 && beta < 1)) {
      return InvalidArgument("Adam: a beta is ", beta,
                             ", expected numbers in [0, 1)");
    }
  }
  if (!std::isfinite(adam.epsilon) || adam.epsilon <= 0) {
    return InvalidArgument("Adam: epsilon is ", adam.epsilon,
                           ", expected a finite number above 0");
  }
  return absl::OkStatus();
}

// 1 - beta^step, computed in f64: in f32 most digits would cancel.
Value Correction(double beta, const Value& step) {
  return 1.0 - Power(beta, Cast(step, DType::kF64));
}

}  // namespace

absl::Status Adam::operator()(OptimizerContext& context) const {
  EVENGRAD_RETURN_IF_ERROR(Check(*this));
  const Value learning_rate_state = context.AddLearningRate(learning_rate);
  Value correction1, correction2_root;
  {
    NameScope scope(context.graph, "update");
    correction1 = Correction(beta1, context.step);
    correction2_root = Sqrt(Correction(beta2, context.step));
  }
  for (const TrainedParameter& trained : context.parameters) {
    const Value first_slot = context.AddSlot(trained, "first_moment");
    const Value second_slot = context.AddSlot(trained, "second_moment");
    NameScope scope(context.graph, StrCat("update/", trained.parameter.name()));
    const Value gradient = context.GradientOf(trained);
    const Value first = beta1 * first_slot + (1 - beta1) * gradient;
    const Value second = beta2 * second_slot + (1 - beta2) * Square(gradient);
    context.UpdateSlot(first_slot, first);
    context.UpdateSlot(second_slot, second);
    if (!second.valid()) continue;  // the graph's status says why
    const Value rate = context.RateOf(trained, learning_rate_state) /
                       Cast(correction1, second.dtype());
    const Value root = Sqrt(second) / Cast(correction2_root, second.dtype());
    context.Descend(trained, rate * first / (root + epsilon));
  }
  return absl::OkStatus();
}

}  // namespace evengrad
