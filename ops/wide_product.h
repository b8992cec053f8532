// What mixed precision (Precision::kBF16) has to know of matrix products.
#ifndef EVENGRAD_OPS_WIDE_PRODUCT_H_
#define EVENGRAD_OPS_WIDE_PRODUCT_H_

#include "evengrad/graph/graph.h"

namespace evengrad {

// Whether `node` multiplies two f32 matrices.
bool IsWideProduct(const Node& node);
// The attributes with which its op gives the same product of bf16 matrices,
// still in f32. Requires IsWideProduct(node).
Attributes AttributesForBFloat16(const Node& node);

}  // namespace evengrad

#endif  // EVENGRAD_OPS_WIDE_PRODUCT_H_
