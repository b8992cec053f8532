#include "evengrad/train/schedules.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <limits>
#include <numbers>
#include <string_view>

#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

struct Number {
  std::string_view name;
  double value;
};

// The first of `numbers` that is negative, or 0 where that is not allowed, or
// not finite.
absl::Status CheckNumbers(std::string_view who, bool zero_allowed,
                          std::initializer_list<Number> numbers) {
  for (const auto& [name, value] : numbers) {
    if (std::isfinite(value) && (zero_allowed ? value >= 0 : value > 0)) {
      continue;
    }
    return InvalidArgument(who, ": the ", name, " is ", value, ", expected a ",
                           zero_allowed ? "finite number that is not negative"
                                        : "finite number above 0");
  }
  return absl::OkStatus();
}

absl::Status CheckDecay(std::string_view who, double rate, double factor,
                        double length) {
  EVENGRAD_RETURN_IF_ERROR(CheckNumbers(who, true, {{"rate", rate}}));
  return CheckNumbers(who, false, {{"factor", factor}, {"length", length}});
}

// The value at `position` in [0, 1] of the way from `start` to `end`.
double Between(double start, double end, double position) {
  return start + (end - start) * position;
}

absl::Status CheckCycle(const OneCycleOptions& options) {
  EVENGRAD_RETURN_IF_ERROR(
      CheckNumbers("OneCycle", true, {{"maximum", options.maximum}}));
  EVENGRAD_RETURN_IF_ERROR(
      CheckNumbers("OneCycle", false, {{"length", options.length}}));
  for (const auto& [name, divisor] :
       {Number{"start divisor", options.start_divisor},
        Number{"last divisor", options.last_divisor}}) {
    if (std::isfinite(divisor) && divisor >= 1) continue;
    return InvalidArgument("OneCycle: the ", name, " is ", divisor,
                           ", expected a finite number of at least 1");
  }
  for (const auto& [name, value] :
       {Number{"last part", options.last_part},
        Number{"high momentum", options.high_momentum},
        Number{"low momentum", options.low_momentum}}) {
    if (value >= 0 && value < 1) continue;
    return InvalidArgument("OneCycle: the ", name, " is ", value,
                           ", expected a number in [0, 1)");
  }
  return absl::OkStatus();
}

// Straight lines from `start` to `peak` to `start` to `end`.
Schedule Cycle(const OneCycleOptions& options, double start, double peak,
               double end) {
  if (absl::Status status = CheckCycle(options); !status.ok()) {
    return Schedule(std::move(status));
  }
  const double last = options.last_part * options.length;
  const double half = (options.length - last) / 2;
  return Schedule([=](double time) {
    if (time < half) return Between(start, peak, time / half);
    if (time < 2 * half) return Between(peak, start, time / half - 1);
    if (time >= options.length) return end;
    return Between(start, end, (time - 2 * half) / last);
  });
}

}  // namespace

double Schedule::operator()(double time) const {
  return status_.ok() && function_ ? function_(time)
                                   : std::numeric_limits<double>::quiet_NaN();
}

Schedule ConstantSchedule(double rate) {
  if (absl::Status status =
          CheckNumbers("ConstantSchedule", true, {{"rate", rate}});
      !status.ok()) {
    return Schedule(std::move(status));
  }
  return Schedule([rate](double) { return rate; });
}

Schedule PiecewiseConstant(std::vector<double> boundaries,
                           std::vector<double> values) {
  constexpr std::string_view kName = "PiecewiseConstant";
  if (values.size() != boundaries.size() + 1) {
    return Schedule(InvalidArgument(
        kName, ": ", boundaries.size(), " boundaries and ", values.size(),
        " values, expected one value more than boundaries"));
  }
  double previous = 0;
  for (const double boundary : boundaries) {
    if (!(boundary > previous) || !std::isfinite(boundary)) {
      return Schedule(InvalidArgument(
          kName, ": boundary ", boundary, " follows ", previous,
          ", expected finite boundaries that increase from above 0"));
    }
    previous = boundary;
  }
  for (const double value : values) {
    absl::Status status = CheckNumbers(kName, true, {{"value", value}});
    if (!status.ok()) return Schedule(std::move(status));
  }
  return Schedule([boundaries = std::move(boundaries),
                   values = std::move(values)](double time) {
    const auto next = std::ranges::upper_bound(boundaries, time);
    return values[static_cast<size_t>(next - boundaries.begin())];
  });
}

Schedule StepDecay(double rate, double factor, double length) {
  absl::Status status = CheckDecay("StepDecay", rate, factor, length);
  if (!status.ok()) return Schedule(std::move(status));
  return Schedule([=](double time) {
    return rate * std::pow(factor, std::floor(time / length));
  });
}

Schedule ExponentialDecay(double rate, double factor, double length) {
  absl::Status status = CheckDecay("ExponentialDecay", rate, factor, length);
  if (!status.ok()) return Schedule(std::move(status));
  return Schedule(
      [=](double time) { return rate * std::pow(factor, time / length); });
}

Schedule PowerDecay(double rate, double length, double power) {
  absl::Status status = CheckNumbers("PowerDecay", true, {{"rate", rate}});
  if (status.ok()) {
    status = CheckNumbers("PowerDecay", false,
                          {{"length", length}, {"power", power}});
  }
  if (!status.ok()) return Schedule(std::move(status));
  return Schedule(
      [=](double time) { return rate / std::pow(1 + time / length, power); });
}

Schedule CosineDecay(double rate, double length, double last) {
  absl::Status status =
      CheckNumbers("CosineDecay", true, {{"rate", rate}, {"last rate", last}});
  if (status.ok()) {
    status = CheckNumbers("CosineDecay", false, {{"length", length}});
  }
  if (!status.ok()) return Schedule(std::move(status));
  return Schedule([=](double time) {
    const double angle = std::numbers::pi * std::min(time / length, 1.0);
    return last + (rate - last) * (1 + std::cos(angle)) / 2;
  });
}

Schedule WarmUp(double length, Schedule then, double start_factor) {
  absl::Status status = then.status();
  if (status.ok()) status = CheckNumbers("WarmUp", false, {{"length", length}});
  if (status.ok() && !(start_factor >= 0 && start_factor <= 1)) {
    status = InvalidArgument("WarmUp: the start factor is ", start_factor,
                             ", expected a number in [0, 1]");
  }
  if (!status.ok()) return Schedule(std::move(status));
  return Schedule([=, then = std::move(then)](double time) {
    if (time >= length) return then(time - length);
    return then(0) * Between(start_factor, 1, time / length);
  });
}

Schedule Staircase(Schedule schedule) {
  if (!schedule.status().ok()) return schedule;
  return Schedule([schedule = std::move(schedule)](double time) {
    return schedule(std::floor(time));
  });
}

Schedule OneCycleRate(const OneCycleOptions& options) {
  const double start = options.maximum / options.start_divisor;
  return Cycle(options, start, options.maximum, start / options.last_divisor);
}

Schedule OneCycleMomentum(const OneCycleOptions& options) {
  return Cycle(options, options.high_momentum, options.low_momentum,
               options.high_momentum);
}

}  // namespace evengrad
