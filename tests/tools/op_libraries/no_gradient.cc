// Registers an op without a gradient.
#include "evengrad/custom_op.h"

EVENGRAD_OP_LIBRARY(registry) {
  static evengrad::OpDef op = evengrad::TanhOp();
  op.name = "tanh_without_gradient";
  op.gradient = {};
  return registry.Register(op);
}
