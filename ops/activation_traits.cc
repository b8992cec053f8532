#include "evengrad/ops/activation_traits.h"

#include "evengrad/ops/builtin_ops.h"

namespace evengrad {

ActivationTraits ActivationTraitsOf(const OpDef& op) {
  struct Row {
    const OpDef* op;
    ActivationTraits traits;
  };
  constexpr double kEnd = 1e-6;
  static const Row kRows[] = {
      {&SigmoidOp(), {.low = 0.05, .high = 0.95}},
      {&TanhOp(), {.low = -0.97, .high = 0.97}},
      {&SoftsignOp(), {.low = -0.97, .high = 0.97}},
      {&HardSigmoidOp(), {.low = kEnd, .high = 1 - kEnd}},
      {&HardTanhOp(), {.low = -1 + kEnd, .high = 1 - kEnd}},
      {&Relu6Op(), {.low = -1, .high = 6 - 6 * kEnd, .can_die = true}},
      {&ReluOp(), {.can_die = true}},
  };
  for (const Row& row : kRows) {
    if (row.op == &op) return row.traits;
  }
  return {};
}

}  // namespace evengrad
