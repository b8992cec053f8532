// Initial values of parameters, as graph nodes.
//
// Variance scaling: zero mean, variance scale / fan.
//   Glorot (Glorot and Bengio, 2010)  1 / fan_avg   tanh, logistic, softmax
//   He     (He et al., 2015)          2 / fan_in    ReLU and its kin
//   LeCun  (LeCun et al., 1998)       1 / fan_in    SELU
// "Normal" is truncated at two standard deviations and corrected, so that the
// truncated variable has exactly that variance, as in Keras and JAX.
//
// Libraries give other things the same names. What differs has a name that
// begins with the library's (see InitializerByName):
//   pytorch_default            uniform, variance 1 / (3 fan_in); biases too
//   pytorch_kaiming_normal     2 / ((1 + a²) fan_in), not truncated
//   pytorch_xavier_normal      gain² / fan_avg, not truncated
//   keras_default              Glorot's, uniform
//   keras_truncated_normal     truncated, but not corrected (JAX's too)
//   keras_orthogonal           the other way to flatten a kernel
//   mlx_he_normal              1 / fan_in: LeCun's, not truncated
//   tinygrad_kaiming_normal    He's with a = 0.01, not truncated
//   tiny_dnn_lecun             uniform, variance 1 / (3 fan_in)
#ifndef EVENGRAD_OPS_INITIALIZERS_H_
#define EVENGRAD_OPS_INITIALIZERS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "evengrad/graph/export.h"
#include "evengrad/graph/graph.h"
#include "evengrad/graph/source_location.h"

namespace evengrad {

// The average is the arithmetic mean of fan-in and fan-out; the geometric one
// is the root of their product.
enum class Fan : uint8_t { kIn, kOut, kAverage, kGeometricAverage };
enum class Distribution : uint8_t { kUniform, kTruncatedNormal, kNormal };

// How a weight of more than two dimensions becomes the matrix that is made
// orthogonal. Of a matrix both are the same.
enum class Flattening : uint8_t {
  kFirstAxis,  // [first, all others]: PyTorch; [out, in, k…] here
  kLastAxis,   // [all others, last]: Keras, JAX, whose kernels end in `out`
};

// A recipe for an initial value: plain data that is turned into nodes where a
// parameter is made.
struct EVENGRAD_EXPORT Initializer {
  enum class Kind : uint8_t {
    kAuto,
    kConstant,
    kVarianceScaling,
    kUniform,
    kNormal,
    kTruncatedNormal,
    kOrthogonal,
    kIdentity,
    kSparse
  };
  Kind kind = Kind::kAuto;
  double value = 0;  // of kConstant
  // Of kVarianceScaling.
  double scale = 1;
  Fan fan = Fan::kIn;
  Distribution distribution = Distribution::kTruncatedNormal;
  // Of kUniform: in [low, high).
  double low = 0;
  double high = 1;
  // Of kNormal, kTruncatedNormal and, with mean 0, kSparse.
  double mean = 0;
  double deviation = 1;
  // Of kTruncatedNormal: `deviation` is that of the truncated numbers; else of
  // the normal before truncation.
  bool corrected = true;
  // Of kOrthogonal and kIdentity: a factor.
  double gain = 1;
  Flattening flattening = Flattening::kFirstAxis;  // of kOrthogonal
  double sparsity = 0;  // of kSparse: the share of zeros

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
// `slope` is that of the leaky ReLU that follows: 2 / ((1 + slope²) fan_in).
EVENGRAD_EXPORT Initializer HeNormal(double slope = 0);
EVENGRAD_EXPORT Initializer HeUniform(double slope = 0);
EVENGRAD_EXPORT Initializer LeCunNormal();
EVENGRAD_EXPORT Initializer LeCunUniform();
EVENGRAD_EXPORT Initializer UniformInitializer(double low, double high);
EVENGRAD_EXPORT Initializer NormalInitializer(double mean, double deviation);
// Truncated at two standard deviations.
EVENGRAD_EXPORT Initializer TruncatedNormalInitializer(double mean,
                                                       double deviation,
                                                       bool corrected = true);
// Uniform over the matrices with orthonormal columns (rows, where there are
// more columns), times `gain`: keeps the norm of what passes, and of its
// gradient (Saxe, McClelland and Ganguli, 2013).
EVENGRAD_EXPORT Initializer OrthogonalInitializer(
    double gain = 1, Flattening flattening = Flattening::kFirstAxis);
// A matrix with `gain` on its diagonal (Le, Jaitly and Hinton, 2015).
EVENGRAD_EXPORT Initializer IdentityInitializer(double gain = 1);
// A normal matrix with ceil(sparsity * rows) zeros in each column, that is, for
// each unit of weights[in, out] (Martens, 2010). PyTorch's acts on [out, in].
EVENGRAD_EXPORT Initializer SparseInitializer(double sparsity,
                                              double deviation = 0.01);
// What torch.nn.Linear starts with, weights and bias: kaiming_uniform of slope
// sqrt(5), which is uniform within ±1 / sqrt(fan_in).
EVENGRAD_EXPORT Initializer PyTorchDefault();

// By name: "auto", "zeros", "glorot_normal", …; some take a number after a
// colon: "orthogonal:1.4", "he_normal:0.3" (a slope), "uniform:0.05" (a limit),
// "normal:0.02" (a deviation), "sparse:0.9". An error suggests the nearest
// name.
EVENGRAD_EXPORT absl::StatusOr<Initializer> InitializerByName(
    std::string_view name);
EVENGRAD_EXPORT std::vector<std::string_view> InitializerNames();

// What a name stands for in a whole network.
struct LayerInitializers {
  Initializer weights = {};
  Initializer bias = Zeros();
  // The name is a library's default, which the last layer has too.
  bool last_layer = false;
};
EVENGRAD_EXPORT absl::StatusOr<LayerInitializers> LayerInitializersByName(
    std::string_view name);

// How a weight is used.
//   matrix       [in, out]                transposed: [out, in]
//   kernel       [out, in / groups, k…]   transposed: [in, out / groups, k…]
struct WeightLayout {
  bool transposed = false;  // of a matrix or convolution
  int64_t groups = 1;       // of a convolution: independent parts of channels
};

// How many inputs an output sees, and how many outputs an input reaches. For a
// kernel, channels of one group times the receptive field. (PyTorch's fan-out
// of a grouped kernel is `groups` times as large, and it swaps the fans of a
// transposed one; without a layout these are what it has.)
struct Fans {
  double in = 0;
  double out = 0;
};
// Errors: fewer than two dimensions, open ones, a zero fan, groups that do not
// divide the first axis or are given for a matrix.
EVENGRAD_EXPORT absl::StatusOr<Fans> ComputeFans(
    const Shape& shape, const WeightLayout& layout = {});

struct InitializerOptions {
  std::string_view name = "initial";
  WeightLayout layout = {};
  // Instead of those of the shape: for a bias, the fans of its weights.
  std::optional<Fans> fans = {};
};

// Appends the nodes of `initializer` for a value of `type`, named
// "<name>/…". kAuto becomes an auto_initializer node.
EVENGRAD_EXPORT Value AddInitializer(const Graph& graph,
                                     const Initializer& initializer,
                                     const TensorType& type,
                                     const InitializerOptions& options,
                                     SourceLocation location = Here());
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
