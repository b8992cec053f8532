// The derivatives of a product over axes, of any order.
#ifndef EVENGRAD_OPS_PRODUCT_RULES_H_
#define EVENGRAD_OPS_PRODUCT_RULES_H_

#include <cstdint>
#include <vector>

#include "evengrad/graph/graph.h"

namespace evengrad {

// For each element the product of all others along `axes` (empty: all), or, of
// that, the derivative in the given directions, each of the input's type: see
// ops/product_gradient.cc.
Value ProductGradient(const Value& input, const std::vector<Value>& directions,
                      std::vector<int64_t> axes,
                      SourceLocation location = Here());

}  // namespace evengrad

#endif  // EVENGRAD_OPS_PRODUCT_RULES_H_
