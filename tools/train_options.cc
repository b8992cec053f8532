#include "train_options.h"

#include <cmath>
#include <string_view>
#include <utility>

#include "flag_text.h"

namespace evengrad::tools {
namespace {

constexpr int64_t kMostLayers = 10'000;
constexpr int64_t kWidest = 1'000'000;

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
    {"celu", 1.0, [](const Value& x, double alpha) { return Celu(x, alpha); }},
    {"elu", 1.0, [](const Value& x, double alpha) { return Elu(x, alpha); }},
    {"gelu", {}, [](const Value& x, double) { return Gelu(x); }},
    {"gelu_tanh",
     {},
     [](const Value& x, double) { return Gelu(x, GeluForm::kTanh); }},
    {"hard_sigmoid", 1.0 / 6,
     [](const Value& x, double slope) { return HardSigmoid(x, slope); }},
    {"hard_swish", {}, [](const Value& x, double) { return HardSwish(x); }},
    {"hard_tanh", {}, [](const Value& x, double) { return HardTanh(x); }},
    {"leaky_relu", 0.01,
     [](const Value& x, double slope) { return LeakyRelu(x, slope); }},
    {"mish", {}, [](const Value& x, double) { return Mish(x); }},
    {"relu", {}, [](const Value& x, double) { return Relu(x); }},
    {"relu6", {}, [](const Value& x, double) { return Relu6(x); }},
    {"selu", {}, [](const Value& x, double) { return Selu(x); }},
    {"sigmoid", {}, [](const Value& x, double) { return Sigmoid(x); }},
    {"silu", {}, [](const Value& x, double) { return Silu(x); }},
    {"softplus", 1.0,
     [](const Value& x, double beta) { return Softplus(x, beta); }},
    {"softsign", {}, [](const Value& x, double) { return Softsign(x); }},
    {"tanh", {}, [](const Value& x, double) { return Tanh(x); }},
};

// What the activation says about its argument, before there is a model; empty
// where it takes it. Without the line of this file.
std::string Try(const Activation& activation, double argument) {
  const Graph graph;
  const Value x = Placeholder(graph, "x", F32({1}));
  activation.add(x, argument);
  const std::string_view message = Message(graph.status());
  const size_t start = message.find(StrCat(activation.name, ": "));
  return std::string(start == std::string_view::npos ? message
                                                     : message.substr(start));
}

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
      const std::optional<double> number = ParseFinite(parts[1]);
      if (!number.has_value()) {
        return BadFlag("activation", given, "'", parts[1],
                       "' is no finite number");
      }
      argument = *number;
    }
    const std::string mistake = Try(activation, argument);
    if (!mistake.empty()) return BadFlag("activation", given, mistake);
    return [add = activation.add, argument](const Value& input) {
      return add(input, argument);
    };
  }
  return UnknownName("activation", given, parts[0], known);
}

struct Loss {
  std::string_view name;
  Value (*add)(const Value& logits, const Value& labels);
};

constexpr Loss kLosses[] = {
    {"cross_entropy",
     [](const Value& logits, const Value& labels) {
       return SparseSoftmaxCrossEntropy(logits, labels);
     }},
};

