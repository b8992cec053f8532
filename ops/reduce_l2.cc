// The L2 norm over axes: the square root of a sum of squares, which fuse into
// its loop. Squares are not rescaled: beyond 1.8e19 they overflow in f32, as in
// PyTorch.
#include <cmath>

#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reduction_rules.h"

namespace evengrad {
namespace {

// x / norm, and 0 at the zero vector, as in PyTorch. The norm that divides is
// replaced there, so that gradients of the gradient are 0 too, and not 0 / 0.
std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  const Value norm = node.output();
  const Value is_zero = Equal(norm, 0);
  const Value divisor = Select(is_zero, 1, norm);
  const Value scale = Select(is_zero, 0, output_gradients[0] / divisor);
  return {node.input(0) * SpreadOverInput(scale, node)};
}

std::vector<Value> Decompose(const Node& node) {
  return {Sqrt(ReduceSum(Square(node.input(0)), ReduceOptionsOf(node)))};
}

double Reference(std::span<const double> x) {
  double sum = 0;
  for (double value : x) sum += value * value;
  return std::sqrt(sum);
}

}  // namespace

const OpDef& ReduceL2Op() {
  static const OpDef* const op = new OpDef{
      .name = "reduce_l2",
      .summary = "the square root of the sum of x * x along axes; 0 of none",
      .inputs = {"input"},
      .attributes = ReductionAttributes(),
      .infer_type = InferMean,
      .gradient = Gradient,
      .reference = ReferenceReduction(Reference),
      .decompose = Decompose,
      .cost = ReductionCost,
  };
  return *op;
}

Value ReduceL2(const Value& input, ReduceOptions options,
               SourceLocation location) {
  return AddReduction(ReduceL2Op(), input, std::move(options), location);
}

}  // namespace evengrad
