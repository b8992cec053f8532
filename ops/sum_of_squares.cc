// The sum of the squares of all elements, in double whatever the element type:
// the square of a norm that neither overflows nor loses small terms.
//
// reduce_sum_squares is the op for models: it sums along axes and stays in the
// type of its input, where a gradient of 1e20 in f32 has an infinite sum. What
// decides by how much gradients are clipped needs this one.
#include <vector>

#include "evengrad/graph/status.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/elementwise_kernel.h"
#include "evengrad/ops/loop_output.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reduction_rules.h"
#include "evengrad/ops/reference.h"
#include "evengrad/ops/statistics.h"

namespace evengrad {
namespace {

absl::StatusOr<std::vector<TensorType>> InferType(const InferContext& context) {
  EVENGRAD_RETURN_IF_ERROR(CheckFloatingInput(context));
  return std::vector<TensorType>{F64({})};
}

// d sum(x^2) / dx = 2 x.
std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  const Value input = node.input(0);
  const Value twice = 2.0 * output_gradients[0];
  return {input * (input.dtype() == twice.dtype()
                       ? twice
                       : Cast(twice, input.dtype()))};
}

LoopOutput Ending() {
  return {.ending = LoopEnding::kSumOfSquares, .type = F64({})};
}

absl::StatusOr<std::unique_ptr<Kernel>> MakeKernel(
    const KernelRequest& request) {
  return MakeEnding(request, Ending());
}

absl::Status Reference(const ReferenceCall& call) {
  double sum = 0;
  for (double x : call.input(0).values) sum += x * x;
  call.output().values[0] = sum;
  return absl::OkStatus();
}

}  // namespace

const OpDef& SumOfSquaresOp() {
  static const OpDef* const op = new OpDef{
      .name = "sum_of_squares",
      .summary = "f64 sum of the squares of all of the input's elements",
      .inputs = {"input"},
      .infer_type = InferType,
      .gradient = Gradient,
      .make_kernel = MakeKernel,
      .loop_output = [](const Node&) { return Ending(); },
      .reference = Reference,
      .cost = ReductionCost,
  };
  return *op;
}

Value SumOfSquares(const Value& input, SourceLocation location) {
  return AddNode(SumOfSquaresOp(), {input}, {}, {.location = location})
      .output();
}

}  // namespace evengrad
