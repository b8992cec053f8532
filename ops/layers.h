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

}  // namespace evengrad

#endif  // EVENGRAD_OPS_LAYERS_H_
