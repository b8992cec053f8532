// Registers an op that nothing can compute.
#include "evengrad/custom_op.h"

EVENGRAD_OP_LIBRARY(registry) {
  static evengrad::OpDef op = {.name = "nothing",
                               .infer_type = evengrad::SameAsInput};
  return registry.Register(op);
}
