// Clipping of gradients by their global norm (Pascanu, Mikolov and Bengio,
// 2013).
#ifndef EVENGRAD_RUNTIME_HOOKS_CLIP_BY_GLOBAL_NORM_H_
#define EVENGRAD_RUNTIME_HOOKS_CLIP_BY_GLOBAL_NORM_H_

#include <memory>

#include "evengrad/graph/export.h"
#include "evengrad/runtime/hook.h"

namespace evengrad {

// Multiplies every gradient by max_norm / max(norm, max_norm), where norm is
// the square root of the sum of squares of all gradients. A norm of infinity
// makes finite gradients 0 and infinite ones NaN, a NaN makes all of them so.
// Reports under "clip_by_global_norm" (see clip_gradients.h).
//
// Error when instrumenting: max_norm is not a finite number above 0.
EVENGRAD_EXPORT std::shared_ptr<Hook> ClipByGlobalNorm(double max_norm);

}  // namespace evengrad

#endif  // EVENGRAD_RUNTIME_HOOKS_CLIP_BY_GLOBAL_NORM_H_
