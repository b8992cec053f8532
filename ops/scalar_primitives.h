// Plain loops for what vector code does not cover: all primitives of i64, the
// elementary functions of f64, and power.
#ifndef EVENGRAD_OPS_SCALAR_PRIMITIVES_H_
#define EVENGRAD_OPS_SCALAR_PRIMITIVES_H_

#include "evengrad/ops/vector_primitives.h"

namespace evengrad {

// See FindPrimitive. Null where the primitive has a vector loop.
VectorFunction FindScalarPrimitive(Primitive primitive, DType compute_type,
                                   unsigned scalars);

}  // namespace evengrad

#endif  // EVENGRAD_OPS_SCALAR_PRIMITIVES_H_
