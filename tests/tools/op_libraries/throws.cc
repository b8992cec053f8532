// Throws while it registers.
#include <stdexcept>

#include "evengrad/custom_op.h"

EVENGRAD_OP_LIBRARY(registry) {
  throw std::runtime_error("two\nlines");
  return registry.Register(evengrad::TanhOp());
}
