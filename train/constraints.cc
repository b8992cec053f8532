#include "evengrad/train/constraints.h"

#include <cmath>

#include "evengrad/graph/status.h"
#include "evengrad/ops/narrow_types.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/unit_norms.h"

namespace evengrad {

Constraint MaxNorm(double max_norm) {
  return [max_norm](const Value& updated) {
    if (!std::isfinite(max_norm) || max_norm <= 0) {
      return Graph::Of(updated)
          ->Fail(InvalidArgument("MaxNorm: the largest norm is ", max_norm,
                                 ", expected a finite number above 0"))
          .output();
    }
    const Value wide = Widen(updated);
    const Value scale = max_norm / Maximum(UnitNorms(wide), max_norm);
    return CastTo(wide * scale, updated.dtype());
  };
}

Constraint UnitNorm() {
  return [](const Value& updated) {
    const Value wide = Widen(updated);
    const Value norms = UnitNorms(wide);
    const Value scale = 1 / Select(Greater(norms, 0), norms, 1);
    return CastTo(wide * scale, updated.dtype());
  };
}

Constraint NonNegative() {
  return [](const Value& updated) { return Maximum(updated, 0); };
}

}  // namespace evengrad
