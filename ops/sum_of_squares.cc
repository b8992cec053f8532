// The sum of the squares of all elements, in double whatever the element type:
// the square of a norm that neither overflows nor loses small terms. It is not
// finite exactly when an element is not (for f64: or is beyond 1e154), which
// makes it a check of a whole tensor at the price of reading it once.
//
// reduce_sum_squares is the op for models: it sums along axes and stays in the
// type of its input, where a gradient of 1e20 in f32 has an infinite sum. What
// decides whether numbers are finite, or by how much they are clipped, needs
// this one.
#include <algorithm>
#include <vector>

#include "evengrad/graph/status.h"
#include "evengrad/graph/tensor.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/kernel.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reduction_rules.h"
#include "evengrad/ops/reference.h"
#include "evengrad/ops/statistics.h"
#include "evengrad/ops/statistics_loops.h"

namespace evengrad {
namespace {

absl::StatusOr<std::vector<TensorType>> InferType(const InferContext& context) {
  const TensorType& input = context.input(0);
  if (!IsFloating(input.dtype)) {
    return InvalidArgument(context.InputName(0),
                           " must be floating (f32, f64 or bf16), found ",
                           input.ToString());
  }
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

double SumOf(DType dtype, const void* data, int64_t count) {
  if (dtype == DType::kF64) {
    return SumOfSquaresLoop(static_cast<const double*>(data), count);
  }
  if (dtype == DType::kF32) {
    return SumOfSquaresLoop(static_cast<const float*>(data), count);
  }
  constexpr int64_t kBlock = 512;
  float block[kBlock];
  const auto* const from = static_cast<const BFloat16*>(data);
  double sum = 0;
  for (int64_t at = 0; at < count; at += kBlock) {
    const int64_t n = std::min(kBlock, count - at);
    for (int64_t i = 0; i < n; ++i) block[i] = ToFloat(from[at + i]);
    sum += SumOfSquaresLoop(block, n);
  }
  return sum;
}

absl::StatusOr<std::unique_ptr<Kernel>> MakeKernel(
    const KernelRequest& request) {
  EVENGRAD_ASSIGN_OR_RETURN(const int64_t count,
                            request.inputs[0].shape.NumElements());
  return MakeSimpleKernel(
      [count, dtype = request.inputs[0].dtype, input = request.input_buffers[0],
       output = request.output_buffers[0]](const KernelContext& context) {
        *context.output<double>(output) =
            SumOf(dtype, context.buffers[input], count);
      });
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
