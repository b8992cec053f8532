#include "train_options.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include "evengrad/graph/op_registry.h"
#include "evengrad/graph/suggest.h"
#include "flag_text.h"
#include "load_ops.h"
#include "precision.h"

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
    {"prelu", 0.25,
     [](const Value& x, double initial) {
       return Prelu(x, PreluOptions{.initial = initial, .per_channel = true});
     }},
    {"relu", {}, [](const Value& x, double) { return Relu(x); }},
    {"relu6", {}, [](const Value& x, double) { return Relu6(x); }},
    {"rrelu", {}, [](const Value& x, double) { return Rrelu(x); }},
    {"selu", {}, [](const Value& x, double) { return Selu(x); }},
    {"sigmoid", {}, [](const Value& x, double) { return Sigmoid(x); }},
    {"silu", {}, [](const Value& x, double) { return Silu(x); }},
    {"softplus", 1.0,
     [](const Value& x, double beta) { return Softplus(x, beta); }},
    {"softsign", {}, [](const Value& x, double) { return Softsign(x); }},
    {"tanh", {}, [](const Value& x, double) { return Tanh(x); }},
};

bool MayBeActivation(const OpDef& op) {
  return op.inputs.size() == 1 && !op.variadic() && op.outputs.size() == 1 &&
         !op.variadic_outputs() && !op.is_source && !op.random;
}

// An op as an activation; it must keep the type of its input.
std::function<Value(const Value&)> AddsOp(const OpDef& op,
                                          Attributes attributes) {
  return [&op, attributes = std::move(attributes)](const Value& input) {
    const Value output = AddNode(op, {input}, attributes).output();
    if (!output.valid() || output.type() == input.type()) return output;
    const Graph graph = output.node().graph();
    graph.Fail(
        InvalidArgument("an activation keeps the type of its input, op '",
                        op.name, "' makes ", output.type().ToString(), " of ",
                        input.type().ToString()),
        output.node().ErrorPrefix());
    return graph.Invalid();
  };
}

// An op of the registry as an activation: "gelu", "penalized_tanh:0.1". The
// argument is that of the op's only attribute.
absl::StatusOr<std::function<Value(const Value&)>> RegisteredActivation(
    const std::string& given, const std::vector<std::string_view>& parts,
    const std::vector<std::string_view>& listed) {
  const OpDef* const op = Ops().Find(parts[0]);
  if (op == nullptr) {
    std::vector<std::string_view> known = listed;
    for (const OpDef* other : Ops().All()) {
      if (MayBeActivation(*other)) known.push_back(other->name);
    }
    return BadFlag("activation", given, "expected ", Listed(listed),
                   DidYouMean(parts[0], known));
  }
  if (!MayBeActivation(*op)) {
    return BadFlag("activation", given, "op '", op->name,
                   "' is not one of one input and one output");
  }
  if (parts.size() == 1) return AddsOp(*op, {});
  const std::optional<double> number = ParseFinite(parts[1]);
  if (op->attributes.size() != 1 || parts.size() > 2 ||
      !std::holds_alternative<double>(op->attributes[0].fallback)) {
    return BadFlag("activation", given, op->name, " takes no ",
                   op->attributes.size() == 1 ? "such " : "", "argument");
  }
  if (!number.has_value()) {
    return BadFlag("activation", given, "'", parts[1], "' is no finite number");
  }
  return AddsOp(*op, {{std::string(op->attributes[0].name), *number}});
}

struct Loss {
  std::string_view name;
  std::optional<double> argument;  // its default, where it takes one
  Value (*add)(const Value& logits, const Value& labels, double argument);
};

// 1 at the label's class, else 0.
Value Targets(const Value& logits, const Value& labels) {
  return OneHot(labels, logits.shape()[1].size(), logits.dtype());
}

constexpr Loss kLosses[] = {
    {"cross_entropy", 0.0,
     [](const Value& logits, const Value& labels, double smoothing) {
       return SparseSoftmaxCrossEntropy(logits, labels,
                                        {.label_smoothing = smoothing});
     }},
    {"huber", 1.0,
     [](const Value& logits, const Value& labels, double delta) {
       return Huber(logits, Targets(logits, labels), {.delta = delta});
     }},
    {"mean_absolute_error",
     {},
     [](const Value& logits, const Value& labels, double) {
       return MeanAbsoluteError(logits, Targets(logits, labels));
     }},
    {"mean_squared_error",
     {},
     [](const Value& logits, const Value& labels, double) {
       return MeanSquaredError(logits, Targets(logits, labels));
     }},
    {"sigmoid_cross_entropy",
     {},
     [](const Value& logits, const Value& labels, double) {
       return SigmoidCrossEntropy(logits, Targets(logits, labels));
     }},
};

