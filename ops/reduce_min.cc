#include <cmath>
#include <limits>

#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reduction_kernel.h"
#include "evengrad/ops/reduction_rules.h"

namespace evengrad {
namespace {

double Reference(std::span<const double> x) {
  double result = std::numeric_limits<double>::infinity();
  for (double value : x) {
    if (std::isnan(value)) return value;
    if (value < result) result = value;
  }
  return result;
}

}  // namespace

const OpDef& ReduceMinOp() {
  static const OpDef* const op = new OpDef{
      .name = "reduce_min",
      .summary =
          "the smallest of the input's elements along axes; NaN if one is",
      .inputs = {"input"},
      .attributes = ReductionAttributes(),
      .infer_type = InferExtremum,
      .gradient = ExtremumGradient,
      .make_kernel =
          [](const KernelRequest& request) {
            return MakeReductionKernel(Reduction::kMinimum, request);
          },
      .reference = ReferenceReduction(Reference),
      .simplify = SimplifyReduction,
      .cost = ReductionCost,
  };
  return *op;
}

Value ReduceMin(const Value& input, ReduceOptions options,
                SourceLocation location) {
  return AddReduction(ReduceMinOp(), input, std::move(options), location);
}

}  // namespace evengrad
