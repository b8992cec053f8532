// The plain loop of matrix products: for types and sizes that nothing faster
// computes.
#ifndef EVENGRAD_OPS_PLAIN_MATMUL_H_
#define EVENGRAD_OPS_PLAIN_MATMUL_H_

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "evengrad/graph/dtype.h"
#include "evengrad/graph/tensor.h"
#include "evengrad/ops/matrix_product.h"

namespace evengrad {
namespace internal {

// Terms are added up in the factors' type, those of bf16 in f32.
template <typename T>
using AccumulatorOf = std::conditional_t<std::is_same_v<T, BFloat16>, float, T>;

template <typename To, typename From>
To Convert(From value) {
  if constexpr (std::is_same_v<To, From>) {
    return value;
  } else if constexpr (std::is_same_v<From, BFloat16>) {
    return ToFloat(value);
  } else {
    return ToBFloat16(value);
  }
}

// The plain loop for one block of the output, at most kBlockRows x
// kBlockColumns elements. Weights are copied into dense tiles, so that every
// transposition runs at the same speed.
inline constexpr int64_t kBlockRows = 16;
inline constexpr int64_t kBlockColumns = 32;
inline constexpr int64_t kBlockDepth = 64;

template <typename T, typename Out>
void MultiplyBlock(const MatrixProduct& p, const T* input, const T* weights,
                   int64_t rows, int64_t columns, Out* output) {
  using Accumulate = AccumulatorOf<T>;
  Accumulate sums[kBlockRows][kBlockColumns] = {};
  Accumulate tile[kBlockDepth][kBlockColumns] = {};
  for (int64_t begin = 0; begin < p.depth; begin += kBlockDepth) {
    const int64_t depth = std::min(kBlockDepth, p.depth - begin);
    for (int64_t k = 0; k < depth; ++k) {
      const T* from = weights + (begin + k) * p.weights.row;
      for (int64_t j = 0; j < columns; ++j) {
        tile[k][j] = Convert<Accumulate>(from[j * p.weights.column]);
      }
    }
    for (int64_t i = 0; i < rows; ++i) {
      const T* from = input + i * p.input.row + begin * p.input.column;
      for (int64_t k = 0; k < depth; ++k) {
        const auto factor = Convert<Accumulate>(from[k * p.input.column]);
        for (int64_t j = 0; j < kBlockColumns; ++j) {
          sums[i][j] += factor * tile[k][j];
        }
      }
    }
  }
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; ++j) {
      output[i * p.output.row + j] = Convert<Out>(sums[i][j]);
    }
  }
}

}  // namespace internal

// output = input · weights.
template <typename T, typename Out>
void MultiplyPlain(const MatrixProduct& product, const T* input,
                   const T* weights, Out* output) {
  for (int64_t j = 0; j < product.columns; j += internal::kBlockColumns) {
    const int64_t columns =
        std::min(internal::kBlockColumns, product.columns - j);
    for (int64_t i = 0; i < product.rows; i += internal::kBlockRows) {
      const int64_t rows = std::min(internal::kBlockRows, product.rows - i);
      internal::MultiplyBlock(product, input + i * product.input.row,
                              weights + j * product.weights.column, rows,
                              columns, output + i * product.output.row + j);
    }
  }
}

}  // namespace evengrad

#endif  // EVENGRAD_OPS_PLAIN_MATMUL_H_
