#include "evengrad/train/schedules.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

void ExpectValues(const Schedule& schedule, const std::vector<double>& times,
                  const std::vector<double>& values) {
  ASSERT_TRUE(schedule.status().ok()) << schedule.status();
  for (size_t i = 0; i < times.size(); ++i) {
    EXPECT_NEAR(schedule(times[i]), values[i], 1e-12) << "time " << times[i];
  }
}

TEST(ScheduleTest, Constant) {
  ExpectValues(ConstantSchedule(0.25), {0, 1, 1e9}, {0.25, 0.25, 0.25});
}

TEST(ScheduleTest, Piecewise) {
  ExpectValues(PiecewiseConstant({5, 15}, {0.01, 0.005, 0.001}),
               {0, 4.9, 5, 14, 15, 100},
               {0.01, 0.01, 0.005, 0.005, 0.001, 0.001});
  ExpectValues(PiecewiseConstant({}, {3}), {0, 7}, {3, 3});
}

TEST(ScheduleTest, StepFallsAtMultiples) {
  ExpectValues(StepDecay(0.8, 0.5, 10), {0, 9.9, 10, 19, 20, 35},
               {0.8, 0.8, 0.4, 0.4, 0.2, 0.1});
}

TEST(ScheduleTest, ExponentialFallsByTheFactorOverTheLength) {
  ExpectValues(ExponentialDecay(0.01, 0.1, 20), {0, 10, 20, 40},
               {0.01, 0.01 / std::sqrt(10.0), 0.001, 0.0001});
}

TEST(ScheduleTest, Power) {
  ExpectValues(PowerDecay(0.6, 20), {0, 20, 40}, {0.6, 0.3, 0.2});
  ExpectValues(PowerDecay(0.6, 20, 0.5), {0, 60}, {0.6, 0.3});
}

TEST(ScheduleTest, Cosine) {
  ExpectValues(CosineDecay(0.9, 12, 0.1), {0, 4, 6, 8, 12, 13},
               {0.9, 0.7, 0.5, 0.3, 0.1, 0.1});
}

TEST(ScheduleTest, WarmUpGoesBeforeAnotherSchedule) {
  ExpectValues(WarmUp(4, PowerDecay(0.8, 10)), {0, 1, 2, 4, 14},
               {0, 0.2, 0.4, 0.8, 0.4});
  ExpectValues(WarmUp(4, ConstantSchedule(0.8), 0.5), {0, 2, 4},
               {0.4, 0.6, 0.8});
}

TEST(ScheduleTest, StaircaseIsConstantWithinAUnit) {
  ExpectValues(Staircase(ExponentialDecay(0.8, 0.5, 1)), {0, 0.99, 1, 2.5},
               {0.8, 0.8, 0.4, 0.2});
}

TEST(ScheduleTest, OneCycle) {
  const OneCycleOptions options = {.maximum = 0.5, .length = 100};
  // Up to 45, down to 90, and far down to 100.
  ExpectValues(OneCycleRate(options), {0, 22.5, 45, 67.5, 90, 95, 100, 200},
               {0.05, 0.275, 0.5, 0.275, 0.05, 0.025025, 0.00005, 0.00005});
  ExpectValues(OneCycleMomentum(options), {0, 22.5, 45, 67.5, 90, 95, 100},
               {0.95, 0.9, 0.85, 0.9, 0.95, 0.95, 0.95});
  ExpectValues(OneCycleRate({.maximum = 0.5, .length = 10, .last_part = 0}),
               {0, 5, 9.999999999999, 10}, {0.05, 0.5, 0.05, 0.00005});
}

TEST(ScheduleTest, AnyFunctionIsASchedule) {
  ExpectValues(Schedule([](double time) { return 1 + time; }), {0, 2}, {1, 3});
}

TEST(ScheduleTest, MistakesAreKeptThroughCombinators) {
  auto message = [](const Schedule& schedule) {
    EXPECT_TRUE(std::isnan(schedule(0)));
    return std::string(Message(schedule.status()));
  };
  EXPECT_EQ(message(ConstantSchedule(-1)),
            "ConstantSchedule: the rate is -1, expected a finite number that "
            "is not negative");
  EXPECT_EQ(message(PiecewiseConstant({1}, {0.1})),
            "PiecewiseConstant: 1 boundaries and 1 values, expected one value "
            "more than boundaries");
  EXPECT_EQ(message(PiecewiseConstant({2, 2}, {1, 1, 1})),
            "PiecewiseConstant: boundary 2 follows 2, expected finite "
            "boundaries that increase from above 0");
  EXPECT_EQ(message(PiecewiseConstant({2}, {1, HUGE_VAL})),
            "PiecewiseConstant: the value is inf, expected a finite number "
            "that is not negative");
  EXPECT_EQ(message(StepDecay(1, 0, 1)),
            "StepDecay: the factor is 0, expected a finite number above 0");
  EXPECT_EQ(message(ExponentialDecay(1, 0.1, -5)),
            "ExponentialDecay: the length is -5, expected a finite number "
            "above 0");
  EXPECT_EQ(message(PowerDecay(1, 1, std::nan(""))),
            "PowerDecay: the power is nan, expected a finite number above 0");
  EXPECT_EQ(message(CosineDecay(1, 1, -1)),
            "CosineDecay: the last rate is -1, expected a finite number that "
            "is not negative");
  EXPECT_EQ(message(WarmUp(0, ConstantSchedule(1))),
            "WarmUp: the length is 0, expected a finite number above 0");
  EXPECT_EQ(message(WarmUp(1, ConstantSchedule(1), 2)),
            "WarmUp: the start factor is 2, expected a number in [0, 1]");
  EXPECT_EQ(message(WarmUp(1, Staircase(ConstantSchedule(-1)))),
            message(ConstantSchedule(-1)));
  EXPECT_EQ(message(OneCycleRate({.maximum = 1})),
            "OneCycle: the length is 0, expected a finite number above 0");
  EXPECT_EQ(
      message(OneCycleRate({.maximum = 1, .length = 1, .start_divisor = 0.5})),
      "OneCycle: the start divisor is 0.5, expected a finite number of "
      "at least 1");
  EXPECT_EQ(
      message(OneCycleMomentum({.maximum = 1, .length = 1, .last_part = 1})),
      "OneCycle: the last part is 1, expected a number in [0, 1)");
}

}  // namespace
}  // namespace evengrad
