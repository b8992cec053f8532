// The sum of squares over axes; the squares fuse into its loop.
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reduction_rules.h"

namespace evengrad {
namespace {

std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  return {2 * node.input(0) * SpreadOverInput(output_gradients[0], node)};
}

std::vector<Value> Decompose(const Node& node) {
  return {ReduceSum(Square(node.input(0)), ReduceOptionsOf(node))};
}

double Reference(std::span<const double> x) {
  double sum = 0;
  for (double value : x) sum += value * value;
  return sum;
}

}  // namespace

const OpDef& ReduceSumSquaresOp() {
  static const OpDef* const op = new OpDef{
      .name = "reduce_sum_squares",
      .summary = "the sum of x * x along axes; 0 of none",
      .inputs = {"input"},
      .attributes = ReductionAttributes(),
      .infer_type = InferSignedReduction,
      .gradient = Gradient,
      .reference = ReferenceReduction(Reference),
      .decompose = Decompose,
      .cost = ReductionCost,
  };
  return *op;
}

Value ReduceSumSquares(const Value& input, ReduceOptions options,
                       SourceLocation location) {
  return AddReduction(ReduceSumSquaresOp(), input, std::move(options),
                      location);
}

}  // namespace evengrad
