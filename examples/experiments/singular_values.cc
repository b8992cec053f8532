#include "examples/experiments/singular_values.h"

#include <cmath>
#include <cstddef>

namespace evengrad::experiments {

std::vector<double> SingularValues(std::vector<double> matrix, int rows,
                                   int columns) {
  auto row = [&](int i) { return &matrix[static_cast<size_t>(i) * columns]; };
  auto dot = [&](const double* a, const double* b) {
    double sum = 0;
    for (int k = 0; k < columns; ++k) sum += a[k] * b[k];
    return sum;
  };
  constexpr int kMaxSweeps = 30;
  bool rotated = true;
  for (int sweep = 0; sweep < kMaxSweeps && rotated; ++sweep) {
    rotated = false;
    for (int i = 0; i < rows; ++i) {
      for (int j = i + 1; j < rows; ++j) {
        double* a = row(i);
        double* b = row(j);
        const double aa = dot(a, a), bb = dot(b, b), ab = dot(a, b);
        if (std::abs(ab) <= 1e-13 * std::sqrt(aa * bb)) continue;
        rotated = true;
        // The rotation that makes the two rows orthogonal.
        const double zeta = (bb - aa) / (2 * ab);
        const double tangent = std::copysign(1.0, zeta) /
                               (std::abs(zeta) + std::sqrt(1 + zeta * zeta));
        const double cosine = 1 / std::sqrt(1 + tangent * tangent);
        const double sine = cosine * tangent;
        for (int k = 0; k < columns; ++k) {
          const double x = a[k], y = b[k];
          a[k] = cosine * x - sine * y;
          b[k] = sine * x + cosine * y;
        }
      }
    }
  }
  std::vector<double> values;
  for (int i = 0; i < rows; ++i) {
    values.push_back(std::sqrt(dot(row(i), row(i))));
  }
  return values;
}

}  // namespace evengrad::experiments
