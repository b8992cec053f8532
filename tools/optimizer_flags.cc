#include "optimizer_flags.h"

#include <algorithm>
#include <limits>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "evengrad/graph/suggest.h"
#include "flag_text.h"

namespace evengrad::tools {
namespace {

// What an optimizer is made of.
struct Numbers {
  double learning_rate = 0;
  std::optional<double> momentum = {};
  std::optional<WeightDecay> weight_decay = {};
  std::map<std::string_view, double> options = {};

  double Get(std::string_view name, double fallback) const {
    const auto found = options.find(name);
    return found == options.end() ? fallback : found->second;
  }
  WeightDecay Decay() const { return weight_decay.value_or(WeightDecay{}); }
};

struct Kind {
  std::string_view name;
  // The momentum where none is given; empty: the optimizer has none.
  std::optional<double> momentum;
  std::vector<std::string_view> options;
  Optimizer (*make)(const Numbers& numbers);
};

// Sets the epsilon of an optimizer that takes it at either place.
template <typename T>
Optimizer WithEpsilon(T optimizer, const Numbers& numbers) {
  optimizer.epsilon = numbers.Get("epsilon", optimizer.epsilon);
  if (numbers.options.count("epsilon_in_root") != 0) {
    optimizer.epsilon = numbers.Get("epsilon_in_root", 0);
    optimizer.epsilon_placement = EpsilonPlacement::kInsideRoot;
  }
  return optimizer;
}

// Sets the numbers that Adam and its kin share.
template <typename T>
Optimizer WithBetas(T optimizer, const Numbers& numbers) {
  optimizer.learning_rate = numbers.learning_rate;
  optimizer.beta1 = numbers.Get("beta1", optimizer.beta1);
  optimizer.beta2 = numbers.Get("beta2", optimizer.beta2);
  optimizer.epsilon = numbers.Get("epsilon", optimizer.epsilon);
  return optimizer;
}

Optimizer MakeSgd(const Numbers& numbers) {
  return Sgd{.learning_rate = numbers.learning_rate,
             .momentum = numbers.momentum.value_or(0),
             .weight_decay = numbers.Decay()};
}

const std::vector<Kind>& Kinds() {
  static const auto* const kinds = new std::vector<Kind>{
      {"adagrad",
       {},
       {"initial_accumulator", "epsilon", "epsilon_in_root"},
       [](const Numbers& numbers) {
         return WithEpsilon(AdaGrad{.learning_rate = numbers.learning_rate,
                                    .initial_accumulator =
                                        numbers.Get("initial_accumulator", 0),
                                    .weight_decay = numbers.Decay()},
                            numbers);
       }},
      {"adam",
       {},
       {"beta1", "beta2", "epsilon"},
       [](const Numbers& numbers) {
         return WithBetas(Adam{.weight_decay = numbers.Decay()}, numbers);
       }},
      {"adamax",
       {},
       {"beta1", "beta2", "epsilon"},
       [](const Numbers& numbers) {
         return WithBetas(Adamax{.weight_decay = numbers.Decay()}, numbers);
       }},
      {"adamw",
       {},
       {"beta1", "beta2", "epsilon"},
       [](const Numbers& numbers) {
         AdamW adamw;
         if (numbers.weight_decay.has_value()) {
           adamw.weight_decay = numbers.weight_decay->rate;
         }
         return WithBetas(adamw, numbers);
       }},
      {"momentum", 0.9, {}, MakeSgd},
      {"nadam",
       {},
       {"beta1", "beta2", "epsilon", "momentum_decay"},
       [](const Numbers& numbers) {
         Nadam nadam = {.weight_decay = numbers.Decay()};
         nadam.momentum_decay =
             numbers.Get("momentum_decay", nadam.momentum_decay);
         return WithBetas(nadam, numbers);
       }},
      {"nesterov",
       0.9,
       {},
       [](const Numbers& numbers) {
         return Optimizer(Sgd{.learning_rate = numbers.learning_rate,
                              .momentum = numbers.momentum.value_or(0),
                              .nesterov = true,
                              .weight_decay = numbers.Decay()});
       }},
      {"rmsprop",
       0.0,
       {"decay", "epsilon", "epsilon_in_root", "centered"},
       [](const Numbers& numbers) {
         RmsProp rmsprop = {.learning_rate = numbers.learning_rate,
                            .momentum = numbers.momentum.value_or(0),
                            .centered = numbers.Get("centered", 0) != 0,
                            .weight_decay = numbers.Decay()};
         rmsprop.decay = numbers.Get("decay", rmsprop.decay);
         return WithEpsilon(rmsprop, numbers);
       }},
      {"sgd", 0.0, {}, MakeSgd},
  };
  return *kinds;
}

std::vector<std::string_view> Names() {
  std::vector<std::string_view> names;
  for (const Kind& kind : Kinds()) names.push_back(kind.name);
  return names;
}

// The momentum that was given, or `fallback`.
absl::StatusOr<double> CheckMomentum(const std::optional<double>& given,
                                     double fallback) {
  const double momentum = given.value_or(fallback);
  if (momentum >= 0 && momentum < 1) return momentum;
  return BadFlag("momentum", StrCat(momentum),
                 "expected a number from 0 to below 1");
}

absl::StatusOr<std::optional<WeightDecay>> ParseWeightDecay(
    const std::string& given) {
  if (given.empty()) return std::optional<WeightDecay>();
  constexpr std::string_view kDecoupled = "decoupled:";
  std::string_view text = given;
  const bool decoupled = text.starts_with(kDecoupled);
  if (decoupled) text.remove_prefix(kDecoupled.size());
  const std::optional<double> rate = ParseFinite(text);
  if (!rate.has_value() || *rate < 0) {
    return BadFlag("weight-decay", given,
                   "expected a finite number that is not negative, such as "
                   "1e-4 (an L2 penalty) or decoupled:1e-4");
  }
  return std::optional(WeightDecay{.rate = *rate, .decoupled = decoupled});
}

// "decay=0.9" of "rmsprop,decay=0.9".
absl::Status ParseOption(const std::string& given, const Kind& kind,
                         std::string_view option, Numbers& numbers) {
  const size_t equals = option.find('=');
  const std::string_view name = option.substr(0, equals);
  if (std::ranges::count(kind.options, name) == 0) {
    if (kind.options.empty()) {
      return BadFlag("optimizer", given, kind.name, " takes no options");
    }
    return BadFlag("optimizer", given, kind.name, " has no option '", name,
                   "', it takes ", Listed(kind.options),
                   DidYouMean(name, kind.options));
  }
  const std::optional<double> value =
      equals == std::string_view::npos ? std::nullopt
                                       : ParseFinite(option.substr(equals + 1));
  if (!value.has_value()) {
    return BadFlag("optimizer", given, "expected ", name,
                   "=N with a finite number N");
  }
  if (!numbers.options.emplace(name, *value).second) {
    return BadFlag("optimizer", given, name, " is given twice");
  }
  return absl::OkStatus();
}

// See OptimizerChoice::settings.
std::string Settings(const Kind& kind, const Numbers& numbers) {
  std::string text = StrCat("--learning-rate=", Digits(numbers.learning_rate));
  if (numbers.momentum.has_value()) {
    text += StrCat(" --momentum=", Digits(*numbers.momentum));
  }
  WeightDecay decay = numbers.Decay();
  if (kind.name == "adamw") {
    decay = {.rate = numbers.weight_decay.has_value() ? decay.rate
                                                      : AdamW().weight_decay,
             .decoupled = true};
  }
  return StrCat(text, " --weight-decay=",
                decay.decoupled && decay.rate > 0 ? "decoupled:" : "",
                Digits(decay.rate));
}

// What the optimizer says about its numbers, before there is a model.
absl::Status Try(const Optimizer& optimizer) {
  const Graph graph;
  OptimizerContext context = {.graph = graph,
                              .step = Constant(graph, 1, DType::kI64)};
  return optimizer(context);
}

}  // namespace

bool IsLearningRate(double rate) {
  return rate >= 0 && rate <= std::numeric_limits<float>::max();
}

std::string OptimizerNames() { return Listed(Names()); }

absl::StatusOr<OptimizerChoice> ParseOptimizer(const OptimizerFlags& flags) {
  const std::vector<std::string_view> parts = SplitAt(flags.optimizer, ',');
  const auto kind = std::ranges::find(Kinds(), parts[0], &Kind::name);
  if (kind == Kinds().end()) {
    return UnknownName("optimizer", flags.optimizer, parts[0], Names());
  }
  Numbers numbers;
  numbers.learning_rate = flags.learning_rate.value_or(1e-3);
  if (!IsLearningRate(numbers.learning_rate)) {
    return BadFlag("learning-rate", StrCat(numbers.learning_rate),
                   "expected a finite number that is not negative, at most "
                   "3.4e38 (f32)");
  }
  if (kind->momentum.has_value()) {
    EVENGRAD_ASSIGN_OR_RETURN(numbers.momentum,
                              CheckMomentum(flags.momentum, *kind->momentum));
  } else if (flags.momentum.has_value()) {
    return BadFlag("momentum", StrCat(*flags.momentum), kind->name,
                   " has no momentum; leave the flag out");
  }
  if (kind->name == "nesterov" && *numbers.momentum == 0) {
    return BadFlag("momentum", "0", "Nesterov's rule needs a momentum");
  }
  EVENGRAD_ASSIGN_OR_RETURN(numbers.weight_decay,
                            ParseWeightDecay(flags.weight_decay));
  for (size_t i = 1; i < parts.size(); ++i) {
    EVENGRAD_RETURN_IF_ERROR(
        ParseOption(flags.optimizer, *kind, parts[i], numbers));
  }
  if (numbers.options.count("epsilon") != 0 &&
      numbers.options.count("epsilon_in_root") != 0) {
    return BadFlag("optimizer", flags.optimizer,
                   "expected epsilon or epsilon_in_root, not both");
  }
  OptimizerChoice choice = {.optimizer = kind->make(numbers),
                            .learning_rate = numbers.learning_rate,
                            .has_momentum = numbers.momentum.value_or(0) != 0,
                            .settings = Settings(*kind, numbers)};
  if (absl::Status status = Try(choice.optimizer); !status.ok()) {
    return BadFlag("optimizer", flags.optimizer, Message(status));
  }
  return choice;
}

}  // namespace evengrad::tools