absl::StatusOr<std::function<Value(const Value&, const Value&)>> ParseLoss(
    const std::string& given) {
  std::vector<std::string_view> known;
  for (const Loss& loss : kLosses) {
    if (loss.name == given) return loss.add;
    known.push_back(loss.name);
  }
  return UnknownName("loss", given, given, known);
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

// "global_norm:1.0", "none".
absl::StatusOr<std::vector<std::shared_ptr<Hook>>> ParseClip(
    const std::string& given) {
  std::vector<std::shared_ptr<Hook>> hooks;
  if (given == "none") return hooks;
  const std::vector<std::string_view> parts = SplitAt(given, ':');
  if (parts[0] != "global_norm") {
    return UnknownName("clip", given, parts[0], {"none", "global_norm"});
  }
  const std::optional<double> norm =
      parts.size() == 2 ? ParseNumber<double>(parts[1]) : std::nullopt;
  if (!norm.has_value() || !std::isfinite(*norm) || *norm <= 0) {
    return BadFlag("clip", given,
                   "expected global_norm:N with a finite N above 0, such as "
                   "global_norm:1.0");
  }
  hooks.push_back(ClipByGlobalNorm(*norm));
  return hooks;
}

absl::StatusOr<Scale> ParseScale(const std::string& given) {
  if (given == "unit") return Scale::kUnit;
  if (given == "standardize") return Scale::kStandardize;
  return UnknownName("scale", given, given, {"unit", "standardize"});
}

// Sets options.early_stopping; the validation part is known already.
absl::Status ParseEarlyStopping(const TrainFlags& flags,
                                TrainOptions& options) {
  constexpr std::string_view kNothingToWatch =
      "watches the validation loss; keep images for it with --validation";
  const bool validates = options.validation.size > 0;
  if (options.schedule.plateau.has_value() && !validates) {
    return BadFlag("schedule", flags.schedule, kNothingToWatch);
  }
  if (!flags.early_stopping.has_value()) return absl::OkStatus();
  const std::string given = StrCat(*flags.early_stopping);
  if (*flags.early_stopping < 1) {
    return BadFlag("early-stopping", given,
                   "expected the epochs to wait for a better one, at least 1");
  }
  if (!validates) return BadFlag("early-stopping", given, kNothingToWatch);
  options.early_stopping = EarlyStopping{.patience = *flags.early_stopping};
  return absl::OkStatus();
}

absl::Status CheckCounts(const TrainFlags& flags) {
  constexpr int64_t kMost = 1'000'000'000;
  for (const auto& [flag, count] : {std::pair{"batch-size", flags.batch_size},
                                    std::pair{"accumulate", flags.accumulate},
                                    std::pair{"epochs", flags.epochs},
                                    std::pair{"classes", flags.classes}}) {
    if (count < 1 || count > kMost) {
      return BadFlag(flag, StrCat(count), "expected 1 to ", kMost);
    }
  }
  if (flags.top_k < 0 || flags.top_k > flags.classes) {
    return BadFlag("top-k", StrCat(flags.top_k), "expected 1 to the ",
                   flags.classes, " classes, or 0 for none");
  }
  if (flags.threads < 0 || flags.threads > 256) {
    return BadFlag("threads", StrCat(flags.threads),
                   "expected 1 to 256, or 0 for one a core");
  }
  return absl::OkStatus();
}

}  // namespace

std::string ActivationNames() {
  std::vector<std::string_view> names;
  for (const Activation& activation : kActivations) {
    names.push_back(activation.name);
  }
  return Listed(names);
}

std::string LossNames() {
  std::vector<std::string_view> names;
  for (const Loss& loss : kLosses) names.push_back(loss.name);
  return Listed(names);
}

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
  EVENGRAD_ASSIGN_OR_RETURN(options.loss, ParseLoss(flags.loss));
  EVENGRAD_ASSIGN_OR_RETURN(options.optimizer, ParseOptimizer(flags.optimizer));
  EVENGRAD_ASSIGN_OR_RETURN(options.schedule,
                            ParseSchedule({.schedule = flags.schedule,
                                           .warm_up = flags.warm_up,
                                           .epochs = flags.epochs},
                                          options.optimizer));
  EVENGRAD_ASSIGN_OR_RETURN(options.validation,
                            ParseValidation(flags.validation));
  EVENGRAD_RETURN_IF_ERROR(ParseEarlyStopping(flags, options));
  EVENGRAD_ASSIGN_OR_RETURN(options.scale, ParseScale(flags.scale));
  EVENGRAD_ASSIGN_OR_RETURN(options.hooks, ParseClip(flags.clip));
  return options;
}

}  // namespace evengrad::tools
