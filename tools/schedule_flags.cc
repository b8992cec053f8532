#include "schedule_flags.h"

#include <cmath>
#include <string_view>
#include <utility>

#include "flag_text.h"

namespace evengrad::tools {
namespace {

struct Form {
  std::string_view name;
  std::string_view usage;
  // Of numbers after the name: "step:0.5:10" has two.
  size_t fewest, most;
};

constexpr Form kForms[] = {
    {"constant", "constant", 0, 0},
    {"step", "step:FACTOR:EPOCHS, such as step:0.5:10", 2, 2},
    {"piecewise",
     "piecewise:EPOCH=RATE,EPOCH=RATE,… in order, such as "
     "piecewise:5=0.005,15=0.001",
     0, 0},
    {"exponential", "exponential:FACTOR:EPOCHS, such as exponential:0.1:20", 2,
     2},
    {"power", "power:EPOCHS or power:EPOCHS:POWER, such as power:6", 1, 2},
    {"cosine", "cosine or cosine:LAST_RATE", 0, 1},
    {"1cycle", "1cycle", 0, 0},
    {"plateau", "plateau:FACTOR:PATIENCE, such as plateau:0.5:5", 2, 2},
};

// What is wrong with the form of the whole text.
absl::Status Expected(const std::string& given, const Form& form) {
  return BadFlag("schedule", given, "expected ", form.usage);
}

// Error: a rate that f32 cannot hold. What else is wrong with it, its schedule
// says.
absl::Status CheckLargest(const std::string& given, double rate) {
  if (rate < 0 || IsLearningRate(rate)) return absl::OkStatus();
  return BadFlag("schedule", given, "the rate ", rate,
                 " is too large; expected at most 3.4e38 (f32)");
}

// "5=0.005,15=0.001".
absl::StatusOr<Schedule> ParsePiecewise(const std::string& given,
                                        const Form& form, double rate) {
  std::vector<double> boundaries;
  std::vector<double> values = {rate};
  const size_t colon = given.find(':');
  if (colon == std::string::npos) return Expected(given, form);
  for (const std::string_view part :
       SplitAt(std::string_view(given).substr(colon + 1), ',')) {
    const std::vector<std::string_view> sides = SplitAt(part, '=');
    const std::optional<double> epoch = ParseFinite(sides[0]);
    const std::optional<double> value =
        sides.size() == 2 ? ParseFinite(sides[1]) : std::nullopt;
    if (!epoch.has_value() || !value.has_value()) return Expected(given, form);
    EVENGRAD_RETURN_IF_ERROR(CheckLargest(given, *value));
    boundaries.push_back(*epoch);
    values.push_back(*value);
  }
  return PiecewiseConstant(std::move(boundaries), std::move(values));
}

struct Lengths {
  double rate;
  double epochs;  // without the warm-up
};

Schedule MakeSchedule(std::string_view name, const std::vector<double>& numbers,
                      const Lengths& lengths) {
  const double rate = lengths.rate;
  if (name == "step") return StepDecay(rate, numbers[0], numbers[1]);
  if (name == "exponential") {
    return ExponentialDecay(rate, numbers[0], numbers[1]);
  }
  if (name == "power") {
    return PowerDecay(rate, numbers[0], numbers.size() > 1 ? numbers[1] : 1);
  }
  if (name == "cosine") {
    return CosineDecay(rate, lengths.epochs, numbers.empty() ? 0 : numbers[0]);
  }
  return ConstantSchedule(rate);
}

absl::StatusOr<ReduceOnPlateau> MakePlateau(
    const std::string& given, const Form& form,
    const std::vector<double>& numbers) {
  constexpr double kMost = 1e9;
  const double patience = numbers[1];
  if (patience != std::floor(patience) || std::fabs(patience) > kMost) {
    return Expected(given, form);
  }
  ReduceOnPlateau plateau = {.factor = numbers[0],
                             .patience = static_cast<int64_t>(patience)};
  if (absl::Status status = CheckReduceOnPlateau(plateau); !status.ok()) {
    return BadFlag("schedule", given, Message(status));
  }
  return plateau;
}

absl::StatusOr<const Form*> FindForm(const std::string& given) {
  const std::string_view name = SplitAt(given, ':')[0];
  std::vector<std::string_view> known;
  for (const Form& form : kForms) {
    if (form.name == name) return &form;
    known.push_back(form.name);
  }
  return UnknownName("schedule", given, name, known);
}

// The numbers after the name.
absl::StatusOr<std::vector<double>> ParseNumbers(const std::string& given,
                                                 const Form& form) {
  std::vector<double> numbers;
  const std::vector<std::string_view> parts = SplitAt(given, ':');
  for (size_t i = 1; i < parts.size(); ++i) {
    const std::optional<double> number = ParseFinite(parts[i]);
    if (!number.has_value()) return Expected(given, form);
    numbers.push_back(*number);
  }
  if (numbers.size() < form.fewest || numbers.size() > form.most) {
    return Expected(given, form);
  }
  return numbers;
}

absl::Status CheckWarmUp(double warm_up, int64_t epochs) {
  if (warm_up >= 0 && warm_up < static_cast<double>(epochs)) {
    return absl::OkStatus();
  }
  return BadFlag("warm-up", StrCat(warm_up),
                 "expected a number of epochs from 0 to below the ", epochs,
                 " of the training");
}

// The rate's and, where the optimizer has one, the momentum's.
std::vector<ScheduledState> MakeOneCycle(const OptimizerChoice& optimizer,
                                         double epochs) {
  const OneCycleOptions cycle = {.maximum = optimizer.learning_rate,
                                 .length = epochs};
  std::vector<ScheduledState> schedules = {
      {.schedule = OneCycleRate(cycle), .unit = TimeUnit::kEpochs}};
  if (optimizer.has_momentum) {
    schedules.push_back({.state = "momentum",
                         .schedule = OneCycleMomentum(cycle),
                         .unit = TimeUnit::kEpochs});
  }
  return schedules;
}

}  // namespace

absl::StatusOr<ScheduleChoice> ParseSchedule(const ScheduleFlags& flags,
                                             const OptimizerChoice& optimizer) {
  const std::string& given = flags.schedule;
  EVENGRAD_RETURN_IF_ERROR(CheckWarmUp(flags.warm_up, flags.epochs));
  EVENGRAD_ASSIGN_OR_RETURN(const Form* form, FindForm(given));
  const Lengths lengths = {
      .rate = optimizer.learning_rate,
      .epochs = static_cast<double>(flags.epochs) - flags.warm_up};
  ScheduleChoice choice = {.spans_epochs = form->name == "cosine" ||
                                           form->name == "1cycle"};
  std::optional<Schedule> schedule;
  if (form->name == "piecewise") {
    EVENGRAD_ASSIGN_OR_RETURN(schedule,
                              ParsePiecewise(given, *form, lengths.rate));
  } else {
    EVENGRAD_ASSIGN_OR_RETURN(const std::vector<double> numbers,
                              ParseNumbers(given, *form));
    if (form->name == "1cycle") {
      if (flags.warm_up > 0) {
        return BadFlag("schedule", given,
                       "the cycle has a warm-up of its own; leave --warm-up "
                       "out");
      }
      choice.schedules = MakeOneCycle(optimizer, lengths.epochs);
      return choice;
    }
    if (form->name == "cosine" && !numbers.empty()) {
      EVENGRAD_RETURN_IF_ERROR(CheckLargest(given, numbers[0]));
    }
    if (form->name == "plateau") {
      EVENGRAD_ASSIGN_OR_RETURN(choice.plateau,
                                MakePlateau(given, *form, numbers));
    }
    schedule = MakeSchedule(form->name, numbers, lengths);
  }
  if (!schedule->status().ok()) {
    return BadFlag("schedule", given, Message(schedule->status()));
  }
  const bool constant = form->name == "constant" || form->name == "plateau";
  if (constant && flags.warm_up == 0) return choice;
  if (flags.warm_up > 0) schedule = WarmUp(flags.warm_up, *schedule);
  choice.schedules.push_back(
      {.schedule = *std::move(schedule), .unit = TimeUnit::kEpochs});
  return choice;
}

}  // namespace evengrad::tools
