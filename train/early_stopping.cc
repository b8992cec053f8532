#include "evengrad/train/early_stopping.h"

#include <algorithm>
#include <cmath>

#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

absl::Status CheckPatience(std::string_view who, int64_t patience,
                           double min_delta) {
  if (patience < 1) {
    return InvalidArgument(who, ": the patience is ", patience,
                           ", expected at least 1 epoch");
  }
  if (!std::isfinite(min_delta) || min_delta < 0) {
    return InvalidArgument(who, ": min_delta is ", min_delta,
                           ", expected a finite number that is not negative");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckEarlyStopping(const EarlyStopping& options) {
  return CheckPatience("EarlyStopping", options.patience, options.min_delta);
}

absl::Status CheckReduceOnPlateau(const ReduceOnPlateau& options) {
  EVENGRAD_RETURN_IF_ERROR(
      CheckPatience("ReduceOnPlateau", options.patience, options.min_delta));
  if (!(options.factor > 0 && options.factor < 1)) {
    return InvalidArgument("ReduceOnPlateau: the factor is ", options.factor,
                           ", expected a number between 0 and 1");
  }
  if (options.cooldown < 0) {
    return InvalidArgument("ReduceOnPlateau: the cooldown is ",
                           options.cooldown, " epochs, expected at least 0");
  }
  if (!std::isfinite(options.minimum) || options.minimum < 0) {
    return InvalidArgument("ReduceOnPlateau: the minimum is ", options.minimum,
                           ", expected a finite number that is not negative");
  }
  return absl::OkStatus();
}

bool PlateauCounter::Improved(const Evaluation& validation) {
  // What is better is smaller.
  const double figure =
      monitor_ == Monitor::kLoss ? validation.loss : -validation.accuracy;
  if (std::isfinite(figure) && figure < best_ - min_delta_) {
    best_ = figure;
    epochs_without_ = 0;
    return true;
  }
  ++epochs_without_;
  return false;
}

bool PlateauFactor::Reduced(const Evaluation& validation) {
  if (cooldown_left_ > 0) {
    --cooldown_left_;
    counter_.Restart();
  }
  counter_.Improved(validation);
  if (cooldown_left_ > 0 || counter_.epochs_without() < options_.patience) {
    return false;
  }
  counter_.Restart();
  cooldown_left_ = options_.cooldown;
  factor_ *= options_.factor;
  return true;
}

double PlateauFactor::Apply(double value) const {
  if (factor_ == 1) return value;
  return std::max(value * factor_, std::min(value, options_.minimum));
}

absl::Status StateCopies::Take(const Session& session, const Graph& graph) {
  copies_.clear();
  for (const Value& state : States(graph)) {
    EVENGRAD_ASSIGN_OR_RETURN(Tensor copy, session.Read(state));
    copies_.emplace_back(state, std::move(copy));
  }
  return absl::OkStatus();
}

absl::Status StateCopies::Restore(Session& session) const {
  for (const auto& [state, copy] : copies_) {
    EVENGRAD_RETURN_IF_ERROR(session.Write(state, copy));
  }
  return absl::OkStatus();
}

}  // namespace evengrad
