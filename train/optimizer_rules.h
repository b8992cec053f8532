// Pieces that optimizers share.
#ifndef EVENGRAD_TRAIN_OPTIMIZER_RULES_H_
#define EVENGRAD_TRAIN_OPTIMIZER_RULES_H_

#include "evengrad/graph/graph.h"
#include "evengrad/train/optimizers.h"

namespace evengrad {

// Updates `slot` to beta * slot + (1 - beta) * sample, and returns that.
Value UpdateAverage(OptimizerContext& context, const Value& slot,
                    const Value& sample, double beta);

// sqrt(square) with epsilon at its place.
Value AddRoot(const Value& square, double epsilon, EpsilonPlacement placement);

// 1 - beta^step as f64[], the weight of all samples in an average that started
// as 0. In f32 most digits would cancel.
Value BiasCorrection(double beta, const Value& step);

}  // namespace evengrad

#endif  // EVENGRAD_TRAIN_OPTIMIZER_RULES_H_
