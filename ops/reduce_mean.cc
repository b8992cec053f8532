#include <numeric>

#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reduction_kernel.h"
#include "evengrad/ops/reduction_rules.h"

namespace evengrad {
namespace {

std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  const Value& gradient = output_gradients[0];
  const Value count =
      SizeOf(node.input(0), node.attribute<std::vector<int64_t>>("axes"),
             gradient.dtype());
  return {SpreadOverInput(gradient / count, node)};
}

double Reference(std::span<const double> x) {
  return std::accumulate(x.begin(), x.end(), 0.0) /
         static_cast<double>(x.size());
}

}  // namespace

const OpDef& ReduceMeanOp() {
  static const OpDef* const op = new OpDef{
      .name = "reduce_mean",
      .summary = "the mean of the input's elements along axes; NaN of none",
      .inputs = {"input"},
      .attributes = ReductionAttributes(),
      .infer_type = InferMean,
      .gradient = Gradient,
      .make_kernel =
          [](const KernelRequest& request) {
            return MakeReductionKernel(Reduction::kMean, request);
          },
      .reference = ReferenceReduction(Reference),
      .simplify = SimplifyReduction,
      .cost = ReductionCost,
  };
  return *op;
}

Value ReduceMean(const Value& input, ReduceOptions options,
                 SourceLocation location) {
  return AddReduction(ReduceMeanOp(), input, std::move(options), location);
}

}  // namespace evengrad
