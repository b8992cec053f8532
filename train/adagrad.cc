#include "evengrad/graph/status.h"
#include "evengrad/ops/ops.h"
#include "evengrad/train/optimizer_checks.h"
#include "evengrad/train/optimizer_rules.h"
#include "evengrad/train/optimizers.h"

namespace evengrad {
namespace {

absl::Status Check(const AdaGrad& adagrad) {
  EVENGRAD_RETURN_IF_ERROR(
      CheckRates("AdaGrad", adagrad.learning_rate, adagrad.weight_decay));
  EVENGRAD_RETURN_IF_ERROR(CheckNotNegative("AdaGrad", "initial accumulator",
                                            adagrad.initial_accumulator));
  return CheckEpsilon("AdaGrad", adagrad.epsilon);
}

}  // namespace

absl::Status AdaGrad::operator()(OptimizerContext& context) const {
  EVENGRAD_RETURN_IF_ERROR(Check(*this));
  context.AddRates(learning_rate, weight_decay);
  for (const TrainedParameter& trained : context.parameters) {
    const Value slot =
        context.AddSlot(trained, "squared_sum", initial_accumulator);
    NameScope scope(context.graph, StrCat("update/", trained.parameter.name()));
    const Value gradient = context.GradientOf(trained);
    const Value sum = slot + Square(gradient);
    context.UpdateSlot(slot, sum);
    const Value root = AddRoot(sum, epsilon, epsilon_placement);
    context.Descend(trained, context.RateOf(trained) * gradient / root);
  }
  return absl::OkStatus();
}

}  // namespace evengrad
