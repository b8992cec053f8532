// What optimizers say about their numbers. `optimizer` starts the message.
#ifndef EVENGRAD_TRAIN_OPTIMIZER_CHECKS_H_
#define EVENGRAD_TRAIN_OPTIMIZER_CHECKS_H_

#include <initializer_list>
#include <string_view>

#include "absl/status/status.h"
#include "evengrad/train/optimizers.h"

namespace evengrad {

// Both finite and not negative.
absl::Status CheckRates(std::string_view optimizer, double learning_rate,
                        const WeightDecay& weight_decay);
// In [0, 1).
absl::Status CheckMomentum(std::string_view optimizer, double momentum);
absl::Status CheckBetas(std::string_view optimizer,
                        std::initializer_list<double> betas);
// Finite and above 0.
absl::Status CheckEpsilon(std::string_view optimizer, double epsilon);
// Finite and not negative; `name` says which number it is.
absl::Status CheckNotNegative(std::string_view optimizer, std::string_view name,
                              double value);

}  // namespace evengrad

#endif  // EVENGRAD_TRAIN_OPTIMIZER_CHECKS_H_
