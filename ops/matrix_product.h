// Sizes and places of a matrix product, for the kernels that compute one.
#ifndef EVENGRAD_OPS_MATRIX_PRODUCT_H_
#define EVENGRAD_OPS_MATRIX_PRODUCT_H_

#include <cstdint>

namespace evengrad {

// How a matrix lies in memory: elements from one row (column) to the next. One
// of the two is 1.
struct MatrixStrides {
  int64_t row = 0;
  int64_t column = 1;
};

// Part of a matrix.
struct MatrixBlock {
  int64_t row_begin = 0;
  int64_t row_end = 0;
  int64_t column_begin = 0;
  int64_t column_end = 0;
};

// output[rows,columns] = input[rows,depth] · weights[depth,columns].
struct MatrixProduct {
  int64_t rows = 0;
  int64_t depth = 0;
  int64_t columns = 0;
  MatrixStrides input = {};
  MatrixStrides weights = {};
  MatrixStrides output = {};

  bool empty() const { return rows <= 0 || columns <= 0; }

  // output^T = weights^T · input^T.
  MatrixProduct Transposed() const {
    return {.rows = columns,
            .depth = depth,
            .columns = rows,
            .input = {weights.column, weights.row},
            .weights = {input.column, input.row},
            .output = {output.column, output.row}};
  }
};

}  // namespace evengrad

#endif  // EVENGRAD_OPS_MATRIX_PRODUCT_H_
