// Schedules: numbers such as the learning rate as functions of time.
//
//   Fit(session, *training, model, data,
//       {.epochs = 20,
//        .schedules = {{.schedule = WarmUp(2, CosineDecay(0.1, 18))}}});
//
// What they drive is a state of the program, "learning_rate" or "momentum",
// which Fit writes before a step: nothing is compiled anew, and the program
// stays the same whatever drives it. In a loop of your own, write it yourself:
//
//   session.Write("learning_rate", *Tensor::Of<float>({}, {rate(step)}));
//
// The unit of time is the caller's: Fit counts steps, or epochs with their
// fractions (TimeUnit). A mistake in the numbers is kept as the schedule's
// status, also through combinators, and Fit returns it.
#ifndef EVENGRAD_TRAIN_SCHEDULES_H_
#define EVENGRAD_TRAIN_SCHEDULES_H_

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "evengrad/graph/export.h"

namespace evengrad {

class EVENGRAD_EXPORT Schedule {
 public:
  // Any function of the time.
  explicit Schedule(std::function<double(double time)> function)
      : function_(std::move(function)) {}
  // A mistake; its value is NaN.
  explicit Schedule(absl::Status mistake) : status_(std::move(mistake)) {}

  // The value at `time` >= 0.
  double operator()(double time) const;
  const absl::Status& status() const { return status_; }

 private:
  std::function<double(double)> function_;
  absl::Status status_;
};

// All rates are finite and not negative, lengths of time finite and positive.

EVENGRAD_EXPORT Schedule ConstantSchedule(double rate);

// values[i] from boundaries[i - 1] on: one more value than boundaries, which
// increase.
EVENGRAD_EXPORT Schedule PiecewiseConstant(std::vector<double> boundaries,
                                           std::vector<double> values);

// rate * factor^floor(t / length).
EVENGRAD_EXPORT Schedule StepDecay(double rate, double factor, double length);

// rate * factor^(t / length).
EVENGRAD_EXPORT Schedule ExponentialDecay(double rate, double factor,
                                          double length);

// rate / (1 + t / length)^power; power is finite and positive. Keras' "decay"
// is 1 / length in steps.
EVENGRAD_EXPORT Schedule PowerDecay(double rate, double length,
                                    double power = 1);

// From `rate` to `last` along half a period of the cosine, then `last`
// (Loshchilov and Hutter, 2017, without restarts).
EVENGRAD_EXPORT Schedule CosineDecay(double rate, double length,
                                     double last = 0);

// In a straight line from start_factor * then(0) to then(0), and when `length`
// is over, then(t - length). start_factor is in [0, 1]; at 0 the first step
// changes nothing.
EVENGRAD_EXPORT Schedule WarmUp(double length, Schedule then,
                                double start_factor = 0);

// schedule(floor(t)): constant between whole numbers, such as within an epoch.
EVENGRAD_EXPORT Schedule Staircase(Schedule schedule);

// A cycle up and down, and a last stretch far below (Smith, 2018): the rate
// rises from maximum / start_divisor to `maximum`, falls back as long as it
// rose, and during the last part of `length` falls to
// maximum / start_divisor / last_divisor; straight lines all. The momentum
// goes the other way, and is `high_momentum` in the last part.
struct OneCycleOptions {
  double maximum = 0;
  double length = 0;
  double start_divisor = 10;   // at least 1
  double last_divisor = 1000;  // at least 1
  double last_part = 0.1;      // of the length, in [0, 1)
  double high_momentum = 0.95;
  double low_momentum = 0.85;
};
EVENGRAD_EXPORT Schedule OneCycleRate(const OneCycleOptions& options);
EVENGRAD_EXPORT Schedule OneCycleMomentum(const OneCycleOptions& options);

enum class TimeUnit : uint8_t {
  kSteps,   // batches that were trained: 0 at the first
  kEpochs,  // steps / (steps of an epoch)
};

// A state that a schedule drives: one number, f32[] or f64[].
struct ScheduledState {
  std::string state = "learning_rate";
  Schedule schedule;
  TimeUnit unit = TimeUnit::kSteps;
};

}  // namespace evengrad

#endif  // EVENGRAD_TRAIN_SCHEDULES_H_
