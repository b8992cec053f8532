// Matrices of numbers for tests.
#ifndef EVENGRAD_TESTS_RUNTIME_SINE_NUMBERS_H_
#define EVENGRAD_TESTS_RUNTIME_SINE_NUMBERS_H_

#include <cmath>
#include <cstdint>
#include <span>

#include "evengrad/graph/tensor.h"

namespace evengrad {

// sin(seed), sin(seed + 0.7) … by rows: no two alike, none that bf16 holds.
inline Tensor Numbers(int64_t rows, int64_t columns, double seed) {
  Tensor tensor = *Tensor::Zeros(F32({rows, columns}));
  const std::span<float> values = *tensor.mutable_values<float>();
  for (float& value : values) {
    value = static_cast<float>(std::sin(seed));
    seed += 0.7;
  }
  return tensor;
}

}  // namespace evengrad

#endif  // EVENGRAD_TESTS_RUNTIME_SINE_NUMBERS_H_
