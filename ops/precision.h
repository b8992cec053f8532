// The element types in which products are computed.
#ifndef EVENGRAD_OPS_PRECISION_H_
#define EVENGRAD_OPS_PRECISION_H_

#include "evengrad/graph/export.h"

namespace evengrad {

enum class Precision {
  kF32,
  // Mixed: where two f32 matrices are multiplied they are rounded to bf16, and
  // products added up in f32. All else stays f32: weights, products of many
  // matrices (batch_matmul), what is no product.
  kBF16,
};

// Whether this CPU multiplies bf16 matrices itself (x86: AVX512_BF16, AMX).
// Elsewhere Precision::kBF16 computes the same, up to rounding, with plain
// loops, slowly.
EVENGRAD_EXPORT bool HasBFloat16Products();

}  // namespace evengrad

#endif  // EVENGRAD_OPS_PRECISION_H_
