// What statistics want to know about activations: when a unit is saturated, and
// whether it can die.
#ifndef EVENGRAD_OPS_ACTIVATION_TRAITS_H_
#define EVENGRAD_OPS_ACTIVATION_TRAITS_H_

#include "evengrad/graph/export.h"
#include "evengrad/graph/op_def.h"

namespace evengrad {

struct ActivationTraits {
  // An output below `low` or above `high` is saturated: hardly any gradient
  // passes. Equal: the activation does not saturate.
  double low = 0;
  double high = 0;
  // No gradient passes where the output is not positive, so that a unit which
  // is never positive learns no more.
  bool can_die = false;

  bool saturates() const { return low < high; }
};

//   sigmoid                 outside [0.05, 0.95]
//   tanh, softsign          beyond 0.97 in absolute value
//   hard_sigmoid, hard_tanh at an end
//   relu6                   at 6; can die
//   relu                    can die
EVENGRAD_EXPORT ActivationTraits ActivationTraitsOf(const OpDef& op);

}  // namespace evengrad

#endif  // EVENGRAD_OPS_ACTIVATION_TRAITS_H_
