#include "evengrad/train/optimizer_rules.h"

#include "evengrad/ops/ops.h"

namespace evengrad {

Value UpdateAverage(OptimizerContext& context, const Value& slot,
                    const Value& sample, double beta) {
  const Value average = beta * slot + (1 - beta) * sample;
  context.UpdateSlot(slot, average);
  return average;
}

Value AddRoot(const Value& square, double epsilon, EpsilonPlacement placement) {
  return placement == EpsilonPlacement::kInsideRoot ? Sqrt(square + epsilon)
                                                    : Sqrt(square) + epsilon;
}

Value BiasCorrection(double beta, const Value& step) {
  return 1.0 - Power(beta, Cast(step, DType::kF64));
}

}  // namespace evengrad
