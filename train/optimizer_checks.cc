#include "evengrad/train/optimizer_checks.h"

#include <cmath>

#include "evengrad/graph/status.h"

namespace evengrad {

absl::Status CheckNotNegative(std::string_view optimizer, std::string_view name,
                              double value) {
  if (std::isfinite(value) && value >= 0) return absl::OkStatus();
  return InvalidArgument(optimizer, ": the ", name, " is ", value,
                         ", expected a finite number that is not negative");
}

absl::Status CheckRates(std::string_view optimizer, double learning_rate,
                        const WeightDecay& weight_decay) {
  EVENGRAD_RETURN_IF_ERROR(
      CheckNotNegative(optimizer, "learning rate", learning_rate));
  return CheckNotNegative(optimizer, "weight decay", weight_decay.rate);
}

absl::Status CheckMomentum(std::string_view optimizer, double momentum) {
  if (momentum >= 0 && momentum < 1) return absl::OkStatus();
  return InvalidArgument(optimizer, ": the momentum is ", momentum,
                         ", expected a number in [0, 1)");
}

absl::Status CheckBetas(std::string_view optimizer,
                        std::initializer_list<double> betas) {
  for (const double beta : betas) {
    if (beta >= 0 && beta < 1) continue;
    return InvalidArgument(optimizer, ": a beta is ", beta,
                           ", expected numbers in [0, 1)");
  }
  return absl::OkStatus();
}

absl::Status CheckEpsilon(std::string_view optimizer, double epsilon) {
  if (std::isfinite(epsilon) && epsilon > 0) return absl::OkStatus();
  return InvalidArgument(optimizer, ": epsilon is ", epsilon,
                         ", expected a finite number above 0");
}

}  // namespace evengrad
