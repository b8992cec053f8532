// The cheapest test of a whole tensor: 0 times its elements, added up. In a
// fused loop it costs one operation an element, and no memory.
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
  return std::vector<TensorType>{F32({})};
}

LoopOutput Ending() {
  return {.ending = LoopEnding::kFiniteTest, .type = F32({})};
}

absl::StatusOr<std::unique_ptr<Kernel>> MakeKernel(
    const KernelRequest& request) {
  return MakeEnding(request, Ending());
}

absl::Status Reference(const ReferenceCall& call) {
  double sum = 0;
  for (double x : call.input(0).values) sum += x * 0;
  call.output().values[0] = sum;
  return absl::OkStatus();
}

}  // namespace

const OpDef& FiniteTestOp() {
  static const OpDef* const op = new OpDef{
      .name = "finite_test",
      .summary = "f32 0 where all of the input's elements are finite, else NaN",
      .inputs = {"input"},
      .infer_type = InferType,
      .make_kernel = MakeKernel,
      .loop_output = [](const Node&) { return Ending(); },
      .reference = Reference,
      .cost = ReductionCost,
  };
  return *op;
}

Value FiniteTest(const Value& input, SourceLocation location) {
  return AddNode(FiniteTestOp(), {input}, {}, {.location = location}).output();
}

}  // namespace evengrad
