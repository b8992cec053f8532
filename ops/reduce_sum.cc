#include <numeric>

#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/loop_output.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reduction_kernel.h"
#include "evengrad/ops/reduction_rules.h"

namespace evengrad {
namespace {

std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  return {SpreadOverInput(output_gradients[0], node)};
}

// The dimensions that are summed stay, with size 1: a loop knows no other form.
LoopOutput EndOfLoop(const Node& node) {
  TensorType type{node.output_type().dtype, node.input(0).shape()};
  for (int axis : ReducedAxes(ReduceOptionsOf(node).axes, type.shape.rank())
                      .value_or(std::vector<int>())) {
    type.shape[axis] = 1;
  }
  return {.ending = LoopEnding::kSum, .type = type};
}

double Reference(std::span<const double> x) {
  return std::accumulate(x.begin(), x.end(), 0.0);
}

}  // namespace

const OpDef& ReduceSumOp() {
  static const OpDef* const op = new OpDef{
      .name = "reduce_sum",
      .summary = "the sum of the input's elements along axes; 0 of none",
      .inputs = {"input"},
      .attributes = ReductionAttributes(),
      .infer_type = InferSum,
      .gradient = Gradient,
      .make_kernel =
          [](const KernelRequest& request) {
            return MakeReductionKernel(Reduction::kSum, request);
          },
      .loop_output = EndOfLoop,
      .reference = ReferenceReduction(Reference),
      .simplify = SimplifyReduction,
      .cost = ReductionCost,
  };
  return *op;
}

Value ReduceSum(const Value& input, ReduceOptions options,
                SourceLocation location) {
  return AddReduction(ReduceSumOp(), input, std::move(options), location);
}

}  // namespace evengrad
