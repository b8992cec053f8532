// Initial values of parameters, as graph nodes.
//
// Variance scaling: zero mean, variance scale / fan.
//   Glorot (Glorot and Bengio, 2010)  1 / fan_avg   tanh, logistic, softmax
//   He     (He et al., 2015)          2 / fan_in    ReLU and its kin
//   LeCun  (LeCun et al., 1998)       1 / fan_in    SELU
// "Normal" is truncated at two standard deviations and corrected, so that the
// truncated variable has exactly that variance.
#ifndef EVENGRAD_OPS_INITIALIZERS_H_
#define EVENGRAD_OPS_INITIALIZERS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "evengrad/graph/export.h"
#include "evengrad/graph/graph.h"
#include "evengrad/graph/source_location.h"

namespace evengrad {

enum class Fan : uint8_t { kIn, kOut, kAverage };
enum class Distribution : uint8_t { kUniform, kTruncatedNormal, kNormal };

// A recipe for an initial value: plain data that is turned into nodes where a
// parameter is made.
struct EVENGRAD_EXPORT Initializer {
  enum class Kind : uint8_t { kAuto, kConstant, kVarianceScaling };
  Kind kind = Kind::kAuto;
  double value = 0;  // of kConstant
  // Of kVarianceScaling.
  double scale = 1;
  Fan fan = Fan::kIn;
  Distribution distribution = Distribution::kTruncatedNormal;

  friend bool operator==(const Initializer&, const Initializer&) = default;
};

// Chosen by the op that follows the layer (see ResolveInitializers).
EVENGRAD_EXPORT Initializer AutoInitializer();
EVENGRAD_EXPORT Initializer Zeros();
EVENGRAD_EXPORT Initializer ConstantInitializer(double value);
EVENGRAD_EXPORT Initializer VarianceScaling(double scale, Fan fan,
                                            Distribution distribution);
EVENGRAD_EXPORT Initializer GlorotNormal();
EVENGRAD_EXPORT Initializer GlorotUniform();
EVENGRAD_EXPORT Initializer HeNormal();
EVENGRAD_EXPORT Initializer HeUniform();
EVENGRAD_EXPORT Initializer LeCunNormal();
EVENGRAD_EXPORT Initializer LeCunUniform();

// By name: "auto", "zeros", "glorot_normal", … An error suggests the nearest.
EVENGRAD_EXPORT absl::StatusOr<Initializer> InitializerByName(
    std::string_view name);
EVENGRAD_EXPORT std::vector<std::string_view> InitializerNames();

// fan_in and fan_out of a weight of `shape`: [in, out] for a matrix, and
// [out, in, k…] for a convolution kernel, whose fans are multiplied by the
// receptive field. Errors: fewer than two dimensions, open ones, a zero fan.
struct Fans {
  double in = 0;
  double out = 0;
};
EVENGRAD_EXPORT absl::StatusOr<Fans> ComputeFans(const Shape& shape);

// Appends the nodes of `initializer` for a value of `type`, named
// "<name>/…". kAuto becomes an auto_initializer node.
EVENGRAD_EXPORT Value AddInitializer(const Graph& graph,
                                     const Initializer& initializer,
                                     const TensorType& type,
                                     std::string_view name = "initial",
                                     SourceLocation location = Here());

// Replaces every auto_initializer of a state by the one that suits the op which
// follows: behind the layer that reads the state, the sole reader is followed
// through ops with HintFlow::kPass to the first op with an initializer_hint;
// Glorot (uniform) where there is none, or where several layers that share the
// state have different ones. Normal for He and LeCun. Readers that lead to no
// hint (a penalty on weights), gradients and ops that read only a type don't
// count. The new nodes are named "<state>/initial/…", so that a parameter's
// random numbers depend on its name alone. Only appends nodes and changes
// states' initializers.
EVENGRAD_EXPORT absl::Status ResolveInitializers(Graph& graph);

}  // namespace evengrad

#endif  // EVENGRAD_OPS_INITIALIZERS_H_
