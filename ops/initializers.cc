#include "evengrad/ops/initializers.h"

#include <cmath>
#include <numeric>

#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/ops.h"

namespace evengrad {
namespace {

// The standard deviation of a standard normal truncated at two deviations:
// sqrt(1 - 4 phi(2) / erf(sqrt(2))), phi being the normal density.
constexpr double kTruncatedDeviation = 0.87962566103423978;

double Choose(const Fans& fans, Fan fan) {
  switch (fan) {
    case Fan::kIn:
      return fans.in;
    case Fan::kOut:
      return fans.out;
    case Fan::kGeometricAverage:
      return std::sqrt(fans.in * fans.out);
    case Fan::kAverage:
      break;
  }
  return (fans.in + fans.out) / 2;
}

absl::Status CheckPositive(std::string_view what, double value) {
  if (value > 0 && std::isfinite(value)) return absl::OkStatus();
  return InvalidArgument(what, " must be positive and finite, not ", value);
}

absl::Status CheckFloating(const TensorType& type) {
  if (IsFloating(type.dtype)) return absl::OkStatus();
  return InvalidArgument("random weights are f32, f64 or bf16, not ",
                         Name(type.dtype));
}

absl::Status CheckMatrix(std::string_view what, const TensorType& type) {
  if (type.rank() != 2) {
    return InvalidArgument(what, " is a matrix, ", type.ToString(),
                           " has rank ", type.rank());
  }
  return ComputeFans(type.shape).status();
}

// The nodes of one initializer. Every function returns the value that `type`
// describes, or says what is wrong with the recipe.
class Builder {
 public:
  Builder(const Graph& graph, const TensorType& type,
          const InitializerOptions& options)
      : graph_(graph), type_(type), options_(options) {}

  absl::StatusOr<Value> Build(const Initializer& initializer) const {
    using Kind = Initializer::Kind;
    if (initializer.kind == Kind::kAuto) return Auto();
    if (initializer.kind == Kind::kConstant) {
      return ConstantValue(initializer.value);
    }
    EVENGRAD_RETURN_IF_ERROR(CheckFloating(type_));
    switch (initializer.kind) {
      case Kind::kVarianceScaling:
        return Scaled(initializer);
      case Kind::kUniform:
        return RandomUniform(graph_, type_, initializer.low, initializer.high);
      case Kind::kNormal:
        return RandomNormal(graph_, type_, initializer.mean,
                            initializer.deviation);
      case Kind::kTruncatedNormal:
        return RandomTruncatedNormal(
            graph_, type_, initializer.mean,
            initializer.deviation /
                (initializer.corrected ? kTruncatedDeviation : 1));
      case Kind::kOrthogonal:
        return Orthogonal(initializer);
      case Kind::kIdentity:
        return Identity(initializer.gain);
      case Kind::kSparse:
        return Sparse(initializer);
      case Kind::kAuto:
      case Kind::kConstant:
        break;
    }
    return InvalidArgument("unknown kind of initializer");
  }

 private:
  absl::StatusOr<Value> Auto() const {
    if (options_.fans.has_value()) {
      return InvalidArgument(
          "the automatic initializer takes its fans from the shape; give "
          "another one");
    }
    return Graph(graph_)
        .Add(AutoInitializerOp(), {},
             {{"dtype", type_.dtype},
              {"shape", type_.shape},
              {"transposed", options_.layout.transposed},
              {"groups", options_.layout.groups}})
        .output();
  }

  absl::StatusOr<Value> ConstantValue(double value) const {
    if (!std::isfinite(value)) {
      return InvalidArgument("the initial value ", value, " is not finite");
    }
    const Value scalar = Constant(graph_, value, type_.dtype);
    return type_.rank() == 0 ? scalar : BroadcastTo(scalar, type_.shape);
  }

  absl::StatusOr<Value> Scaled(const Initializer& initializer) const {
    EVENGRAD_RETURN_IF_ERROR(
        CheckPositive("scale of the variance", initializer.scale));
    Fans fans;
    if (options_.fans.has_value()) {
      fans = *options_.fans;
    } else {
      EVENGRAD_ASSIGN_OR_RETURN(fans,
                                ComputeFans(type_.shape, options_.layout));
    }
    const double chosen = Choose(fans, initializer.fan);
    EVENGRAD_RETURN_IF_ERROR(CheckPositive("the fan", chosen));
    const double variance = initializer.scale / chosen;
    const double deviation = std::sqrt(variance);
    switch (initializer.distribution) {
      case Distribution::kUniform: {
        const double limit = std::sqrt(3 * variance);
        return RandomUniform(graph_, type_, -limit, limit);
      }
      case Distribution::kNormal:
        return RandomNormal(graph_, type_, 0, deviation);
      case Distribution::kTruncatedNormal:
        break;
    }
    return RandomTruncatedNormal(graph_, type_, 0,
                                 deviation / kTruncatedDeviation);
  }

