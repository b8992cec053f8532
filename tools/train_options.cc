#include "train_options.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>
#include <utility>

#include "evengrad/graph/suggest.h"

namespace evengrad::tools {
namespace {

constexpr int64_t kMostLayers = 10'000;
constexpr int64_t kWidest = 1'000'000;

// All of `text` as a number; empty where it is none.
template <typename T>
std::optional<T> ParseNumber(std::string_view text) {
  T value;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

template <typename... T>
absl::Status BadFlag(std::string_view flag, std::string_view given,
                     const T&... message) {
  return InvalidArgument("--", flag, "=", given, ": ", message...);
}

// The parts of `text` between `separator`s.
std::vector<std::string_view> SplitAt(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (size_t end; (end = text.find(separator)) != std::string_view::npos;
       text.remove_prefix(end + 1)) {
    parts.push_back(text.substr(0, end));
  }
  parts.push_back(text);
  return parts;
}

// "a, b or c".
std::string Listed(const std::vector<std::string_view>& names) {
  std::string list;
  for (size_t i = 0; i < names.size(); ++i) {
    const bool last = i + 1 == names.size();
    list += StrCat(i == 0 ? "" : last ? " or " : ", ", names[i]);
  }
  return list;
}

absl::Status UnknownName(std::string_view flag, std::string_view given,
                         std::string_view name,
                         const std::vector<std::string_view>& known) {
  return BadFlag(flag, given, "expected ", Listed(known),
                 DidYouMean(name, known));
}

// "300,99x100": one layer of 300 and 99 of 100.
absl::StatusOr<std::vector<int64_t>> ParseHidden(const std::string& given) {
  std::vector<int64_t> widths;
  for (const std::string_view part : SplitAt(given, ',')) {
    const size_t times = part.find('x');
    const bool repeated = times != std::string_view::npos;
    const std::optional<int64_t> count =
        repeated ? ParseNumber<int64_t>(part.substr(0, times)) : 1;
    const std::optional<int64_t> width =
        ParseNumber<int64_t>(repeated ? part.substr(times + 1) : part);
    if (!count.has_value() || !width.has_value()) {
      return BadFlag("hidden", given, "'", part,
                     "' is no layer; expected widths such as 300,100 or "
                     "20x100 for 20 layers of 100");
    }
    if (*count < 1 || *width < 1 || *width > kWidest) {
      return BadFlag("hidden", given, *count, " layers of width ", *width,
                     "; expected at least one layer, and a width of 1 to ",
                     kWidest);
    }
    if (*count > kMostLayers - static_cast<int64_t>(widths.size())) {
      return BadFlag("hidden", given, "more than ", kMostLayers, " layers");
    }
    widths.insert(widths.end(), static_cast<size_t>(*count), *width);
  }
  return widths;
}

struct Activation {
  std::string_view name;
  std::optional<double> argument;  // its default, where it takes one
  Value (*add)(const Value& input, double argument);
};

constexpr Activation kActivations[] = {
    {"elu", 1.0, [](const Value& x, double alpha) { return Elu(x, alpha); }},
    {"leaky_relu", 0.01,
     [](const Value& x, double slope) { return LeakyRelu(x, slope); }},
    {"relu", {}, [](const Value& x, double) { return Relu(x); }},
    {"selu", {}, [](const Value& x, double) { return Selu(x); }},
    {"sigmoid", {}, [](const Value& x, double) { return Sigmoid(x); }},
    {"tanh", {}, [](const Value& x, double) { return Tanh(x); }},
};

// "leaky_relu:0.3".
absl::StatusOr<std::function<Value(const Value&)>> ParseActivation(
    const std::string& given) {
  const std::vector<std::string_view> parts = SplitAt(given, ':');
  std::vector<std::string_view> known;
  for (const Activation& activation : kActivations) {
    known.push_back(activation.name);
    if (activation.name != parts[0]) continue;
    if (parts.size() > (activation.argument.has_value() ? 2u : 1u)) {
      return BadFlag("activation", given, activation.name,
                     activation.argument.has_value() ? " takes one argument"
                                                     : " takes no argument");
    }
    double argument = activation.argument.value_or(0);
    if (parts.size() == 2) {
      const std::optional<double> number = ParseNumber<double>(parts[1]);
      if (!number.has_value() || !std::isfinite(*number)) {
        return BadFlag("activation", given, "'", parts[1],
                       "' is no finite number");
      }
      argument = *number;
    }
    return [add = activation.add, argument](const Value& input) {
      return add(input, argument);
    };
  }
  return UnknownName("activation", given, parts[0], known);
}

// A rate that was given, or `fallback`.
absl::StatusOr<double> CheckRate(std::string_view flag,
                                 const std::optional<double>& given,
                                 double fallback, double limit) {
  const double rate = given.value_or(fallback);
  if (rate >= 0 && rate < limit) return rate;
  if (std::isfinite(limit)) {
    return BadFlag(flag, StrCat(rate), "expected a number from 0 to below ",
                   limit);
  }
  return BadFlag(flag, StrCat(rate),
                 "expected a finite number that is not negative");
}

absl::StatusOr<Optimizer> ParseOptimizer(const TrainFlags& flags) {
  const std::string& name = flags.optimizer;
  EVENGRAD_ASSIGN_OR_RETURN(
      const double rate,
      CheckRate("learning-rate", flags.learning_rate, 1e-3, HUGE_VAL));
  EVENGRAD_ASSIGN_OR_RETURN(
      const double momentum,
      CheckRate("momentum", flags.momentum, name == "sgd" ? 0 : 0.9, 1));
  const bool nesterov = name == "nesterov";
  if (name == "sgd" || name == "momentum" || nesterov) {
    if (nesterov && momentum == 0) {
      return BadFlag("momentum", "0", "Nesterov's rule needs a momentum");
    }
    return Sgd{
        .learning_rate = rate, .momentum = momentum, .nesterov = nesterov};
  }
  if (name == "adam") {
    if (flags.momentum.has_value()) {
      return BadFlag("momentum", StrCat(momentum),
                     "adam has no momentum; leave the flag out");
    }
    return Adam{.learning_rate = rate};
  }
  return UnknownName("optimizer", name, name,
                     {"sgd", "momentum", "nesterov", "adam"});
}

// "first:5000", "last:5000", "5000".
absl::StatusOr<ValidationOptions> ParseValidation(const std::string& given) {
  ValidationOptions options;
  std::vector<std::string_view> parts = SplitAt(given, ':');
  if (parts.size() == 2 && (parts[0] == "first" || parts[0] == "last")) {
    if (parts[0] == "last") options.side = ValidationSide::kLast;
    parts.erase(parts.begin());
  }
  const std::optional<int64_t> size = ParseNumber<int64_t>(parts[0]);
  if (parts.size() != 1 || !size.has_value() || *size < 0) {
    return BadFlag("validation", given,
                   "expected first:N, last:N or N, such as first:5000");
  }
  options.size = *size;
  return options;
}

struct Clip {
  std::string_view name;
  std::string_view example;   // of its argument; "" where it takes none
  bool is_optional = false;   // the argument
  double largest = HUGE_VAL;  // its allowed range is (0, largest]
  std::string_view scope = {};
  std::shared_ptr<Hook> (*make)(double argument) = nullptr;
};

constexpr double kSuggestSteps = 500;

const std::vector<Clip>& Clips() {
  static const auto* const clips = new std::vector<Clip>{
      {.name = "none", .example = ""},
      {.name = "value",
       .example = "1.0",
       .scope = "clip_by_value",
       .make = ClipByValue},
      {.name = "norm",
       .example = "1.0",
       .scope = "clip_by_norm",
       .make = ClipByNorm},
      {.name = "global_norm",
       .example = "1.0",
       .scope = "clip_by_global_norm",
       .make = ClipByGlobalNorm},
      {.name = "adaptive",
       .example = "0.01",
       .scope = "adaptive_clip",
       .make = [](double factor) { return AdaptiveClip(factor); }},
      {.name = "autoclip",
       .example = "10",
       .largest = 100,
       .scope = "auto_clip",
       .make = [](double percent) { return AutoClip(percent); }},
      {.name = "zclip",
       .example = "",
       .scope = "z_clip",
       .make = [](double) { return ZClip(); }},
      {.name = "suggest",
       .example = "500",
       .is_optional = true,
       .largest = 1e9}};
  return *clips;
}

// "global_norm:1.0", "zclip", "none", "suggest".
absl::Status ParseClip(const std::string& given, TrainOptions& options) {
  const std::vector<std::string_view> parts = SplitAt(given, ':');
  std::vector<std::string_view> known;
  for (const Clip& clip : Clips()) known.push_back(clip.name);
  const auto clip = std::ranges::find(Clips(), parts[0], &Clip::name);
  if (clip == Clips().end()) {
    return UnknownName("clip", given, parts[0], known);
  }
  double argument = kSuggestSteps;
  if (clip->example.empty()) {
    if (parts.size() > 1) {
      return BadFlag("clip", given, clip->name, " takes no argument");
    }
  } else if (parts.size() != 1 || !clip->is_optional) {
    const std::optional<double> number =
        parts.size() == 2 ? ParseNumber<double>(parts[1]) : std::nullopt;
    if (!number.has_value() || !std::isfinite(*number) || *number <= 0 ||
        *number > clip->largest) {
      return BadFlag(
          "clip", given, "expected ", clip->name, ":N with a finite N above 0",
          std::isfinite(clip->largest) ? StrCat(" and up to ", clip->largest)
                                       : "",
          ", such as ", clip->name, ":", clip->example);
    }
    argument = *number;
  }
  if (clip->make != nullptr) {
    options.hooks.push_back(clip->make(argument));
    options.clip_scope = std::string(clip->scope);
  } else if (clip->name == "suggest") {
    options.suggest_steps = static_cast<int64_t>(std::ceil(argument));
  }
  return absl::OkStatus();
}

absl::StatusOr<NonFinitePolicy> ParseNonFinite(const std::string& given) {
  if (given == "error") return NonFinitePolicy::kError;
  if (given == "skip_step") return NonFinitePolicy::kSkipStep;
  if (given == "propagate") return NonFinitePolicy::kPropagate;
  return UnknownName("non-finite", given, given,
                     {"error", "skip_step", "propagate"});
}

absl::Status CheckStatistics(const TrainFlags& flags) {
  constexpr int64_t kMost = 1'000'000'000;
  if (flags.statistics_every < 0 || flags.statistics_every > kMost) {
    return BadFlag("statistics-every", StrCat(flags.statistics_every),
                   "expected 1 to ", kMost, " steps, or 0 for none");
  }
  if (!flags.csv.empty() && flags.statistics_every == 0) {
    return BadFlag("csv", flags.csv,
                   "there are no statistics to write; give "
                   "--statistics-every=100");
  }
  return absl::OkStatus();
}

absl::StatusOr<Scale> ParseScale(const std::string& given) {
  if (given == "unit") return Scale::kUnit;
  if (given == "standardize") return Scale::kStandardize;
  return UnknownName("scale", given, given, {"unit", "standardize"});
}

absl::Status CheckCounts(const TrainFlags& flags) {
  constexpr int64_t kMost = 1'000'000'000;
  for (const auto& [flag, count] : {std::pair{"batch-size", flags.batch_size},
                                    std::pair{"epochs", flags.epochs},
                                    std::pair{"classes", flags.classes}}) {
    if (count < 1 || count > kMost) {
      return BadFlag(flag, StrCat(count), "expected 1 to ", kMost);
    }
  }
  if (flags.threads < 0 || flags.threads > 256) {
    return BadFlag("threads", StrCat(flags.threads),
                   "expected 1 to 256, or 0 for one a core");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TrainOptions> ParseTrainFlags(const TrainFlags& flags) {
  TrainOptions options;
  EVENGRAD_RETURN_IF_ERROR(CheckCounts(flags));
  EVENGRAD_ASSIGN_OR_RETURN(options.hidden, ParseHidden(flags.hidden));
  EVENGRAD_ASSIGN_OR_RETURN(options.activation,
                            ParseActivation(flags.activation));
  const absl::StatusOr<Initializer> initializer =
      InitializerByName(flags.initializer);
  if (!initializer.ok()) {
    return BadFlag("initializer", flags.initializer,
                   Message(initializer.status()));
  }
  options.initializer = *initializer;
  EVENGRAD_ASSIGN_OR_RETURN(options.optimizer, ParseOptimizer(flags));
  EVENGRAD_ASSIGN_OR_RETURN(options.validation,
                            ParseValidation(flags.validation));
  EVENGRAD_ASSIGN_OR_RETURN(options.scale, ParseScale(flags.scale));
  EVENGRAD_RETURN_IF_ERROR(ParseClip(flags.clip, options));
  EVENGRAD_ASSIGN_OR_RETURN(options.non_finite,
                            ParseNonFinite(flags.non_finite));
  EVENGRAD_RETURN_IF_ERROR(CheckStatistics(flags));
  if (flags.check_numerics) options.hooks.push_back(CheckNumerics());
  return options;
}

}  // namespace evengrad::tools
