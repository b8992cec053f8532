// Layers: ops and the parameters they own, in one name scope.
#ifndef EVENGRAD_OPS_LAYERS_H_
#define EVENGRAD_OPS_LAYERS_H_

#include <cstdint>
#include <string_view>

#include "evengrad/graph/export.h"
#include "evengrad/graph/graph.h"
#include "evengrad/graph/source_location.h"
#include "evengrad/ops/initializers.h"

namespace evengrad {

struct DenseOptions {
  // Scope of the layer's nodes; empty: the current scope.
  std::string_view name = {};
  bool bias = true;
  Initializer initializer = AutoInitializer();
  Initializer bias_initializer = Zeros();  // with the fans of the weights
};

// input[…, in] · weights[in, units] + bias[units]. The parameters are named
// "weights" and "bias" in the layer's scope.
EVENGRAD_EXPORT Value Dense(const Value& input, int64_t units,
                            const DenseOptions& options = {},
                            SourceLocation location = Here());

struct PreluOptions {
  // Scope of the layer's nodes; empty: the current scope.
  std::string_view name = {};
  // Of the slope: 0.25 in PyTorch and He et al. (2015), 0 in Keras.
  double initial = 0.25;
  // One slope for each index along `axis`, else one for all.
  bool per_channel = false;
  int axis = 1;
};

// x where x > 0, else slope * x, with a learned slope: the parameter "slope",
// of shape [] or [channels].
EVENGRAD_EXPORT Value Prelu(const Value& input,
                            const PreluOptions& options = {},
                            SourceLocation location = Here());

// The defaults are PyTorch's.
struct EVENGRAD_EXPORT BatchNormOptions {
  // Scope of the layer's nodes; empty: the current scope.
  std::string_view name = {};
  int axis = 1;  // of the channels
  double epsilon = 1e-5;
  // The weight of the batch in the running statistics. (Keras calls 1 minus
  // this momentum.)
  double momentum = 0.1;
  // The running variance is of n - 1 degrees of freedom.
  bool unbiased = true;
  bool scale = true;
  bool shift = true;

  static BatchNormOptions PyTorch() { return {}; }
  static BatchNormOptions Keras() {
    return {.axis = -1, .epsilon = 1e-3, .momentum = 0.01, .unbiased = false};
  }
};

// Normalizes each channel: in training by mean and variance of the batch, in
// inference by the states "running_mean" and "running_variance", which training
// programs update. Then multiplies by the parameter "scale" (1 at first) and
// adds "shift" (0 at first), each of shape [channels]. For bf16 inputs all is
// f32 but the output. Ioffe and Szegedy, 2015.
EVENGRAD_EXPORT Value BatchNorm(const Value& input,
                                const BatchNormOptions& options = {},
                                SourceLocation location = Here());

struct LayerNormOptions {
  // Scope of the layer's nodes; empty: the current scope.
  std::string_view name = {};
  int num_axes = 1;  // how many of the last axes are normalized together
  double epsilon = 1e-5;
  bool scale = true;
  bool shift = true;
};

// Normalizes each example over its last axes, then multiplies by the parameter
// "scale" and adds "shift", which have the shape of those axes. For bf16 inputs
// all is f32 but the output. Ba, Kiros and Hinton, 2016.
EVENGRAD_EXPORT Value LayerNorm(const Value& input,
                                const LayerNormOptions& options = {},
                                SourceLocation location = Here());

}  // namespace evengrad

#endif  // EVENGRAD_OPS_LAYERS_H_
