// Compositions that would lose too much in bf16 compute in f32 and round once.
#ifndef EVENGRAD_OPS_NARROW_TYPES_H_
#define EVENGRAD_OPS_NARROW_TYPES_H_

#include "evengrad/graph/graph.h"
#include "evengrad/ops/ops.h"

namespace evengrad {

// f32 for bf16; every other type itself.
inline DType WideType(DType dtype) {
  return dtype == DType::kBF16 ? DType::kF32 : dtype;
}

// The value itself where it has that type, or is invalid.
inline Value CastTo(const Value& value, DType dtype) {
  return value.valid() && value.dtype() != dtype ? Cast(value, dtype) : value;
}

inline Value Widen(const Value& value) {
  return value.valid() ? CastTo(value, WideType(value.dtype())) : value;
}

}  // namespace evengrad

#endif  // EVENGRAD_OPS_NARROW_TYPES_H_
