// Copies of f32 states in bf16, which mixed precision multiplies by.
#ifndef EVENGRAD_RUNTIME_ROUNDED_STATE_H_
#define EVENGRAD_RUNTIME_ROUNDED_STATE_H_

#include <string>

namespace evengrad {

// Two states of a lowered program. Whoever runs it sees to it that `copy` is
// `state`, rounded, when a run begins; updates of the program keep it so.
struct RoundedState {
  std::string state = {};
  std::string copy = {};
};

}  // namespace evengrad

#endif  // EVENGRAD_RUNTIME_ROUNDED_STATE_H_
