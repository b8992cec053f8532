// The L1 norm over axes: a sum of absolute values, which fuse into its loop.
#include <cmath>

#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/elementwise_rules.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reduction_rules.h"

namespace evengrad {
namespace {

// 0 at 0.
std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  return {Sign(node.input(0)) * SpreadOverInput(output_gradients[0], node)};
}

std::vector<Value> Decompose(const Node& node) {
  return {ReduceSum(Abs(node.input(0)), ReduceOptionsOf(node))};
}

double Reference(std::span<const double> x) {
  double sum = 0;
  for (double value : x) sum += std::fabs(value);
  return sum;
}

}  // namespace

const OpDef& ReduceL1Op() {
  static const OpDef* const op = new OpDef{
      .name = "reduce_l1",
      .summary = "the sum of |x| along axes; 0 of none",
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

Value ReduceL1(const Value& input, ReduceOptions options,
               SourceLocation location) {
  return AddReduction(ReduceL1Op(), input, std::move(options), location);
}

}  // namespace evengrad
