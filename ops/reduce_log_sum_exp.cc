// log(sum of exp(x)) over axes, with the largest element m taken out of the
// sum, so that nothing overflows:
//
//   m + log(sum of exp(x - m))
#include <algorithm>
#include <cmath>
#include <limits>

#include "evengrad/graph/source_ops.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reduction_rules.h"

namespace evengrad {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// exp(x - output), a softmax; 0 where all elements are -infinity, as in
// PyTorch.
std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  const Value output = node.output();
  const Value log_sum = Select(Equal(output, -kInfinity), 0, output);
  return {Exp(node.input(0) - SpreadOverInput(log_sum, node)) *
          SpreadOverInput(output_gradients[0], node)};
}

std::vector<Value> Decompose(const Node& node) {
  const Value input = node.input(0);
  const Shape& shape = node.output_type().shape;
  const ReduceOptions options = ReduceOptionsOf(node);
  if (!input.shape().is_static() || !shape.is_static()) return {};
  if (input.shape().NumElements().value_or(0) == 0) {
    return {
        BroadcastTo(Constant(node.graph(), -kInfinity, input.dtype()), shape)};
  }
  const ReduceOptions kept = {.axes = options.axes, .keep_dimensions = true};
  const Value largest = ReduceMax(input, kept);
  // An infinite one would make NaN of its own element.
  const Value offset = Select(Less(Abs(largest), kInfinity), largest, 0);
  const Value sum = ReduceSum(Exp(input - offset), kept);
  return {Reshape(Log(sum) + offset, shape)};
}

double Reference(std::span<const double> x) {
  double largest = -kInfinity;
  for (double value : x) largest = std::max(largest, value);
  if (std::isinf(largest)) largest = 0;
  double sum = 0;
  for (double value : x) sum += std::exp(value - largest);
  return largest + std::log(sum);
}

}  // namespace

const OpDef& ReduceLogSumExpOp() {
  static const OpDef* const op = new OpDef{
      .name = "reduce_log_sum_exp",
      .summary =
          "log(sum of exp(x)) along axes, without overflow; -inf of none",
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

Value ReduceLogSumExp(const Value& input, ReduceOptions options,
                      SourceLocation location) {
  return AddReduction(ReduceLogSumExpOp(), input, std::move(options), location);
}

}  // namespace evengrad
