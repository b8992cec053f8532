// The ops for the command line: evengrad --load-ops=libmyops.so …
#include "my_ops.h"

EVENGRAD_OP_LIBRARY(registry) {
  EVENGRAD_RETURN_IF_ERROR(registry.Register(my_ops::PenalizedTanhOp()));
  EVENGRAD_RETURN_IF_ERROR(registry.Register(my_ops::HadamardOp()));
  return registry.Register(my_ops::UnitRmsOp());
}
