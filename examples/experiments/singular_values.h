// Singular values of a small matrix.
#ifndef EVENGRAD_EXAMPLES_EXPERIMENTS_SINGULAR_VALUES_H_
#define EVENGRAD_EXAMPLES_EXPERIMENTS_SINGULAR_VALUES_H_

#include <vector>

namespace evengrad::experiments {

// Of `matrix`, `rows` times `columns` numbers in row-major order with rows <=
// columns: its singular values in any order, by one-sided Jacobi rotations of
// its rows (Hestenes, 1958), to about 1e-12 of the largest.
std::vector<double> SingularValues(std::vector<double> matrix, int rows,
                                   int columns);

}  // namespace evengrad::experiments

#endif  // EVENGRAD_EXAMPLES_EXPERIMENTS_SINGULAR_VALUES_H_