// What a graph in which `add` has put the op or loss `name` says against it;
// empty where it is well. Without the line of this file.
template <typename Add>
std::string Mistake(std::string_view name, const Add& add) {
  const Graph graph;
  add(Placeholder(graph, "x", F32({1, 1})), graph);
  const std::string_view message = Message(graph.status());
  const size_t line_end = message.find(": ");
  if (!message.starts_with("train_options.cc:") ||
      line_end == std::string_view::npos) {
    return std::string(message);
  }
  const std::string_view rest = message.substr(line_end + 2);
  return rest.starts_with(name) ? std::string(rest) : StrCat(name, ": ", rest);
}

// The member of `table` that `given` names, and its argument: "leaky_relu:0.3".
template <typename T>
struct Choice {
  const T* entry = nullptr;
  double argument = 0;
};
template <typename T, size_t n>
absl::StatusOr<Choice<T>> Choose(std::string_view flag,
                                 const std::string& given,
                                 const T (&table)[n]) {
  const std::vector<std::string_view> parts = SplitAt(given, ':');
  std::vector<std::string_view> known;
  for (const T& entry : table) {
    known.push_back(entry.name);
    if (entry.name != parts[0]) continue;
    const bool takes_one = entry.argument.has_value();
    if (parts.size() > (takes_one ? 2u : 1u)) {
      return BadFlag(flag, given, entry.name,
                     takes_one ? " takes one argument" : " takes no argument");
    }
    if (parts.size() == 1) {
      return Choice<T>{&entry, entry.argument.value_or(0)};
    }
    const std::optional<double> number = ParseFinite(parts[1]);
    if (!number.has_value()) {
      return BadFlag(flag, given, "'", parts[1], "' is no finite number");
    }
    return Choice<T>{&entry, *number};
  }
  return UnknownName(flag, given, parts[0], known);
}

absl::StatusOr<std::function<Value(const Value&)>> ParseActivation(
    const std::string& given) {
  const std::vector<std::string_view> parts = SplitAt(given, ':');
  std::vector<std::string_view> listed;
  for (const Activation& activation : kActivations) {
    listed.push_back(activation.name);
  }
  if (std::find(listed.begin(), listed.end(), parts[0]) == listed.end()) {
    return RegisteredActivation(given, parts, listed);
  }
  EVENGRAD_ASSIGN_OR_RETURN(const Choice<Activation> choice,
                            Choose("activation", given, kActivations));
  auto add = [choice](const Value& input) {
    return choice.entry->add(input, choice.argument);
  };
  const std::string mistake = Mistake(
      choice.entry->name, [&](const Value& x, const Graph&) { add(x); });
  if (!mistake.empty()) return BadFlag("activation", given, mistake);
  return add;
}

absl::StatusOr<std::function<Value(const Value&, const Value&)>> ParseLoss(
    const std::string& given) {
  EVENGRAD_ASSIGN_OR_RETURN(const Choice<Loss> choice,
                            Choose("loss", given, kLosses));
  auto add = [choice](const Value& logits, const Value& labels) {
    return choice.entry->add(logits, labels, choice.argument);
  };
  const std::string mistake =
      Mistake(choice.entry->name, [&](const Value& x, const Graph& graph) {
        add(x, Placeholder(graph, "labels", I32({1})));
      });
  if (!mistake.empty()) return BadFlag("loss", given, mistake);
  return add;
}

// "none", "before", "after:keras".
absl::Status ParseBatchNorm(const TrainFlags& flags, TrainOptions& options) {
  const std::string& given = flags.batch_norm;
  const std::vector<std::string_view> parts = SplitAt(given, ':');
  if (parts[0] == "before") {
    options.batch_norm_place = BatchNormPlace::kBefore;
  } else if (parts[0] == "after") {
    options.batch_norm_place = BatchNormPlace::kAfter;
  } else if (parts[0] != "none") {
    return UnknownName("batch-norm", given, parts[0],
                       {"none", "before", "after"});
  }
  if (parts.size() > 1) {
    if (parts.size() > 2 || (parts[1] != "keras" && parts[1] != "pytorch")) {
      return BadFlag("batch-norm", given, "expected keras or pytorch after '",
                     parts[0], ":': whose epsilon and momentum",
                     DidYouMean(parts[1], {"keras", "pytorch"}));
    }
    if (parts[1] == "keras") options.batch_norm = BatchNormOptions::Keras();
  }
  options.batch_norm_input = flags.batch_norm_input;
  return absl::OkStatus();
}

