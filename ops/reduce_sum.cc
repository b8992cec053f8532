#include <numeric>

#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reduction_kernel.h"
#include "evengrad/ops/reduction_rules.h"

namespace evengrad {
namespace {

std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  return {SpreadOverInput(output_gradients[0], node)};
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
      .reference = ReferenceReduction(Reference),
      .simplify = SimplifyReduction,
      .cost = ReductionCost,
      .loop_ending = LoopEnding::kSum,
  };
  return *op;
}

Value ReduceSum(const Value& input, ReduceOptions options,
                SourceLocation location) {
  return AddReduction(ReduceSumOp(), input, std::move(options), location);
}

}  // namespace evengrad
