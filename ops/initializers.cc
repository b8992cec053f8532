#include "evengrad/ops/initializers.h"

#include <array>
#include <cmath>

#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/graph/suggest.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/ops.h"

namespace evengrad {
namespace {

// The standard deviation of a standard normal truncated at two deviations:
// sqrt(1 - 4 phi(2) / erf(sqrt(2))), phi being the normal density.
constexpr double kTruncatedDeviation = 0.87962566103423978;

struct NamedInitializer {
  std::string_view name;
  Initializer (*make)();
};
constexpr std::array<NamedInitializer, 8> kInitializers = {
    {{"auto", AutoInitializer},
     {"zeros", Zeros},
     {"glorot_normal", GlorotNormal},
     {"glorot_uniform", GlorotUniform},
     {"he_normal", HeNormal},
     {"he_uniform", HeUniform},
     {"lecun_normal", LeCunNormal},
     {"lecun_uniform", LeCunUniform}}};

double Choose(const Fans& fans, Fan fan) {
  switch (fan) {
    case Fan::kIn:
      return fans.in;
    case Fan::kOut:
      return fans.out;
    case Fan::kAverage:
      break;
  }
  return (fans.in + fans.out) / 2;
}

absl::StatusOr<double> Variance(const Initializer& initializer,
                                const TensorType& type) {
  if (!IsFloating(type.dtype)) {
    return InvalidArgument("random weights are f32, f64 or bf16, not ",
                           Name(type.dtype));
  }
  if (!(initializer.scale > 0) || !std::isfinite(initializer.scale)) {
    return InvalidArgument("scale = ", initializer.scale,
                           " of the variance must be positive and finite");
  }
  EVENGRAD_ASSIGN_OR_RETURN(const Fans fans, ComputeFans(type.shape));
  return initializer.scale / Choose(fans, initializer.fan);
}

Value AddVarianceScaling(const Graph& graph, Distribution distribution,
                         double variance, const TensorType& type) {
  const double deviation = std::sqrt(variance);
  switch (distribution) {
    case Distribution::kUniform: {
      const double limit = std::sqrt(3 * variance);
      return RandomUniform(graph, type, -limit, limit);
    }
    case Distribution::kNormal:
      return RandomNormal(graph, type, 0, deviation);
    case Distribution::kTruncatedNormal:
      break;
  }
  return RandomTruncatedNormal(graph, type, 0, deviation / kTruncatedDeviation);
}

Value AddConstant(const Graph& graph, double value, const TensorType& type) {
  const Value scalar = Constant(graph, value, type.dtype);
  return type.rank() == 0 ? scalar : BroadcastTo(scalar, type.shape);
}

}  // namespace

Initializer AutoInitializer() { return {}; }
Initializer Zeros() { return ConstantInitializer(0); }
Initializer ConstantInitializer(double value) {
  return {.kind = Initializer::Kind::kConstant, .value = value};
}
Initializer VarianceScaling(double scale, Fan fan, Distribution distribution) {
  return {.kind = Initializer::Kind::kVarianceScaling,
          .scale = scale,
          .fan = fan,
          .distribution = distribution};
}
Initializer GlorotNormal() {
  return VarianceScaling(1, Fan::kAverage, Distribution::kTruncatedNormal);
}
Initializer GlorotUniform() {
  return VarianceScaling(1, Fan::kAverage, Distribution::kUniform);
}
Initializer HeNormal() {
  return VarianceScaling(2, Fan::kIn, Distribution::kTruncatedNormal);
}
Initializer HeUniform() {
  return VarianceScaling(2, Fan::kIn, Distribution::kUniform);
}
Initializer LeCunNormal() {
  return VarianceScaling(1, Fan::kIn, Distribution::kTruncatedNormal);
}
Initializer LeCunUniform() {
  return VarianceScaling(1, Fan::kIn, Distribution::kUniform);
}

absl::StatusOr<Initializer> InitializerByName(std::string_view name) {
  for (const NamedInitializer& known : kInitializers) {
    if (known.name == name) return known.make();
  }
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

std::vector<std::string_view> InitializerNames() {
  std::vector<std::string_view> names;
  for (const NamedInitializer& known : kInitializers) {
    names.push_back(known.name);
  }
  return names;
}

absl::StatusOr<Fans> ComputeFans(const Shape& shape) {
  if (shape.rank() < 2) {
    return InvalidArgument(
        "a weight of shape ", shape.ToString(),
        " has no fan-in and fan-out: expected two dimensions or more; give a "
        "constant initializer or one of your own");
  }
  EVENGRAD_ASSIGN_OR_RETURN(const std::vector<int64_t> sizes, shape.Sizes());
  double field = 1;
  for (size_t i = 2; i < sizes.size(); ++i) {
    field *= static_cast<double>(sizes[i]);
  }
  const bool matrix = sizes.size() == 2;
  const Fans fans = {.in = field * static_cast<double>(sizes[matrix ? 0 : 1]),
                     .out = field * static_cast<double>(sizes[matrix ? 1 : 0])};
  if (!(fans.in > 0) || !(fans.out > 0)) {
    return InvalidArgument("a weight of shape ", shape.ToString(),
                           " has a fan-in of ", fans.in, " and a fan-out of ",
                           fans.out, "; both must be positive");
  }
  return fans;
}

Value AddInitializer(const Graph& graph, const Initializer& initializer,
                     const TensorType& type, std::string_view name,
                     SourceLocation location) {
  LocationScope at(graph, location);
  NameScope scope(graph, name);
  auto fail = [&](const absl::Status& status) {
    return graph
        .Fail(status, StrCat(location.ToString(), location.known() ? ": " : "",
                             name, ": "))
        .output();
  };
  switch (initializer.kind) {
    case Initializer::Kind::kAuto:
      return Graph(graph)
          .Add(AutoInitializerOp(), {},
               {{"dtype", type.dtype}, {"shape", type.shape}})
          .output();
    case Initializer::Kind::kConstant:
      if (!std::isfinite(initializer.value)) {
        return fail(InvalidArgument("the initial value ", initializer.value,
                                    " is not finite"));
      }
      return AddConstant(graph, initializer.value, type);
    case Initializer::Kind::kVarianceScaling:
      break;
  }
  const absl::StatusOr<double> variance = Variance(initializer, type);
  if (!variance.ok()) return fail(variance.status());
  return AddVarianceScaling(graph, initializer.distribution, *variance, type);
}

}  // namespace evengrad
