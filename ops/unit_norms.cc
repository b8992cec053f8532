#include "evengrad/ops/unit_norms.h"

#include <vector>

#include "evengrad/ops/ops.h"

namespace evengrad {
namespace {

// The axes that belong to one unit.
std::vector<int64_t> AxesOfUnit(int rank) {
  if (rank == 2) return {0};
  std::vector<int64_t> axes;
  for (int64_t axis = rank < 2 ? 0 : 1; axis < rank; ++axis) {
    axes.push_back(axis);
  }
  return axes;
}

}  // namespace

Value UnitNorms(const Value& weights) {
  if (!weights.valid()) return weights;
  if (weights.rank() == 0) return Abs(weights);
  return Sqrt(ReduceSum(Square(weights), {.axes = AxesOfUnit(weights.rank()),
                                          .keep_dimensions = true}));
}

}  // namespace evengrad
