#include <array>
#include <charconv>
#include <cmath>
#include <optional>

#include "evengrad/graph/status.h"
#include "evengrad/graph/suggest.h"
#include "evengrad/ops/initializers.h"

namespace evengrad {
namespace {

// The argument after the colon.
struct Argument {
  std::string_view meaning = {};  // empty: the name takes none
  std::optional<double> fallback = {};
  double minimum = -HUGE_VAL;
  double maximum = HUGE_VAL;
};

constexpr Argument kNone = {};
constexpr Argument kSlope = {"slope of the leaky ReLU", 0.0};
constexpr Argument kGain = {"gain", 1.0, 0x1p-40};
constexpr Argument kDeviation = {"standard deviation", {}, 0};
constexpr Argument kLimit = {"limit", {}, 0x1p-40};

struct NamedInitializer {
  std::string_view name;
  Argument argument;
  Initializer (*make)(double argument);
};

Initializer HeOf(double slope, Distribution distribution) {
  return VarianceScaling(2 / (1 + slope * slope), Fan::kIn, distribution);
}

Initializer Within(double limit) { return UniformInitializer(-limit, limit); }

constexpr std::array kInitializers = {
    NamedInitializer{"auto", kNone, [](double) { return AutoInitializer(); }},
    NamedInitializer{"zeros", kNone, [](double) { return Zeros(); }},
    NamedInitializer{"constant",
                     {"value"},
                     [](double value) { return ConstantInitializer(value); }},
    NamedInitializer{"uniform", kLimit, Within},
    NamedInitializer{
        "normal", kDeviation,
        [](double deviation) { return NormalInitializer(0, deviation); }},
    NamedInitializer{"truncated_normal", kDeviation,
                     [](double deviation) {
                       return TruncatedNormalInitializer(0, deviation);
                     }},
    NamedInitializer{"glorot_normal", kNone,
                     [](double) { return GlorotNormal(); }},
    NamedInitializer{"glorot_uniform", kNone,
                     [](double) { return GlorotUniform(); }},
    NamedInitializer{"he_normal", kSlope,
                     [](double slope) { return HeNormal(slope); }},
    NamedInitializer{"he_uniform", kSlope,
                     [](double slope) { return HeUniform(slope); }},
    NamedInitializer{"lecun_normal", kNone,
                     [](double) { return LeCunNormal(); }},
    NamedInitializer{"lecun_uniform", kNone,
                     [](double) { return LeCunUniform(); }},
    NamedInitializer{"orthogonal", kGain,
                     [](double gain) { return OrthogonalInitializer(gain); }},
    NamedInitializer{"identity", kGain,
                     [](double gain) { return IdentityInitializer(gain); }},
    NamedInitializer{
        "sparse",
        {"share of zeros", {}, 0, 1},
        [](double sparsity) { return SparseInitializer(sparsity); }},
    // Other libraries' where they differ.
    NamedInitializer{"pytorch_default", kNone,
                     [](double) { return PyTorchDefault(); }},
    NamedInitializer{
        "pytorch_kaiming_normal", kSlope,
        [](double slope) { return HeOf(slope, Distribution::kNormal); }},
    NamedInitializer{
        "pytorch_kaiming_uniform", kSlope,
        [](double slope) { return HeOf(slope, Distribution::kUniform); }},
    NamedInitializer{"pytorch_xavier_normal", kGain,
                     [](double gain) {
                       return VarianceScaling(gain * gain, Fan::kAverage,
                                              Distribution::kNormal);
                     }},
    NamedInitializer{"pytorch_xavier_uniform", kGain,
                     [](double gain) {
                       return VarianceScaling(gain * gain, Fan::kAverage,
                                              Distribution::kUniform);
                     }},
    NamedInitializer{"keras_default", kNone,
                     [](double) { return GlorotUniform(); }},
    NamedInitializer{
        "keras_random_normal",
        {"standard deviation", 0.05, 0},
        [](double deviation) { return NormalInitializer(0, deviation); }},
    NamedInitializer{"keras_random_uniform", {"limit", 0.05, 0x1p-40}, Within},
    NamedInitializer{"keras_truncated_normal",
                     {"standard deviation", 0.05, 0},
                     [](double deviation) {
                       return TruncatedNormalInitializer(0, deviation, false);
                     }},
    NamedInitializer{"keras_orthogonal", kGain,
                     [](double gain) {
                       return OrthogonalInitializer(gain,
                                                    Flattening::kLastAxis);
                     }},
    NamedInitializer{"mlx_he_normal", kNone,
                     [](double) {
                       return VarianceScaling(1, Fan::kIn,
                                              Distribution::kNormal);
                     }},
    NamedInitializer{
        "tinygrad_kaiming_normal",
        {"slope of the leaky ReLU", 0.01},
        [](double slope) { return HeOf(slope, Distribution::kNormal); }},
    NamedInitializer{
        "tinygrad_kaiming_uniform",
        {"slope of the leaky ReLU", 0.01},
        [](double slope) { return HeOf(slope, Distribution::kUniform); }},
    NamedInitializer{"tiny_dnn_lecun", kNone,
                     [](double) {
                       return VarianceScaling(1.0 / 3, Fan::kIn,
                                              Distribution::kUniform);
                     }},
};

absl::Status UnknownName(std::string_view name) {
  const std::string suggestion = DidYouMean(name, InitializerNames());
  if (!suggestion.empty()) {
    return InvalidArgument("unknown initializer '", name, "'", suggestion);
  }
  std::string all;
  for (std::string_view known : InitializerNames()) {
    all += StrCat(all.empty() ? "" : ", ", known);
  }
  return InvalidArgument("unknown initializer '", name, "'; there are ", all);
}

// `text` is what follows the colon; empty without one.
absl::StatusOr<double> ParseArgument(const NamedInitializer& known,
                                     std::optional<std::string_view> text) {
  const Argument& argument = known.argument;
  if (!text.has_value()) {
    if (argument.meaning.empty()) return 0.0;
    if (argument.fallback.has_value()) return *argument.fallback;
    return InvalidArgument("initializer '", known.name, "' wants its ",
                           argument.meaning, ", as in '", known.name, ":0.1'");
  }
  if (argument.meaning.empty()) {
    return InvalidArgument("initializer '", known.name,
                           "' takes no argument, given '", *text, "'");
  }
  double number = 0;
  const char* const end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, number);
  if (error == std::errc() && stop == end && std::isfinite(number) &&
      number >= argument.minimum && number <= argument.maximum) {
    return number;
  }
  return InvalidArgument(
      "initializer '", known.name, "': '", *text, "' is no ", argument.meaning,
      ", expected a finite number",
      argument.maximum < HUGE_VAL
          ? StrCat(" from ", argument.minimum, " to ", argument.maximum)
      : argument.minimum > 0  ? " above 0"
      : argument.minimum == 0 ? " of at least 0"
                              : "");
}

}  // namespace

absl::StatusOr<Initializer> InitializerByName(std::string_view name) {
  const size_t colon = name.find(':');
  std::optional<std::string_view> argument;
  if (colon != std::string_view::npos) {
    argument = name.substr(colon + 1);
    name = name.substr(0, colon);
  }
  for (const NamedInitializer& known : kInitializers) {
    if (known.name != name) continue;
    EVENGRAD_ASSIGN_OR_RETURN(const double number,
                              ParseArgument(known, argument));
    return known.make(number);
  }
  return UnknownName(name);
}

std::vector<std::string_view> InitializerNames() {
  std::vector<std::string_view> names;
  for (const NamedInitializer& known : kInitializers) {
    names.push_back(known.name);
  }
  return names;
}

absl::StatusOr<LayerInitializers> LayerInitializersByName(
    std::string_view name) {
  LayerInitializers layers;
  EVENGRAD_ASSIGN_OR_RETURN(layers.weights, InitializerByName(name));
  layers.last_layer = name.ends_with("_default");
  if (name == "pytorch_default") layers.bias = PyTorchDefault();
  return layers;
}

}  // namespace evengrad
