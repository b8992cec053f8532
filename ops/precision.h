// The element types in which products are computed.
#ifndef EVENGRAD_OPS_PRECISION_H_
#define EVENGRAD_OPS_PRECISION_H_

#include "evengrad/graph/export.h"

namespace evengrad {

enum class Precision {
  kF32,
  // Mixed: f32 matrices are rounded to bf16 where they are multiplied, and
  // products added up in f32. All else, weights among it, stays f32.
  kBF16,
};

// Whether this CPU multiplies bf16 matrices itself (x86: AVX512_BF16, AMX).
// Elsewhere Precision::kBF16 computes the same with plain loops, slowly.
EVENGRAD_EXPORT bool HasBFloat16Products();

}  // namespace evengrad

#endif  // EVENGRAD_OPS_PRECISION_H_