absl::Status ParseDropout(const TrainFlags& flags, TrainOptions& options) {
  for (const auto& [flag, share] :
       {std::pair{"dropout", flags.dropout},
        std::pair{"alpha-dropout", flags.alpha_dropout}}) {
    if (share >= 0 && share < 1) continue;
    return BadFlag(flag, StrCat(share), "expected a share from 0 to below 1");
  }
  if (flags.dropout > 0 && flags.alpha_dropout > 0) {
    return BadFlag("alpha-dropout", StrCat(flags.alpha_dropout),
                   "--dropout is given too; leave one of them out");
  }
  options.dropout = flags.dropout;
  options.alpha_dropout = flags.alpha_dropout;
  return absl::OkStatus();
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

// --clip=suggest ends before there is a network to keep or to test.
absl::Status CheckSuggestion(const TrainFlags& flags) {
  if (!flags.checkpoint.empty()) {
    return BadFlag("clip", flags.clip,
                   "proposes a threshold and ends: there is no run to keep; "
                   "leave out --checkpoint");
  }
  for (const auto& [flag, given] : {std::pair{"--top-k", flags.top_k > 0},
                                    std::pair{"--confusion", flags.confusion},
                                    std::pair{"--test", !flags.test.empty()}}) {
    if (!given) continue;
    return BadFlag("clip", flags.clip,
                   "proposes a threshold and ends: there is no test; leave "
                   "out ",
                   flag);
  }
  return absl::OkStatus();
}

absl::Status ParseClipping(const TrainFlags& flags, TrainOptions& options) {
  EVENGRAD_ASSIGN_OR_RETURN(options.clip, ParseClip(flags.clip));
  if (options.clip.hook != nullptr) options.hooks.push_back(options.clip.hook);
  return options.clip.suggest_steps > 0 ? CheckSuggestion(flags)
                                        : absl::OkStatus();
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
  for (const auto& [flag, path] : {std::pair{"csv", &flags.csv},
                                   std::pair{"tensorboard", &flags.tensorboard},
                                   std::pair{"report", &flags.report}}) {
    if (!path->empty() && flags.statistics_every == 0) {
      return BadFlag(flag, *path,
                     "there are no statistics to write; give "
                     "--statistics-every=100");
    }
  }
  return absl::OkStatus();
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
  if (!flags.checkpoint.empty()) {
    return BadFlag("early-stopping", given,
                   "checkpoints do not hold the parameters of the best epoch; "
                   "leave out --checkpoint");
  }
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
  for (const auto& [flag, count] :
       {std::pair{"checkpoint-every", flags.checkpoint_every},
        std::pair{"recompute", flags.recompute},
        std::pair{"keep", flags.keep.value_or(0)}}) {
    if (count < 0 || count > kMost) {
      return BadFlag(flag, StrCat(count), "expected 0 to ", kMost);
    }
  }
  for (const auto& [flag, given] :
       {std::pair{"resume", flags.resume},
        std::pair{"checkpoint-every", flags.checkpoint_every > 0},
        std::pair{"keep", flags.keep.has_value()}}) {
    if (!given || !flags.checkpoint.empty()) continue;
    return InvalidArgument("--", flag,
                           ": name the folder with --checkpoint=DIR");
  }
  if (!flags.test.empty() && !flags.test.ends_with(".npz") &&
      !flags.test.ends_with(".csv")) {
    return BadFlag("test", flags.test, "expected an .npz or .csv file");
  }
  return CheckThreads(flags.threads);
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
  const absl::StatusOr<LayerInitializers> initializers =
      LayerInitializersByName(flags.initializer);
  if (!initializers.ok()) {
    return BadFlag("initializer", flags.initializer,
                   Message(initializers.status()));
  }
  options.initializers = *initializers;
  EVENGRAD_RETURN_IF_ERROR(ParseBatchNorm(flags, options));
  EVENGRAD_RETURN_IF_ERROR(ParseDropout(flags, options));
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
  EVENGRAD_ASSIGN_OR_RETURN(options.precision, ParsePrecision(flags.precision));
  EVENGRAD_RETURN_IF_ERROR(ParseClipping(flags, options));
  EVENGRAD_ASSIGN_OR_RETURN(options.non_finite.policy,
                            ParseNonFinite(flags.non_finite));
  options.non_finite.exempt = flags.exempt;
  EVENGRAD_RETURN_IF_ERROR(CheckStatistics(flags));
  if (flags.check_numerics) {
    options.hooks.push_back(CheckNumerics({.exempt = flags.exempt}));
  }
  return options;
}

}  // namespace evengrad::tools
