// Norms of the weights of single units.
#ifndef EVENGRAD_OPS_UNIT_NORMS_H_
#define EVENGRAD_OPS_UNIT_NORMS_H_

#include "evengrad/graph/export.h"
#include "evengrad/graph/graph.h"

namespace evengrad {

// The Euclidean norm of the weights of each output unit, of a shape that
// broadcasts to that of `weights`. A unit is a column of a matrix [in, out],
// the first index of weights of a higher rank, and the whole of a vector or
// scalar.
EVENGRAD_EXPORT Value UnitNorms(const Value& weights);

}  // namespace evengrad

#endif  // EVENGRAD_OPS_UNIT_NORMS_H_