  absl::StatusOr<Value> Orthogonal(const Initializer& initializer) const {
    EVENGRAD_RETURN_IF_ERROR(CheckPositive("gain", initializer.gain));
    EVENGRAD_RETURN_IF_ERROR(ComputeFans(type_.shape).status());
    EVENGRAD_ASSIGN_OR_RETURN(const std::vector<int64_t> sizes,
                              type_.shape.Sizes());
    EVENGRAD_ASSIGN_OR_RETURN(const int64_t elements,
                              type_.shape.NumElements());
    const Shape flat = initializer.flattening == Flattening::kFirstAxis
                           ? Shape({sizes.front(), elements / sizes.front()})
                           : Shape({elements / sizes.back(), sizes.back()});
    // bf16 would round away the independence of the numbers.
    const bool narrow = type_.dtype == DType::kBF16;
    const DType dtype = narrow ? DType::kF32 : type_.dtype;
    Value value = Orthogonalize(RandomNormal(graph_, {dtype, flat}));
    if (initializer.gain != 1) value = initializer.gain * value;
    if (narrow) value = Cast(value, type_.dtype);
    return flat == type_.shape ? value : Reshape(value, type_.shape);
  }

  absl::StatusOr<Value> Identity(double gain) const {
    if (!std::isfinite(gain)) {
      return InvalidArgument("gain must be finite, not ", gain);
    }
    EVENGRAD_RETURN_IF_ERROR(CheckMatrix("an identity", type_));
    EVENGRAD_ASSIGN_OR_RETURN(const std::vector<int64_t> sizes,
                              type_.shape.Sizes());
    EVENGRAD_ASSIGN_OR_RETURN(Tensor places, Tensor::Zeros(I64({sizes[0]})));
    EVENGRAD_ASSIGN_OR_RETURN(const std::span<int64_t> rows,
                              places.mutable_values<int64_t>());
    std::iota(rows.begin(), rows.end(), 0);
    const Value ones = OneHot(Constant(graph_, places), sizes[1], type_.dtype);
    return gain == 1 ? ones : gain * ones;
  }

  absl::StatusOr<Value> Sparse(const Initializer& initializer) const {
    const double sparsity = initializer.sparsity;
    if (!(sparsity >= 0 && sparsity <= 1)) {
      return InvalidArgument("sparsity is a share from 0 to 1, not ", sparsity);
    }
    EVENGRAD_RETURN_IF_ERROR(CheckPositive("deviation", initializer.deviation));
    EVENGRAD_RETURN_IF_ERROR(CheckMatrix("a sparse weight", type_));
    const double rows = static_cast<double>(type_.shape[0].size());
    return RandomNormal(graph_, type_, 0, initializer.deviation) *
           RandomMask(graph_, type_,
                      static_cast<int64_t>(std::ceil(sparsity * rows)));
  }

  const Graph graph_;
  const TensorType& type_;
  const InitializerOptions& options_;
};

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
Initializer HeNormal(double slope) {
  return VarianceScaling(2 / (1 + slope * slope), Fan::kIn,
                         Distribution::kTruncatedNormal);
}
Initializer HeUniform(double slope) {
  return VarianceScaling(2 / (1 + slope * slope), Fan::kIn,
                         Distribution::kUniform);
}
Initializer LeCunNormal() {
  return VarianceScaling(1, Fan::kIn, Distribution::kTruncatedNormal);
}
Initializer LeCunUniform() {
  return VarianceScaling(1, Fan::kIn, Distribution::kUniform);
}
Initializer UniformInitializer(double low, double high) {
  return {.kind = Initializer::Kind::kUniform, .low = low, .high = high};
}
Initializer NormalInitializer(double mean, double deviation) {
  return {
      .kind = Initializer::Kind::kNormal, .mean = mean, .deviation = deviation};
}
Initializer TruncatedNormalInitializer(double mean, double deviation,
                                       bool corrected) {
  return {.kind = Initializer::Kind::kTruncatedNormal,
          .mean = mean,
          .deviation = deviation,
          .corrected = corrected};
}
Initializer OrthogonalInitializer(double gain, Flattening flattening) {
  return {.kind = Initializer::Kind::kOrthogonal,
          .gain = gain,
          .flattening = flattening};
}
Initializer IdentityInitializer(double gain) {
  return {.kind = Initializer::Kind::kIdentity, .gain = gain};
}
Initializer SparseInitializer(double sparsity, double deviation) {
  return {.kind = Initializer::Kind::kSparse,
          .deviation = deviation,
          .sparsity = sparsity};
}
Initializer PyTorchDefault() { return HeUniform(std::sqrt(5.0)); }

Value AddInitializer(const Graph& graph, const Initializer& initializer,
                     const TensorType& type, const InitializerOptions& options,
                     SourceLocation location) {
  const std::string error_prefix = graph.ErrorPrefix(options.name, location);
  LocationScope at(graph, location);
  NameScope scope(graph, options.name);
  absl::StatusOr<Value> value =
      Builder(graph, type, options).Build(initializer);
  if (value.ok()) return *value;
  return graph.Fail(value.status(), error_prefix).output();
}

Value AddInitializer(const Graph& graph, const Initializer& initializer,
                     const TensorType& type, std::string_view name,
                     SourceLocation location) {
  return AddInitializer(graph, initializer, type,
                        InitializerOptions{.name = name}, location);
}

}  // namespace evengrad
