// Constraints: what parameters are kept to, whatever the optimizer makes of
// them. They belong to a group of parameters:
//
//   Minimize(loss, Sgd{.learning_rate = 0.1},
//            {.groups = {{.pattern = "hidden*/weights",
//                         .constraint = MaxNorm(1.0)}}});
#ifndef EVENGRAD_TRAIN_CONSTRAINTS_H_
#define EVENGRAD_TRAIN_CONSTRAINTS_H_

#include <functional>

#include "evengrad/graph/export.h"
#include "evengrad/graph/graph.h"

namespace evengrad {

// Adds the nodes that turn `updated`, what the optimizer has made of a
// parameter, into the value that the parameter gets, which has the same type.
// They are part of the update: fused with it, and skipped with it. The initial
// value is not constrained before the first step.
using Constraint = std::function<Value(const Value& updated)>;

// Scales the weights of each unit that has a norm above `max_norm` down to that
// norm (Srebro and Shraibman, 2005; with dropout: Srivastava et al., 2014):
//
//   w *= max_norm / max(|w|, max_norm)
//
// A unit is a column of a matrix [in, out], the first index of weights of a
// higher rank, and the whole of a vector or scalar. Error: max_norm is not a
// finite number above 0.
EVENGRAD_EXPORT Constraint MaxNorm(double max_norm);

// Gives the weights of each unit the norm 1; those of norm 0 stay.
EVENGRAD_EXPORT Constraint UnitNorm();

// Makes negative elements 0.
EVENGRAD_EXPORT Constraint NonNegative();

}  // namespace evengrad

#endif  // EVENGRAD_TRAIN_CONSTRAINTS_H_
