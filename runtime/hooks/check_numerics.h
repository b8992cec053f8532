// Stops at the first number that is not finite.
#ifndef EVENGRAD_RUNTIME_HOOKS_CHECK_NUMERICS_H_
#define EVENGRAD_RUNTIME_HOOKS_CHECK_NUMERICS_H_

#include <memory>
#include <string>
#include <vector>

#include "evengrad/graph/export.h"
#include "evengrad/runtime/hook.h"

namespace evengrad {

struct CheckNumericsOptions {
  // Names of nodes whose NaN and infinities are intended, such as masks: '*'
  // stands for any characters, '?' for one.
  std::vector<std::string> exempt = {};
};

// Looks at every floating value of every step, from the feeds to the updates of
// the parameters, and ends the run with an error that describes the first node,
// forward or backward, that makes a NaN or an infinity from finite inputs: a
// NonFiniteReport (runtime/numerics_check.h) as text. Costs a few times the
// step itself.
EVENGRAD_EXPORT std::shared_ptr<Hook> CheckNumerics(
    CheckNumericsOptions options = {});

}  // namespace evengrad

#endif  // EVENGRAD_RUNTIME_HOOKS_CHECK_NUMERICS_H_
