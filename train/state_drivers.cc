#include "evengrad/train/state_drivers.h"

#include <cmath>
#include <utility>

#include "evengrad/graph/status.h"
#include "evengrad/graph/user_code.h"

namespace evengrad {

absl::StatusOr<StateDrivers> StateDrivers::Create(Session& session,
                                                  const Program& program,
                                                  const FitOptions& options,
                                                  int64_t steps_per_epoch) {
  StateDrivers drivers;
  drivers.session_ = &session;
  drivers.steps_per_epoch_ = static_cast<double>(steps_per_epoch);
  if (options.schedules.empty() && !options.plateau.has_value()) {
    return drivers;
  }
  EVENGRAD_RETURN_IF_ERROR(session.Initialize(program));
  for (const ScheduledState& scheduled : options.schedules) {
    EVENGRAD_RETURN_IF_ERROR(drivers.Add(scheduled));
  }
  if (options.plateau.has_value()) {
    const std::string& state = options.plateau->state;
    if (drivers.Find(state) == nullptr) {
      // Alone, a plateau reduces what the state holds now.
      EVENGRAD_RETURN_IF_ERROR(drivers.Add(
          {.state = state, .schedule = Schedule([](double) { return 0.0; })}));
      Driver& added = drivers.drivers_.back();
      const double value =
          LoadAsDouble(added.tensor.dtype(), added.tensor.data(), 0);
      added.scheduled.schedule = ConstantSchedule(value);
      EVENGRAD_RETURN_IF_ERROR(added.scheduled.schedule.status());
    }
    drivers.Find(state)->plateau.emplace(*options.plateau);
  }
  return drivers;
}

absl::Status StateDrivers::Add(ScheduledState scheduled) {
  const std::string& name = scheduled.state;
  EVENGRAD_RETURN_IF_ERROR(scheduled.schedule.status());
  if (Find(name) != nullptr) {
    return InvalidArgument("Fit: two schedules drive the state '", name, "'");
  }
  absl::StatusOr<Tensor> tensor = session_->Read(name);
  if (!tensor.ok()) {
    return InvalidArgument("Fit: a schedule drives '", name,
                           "': ", Message(tensor.status()));
  }
  if (tensor->num_elements() != 1 || !IsFloating(tensor->dtype())) {
    return InvalidArgument("Fit: a schedule drives '", name,
                           "', expected a floating number, not ",
                           tensor->ToString());
  }
  drivers_.push_back(
      {.scheduled = std::move(scheduled), .tensor = *std::move(tensor)});
  return absl::OkStatus();
}

StateDrivers::Driver* StateDrivers::Find(std::string_view state) {
  for (Driver& driver : drivers_) {
    if (driver.scheduled.state == state) return &driver;
  }
  return nullptr;
}

absl::Status StateDrivers::StartStep(int64_t step) {
  for (Driver& driver : drivers_) {
    const std::string& state = driver.scheduled.state;
    const double steps = static_cast<double>(step);
    const double time = driver.scheduled.unit == TimeUnit::kSteps
                            ? steps
                            : steps / steps_per_epoch_;
    EVENGRAD_ASSIGN_OR_RETURN(
        double value,
        CallUser([&] { return StrCat("Fit: the schedule of '", state, "'"); },
                 [&] { return driver.scheduled.schedule(time); }));
    if (driver.plateau.has_value()) value = driver.plateau->Apply(value);
    if (!std::isfinite(value)) {
      return InvalidArgument("Fit: the schedule of '", state, "' is ", value,
                             " before step ", step + 1);
    }
    if (driver.written == value) continue;
    StoreFromDouble(driver.tensor.dtype(), driver.tensor.mutable_data(), 0,
                    value);
    EVENGRAD_RETURN_IF_ERROR(session_->Write(state, driver.tensor));
    driver.written = value;
  }
  return absl::OkStatus();
}

void StateDrivers::EndEpoch(const Evaluation& validation) {
  for (Driver& driver : drivers_) {
    if (driver.plateau.has_value()) driver.plateau->Reduced(validation);
  }
}

std::optional<double> StateDrivers::ValueOf(std::string_view state) const {
  for (const Driver& driver : drivers_) {
    if (driver.scheduled.state == state) return driver.written;
  }
  return std::nullopt;
}

}  // namespace evengrad
