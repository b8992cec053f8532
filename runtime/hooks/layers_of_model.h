// The layers of a model as hooks see them: scopes that own parameters.
#ifndef EVENGRAD_RUNTIME_HOOKS_LAYERS_OF_MODEL_H_
#define EVENGRAD_RUNTIME_HOOKS_LAYERS_OF_MODEL_H_

#include <string>
#include <vector>

#include "evengrad/graph/graph.h"
#include "evengrad/runtime/hook.h"

namespace evengrad {

struct ModelLayer {
  std::string name = {};  // of the scope
  // Trained parameters, in order.
  std::vector<Value> parameters = {};
  // The layer's last value that another layer, or the loss, reads. Elementwise
  // ops of one input that follow the scope's last node (an activation outside
  // the scope) belong to the layer.
  Value output = {};
  // The node that makes the output, or the activation before it: the last
  // elementwise op of one input on the way. Invalid where there is none.
  Node activation = {};
  // No other layer stands between this one and the loss.
  bool is_output = false;
};

// The layers with trained parameters, in the order of their outputs.
std::vector<ModelLayer> LayersOf(Instrumentation& instrumentation);

}  // namespace evengrad

#endif  // EVENGRAD_RUNTIME_HOOKS_LAYERS_OF_MODEL_H_
