#include <algorithm>
#include <cmath>

#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/softmax_kernel.h"

namespace evengrad {
namespace {

// d loss / d x = g - exp(y) * sum of g along the axis.
std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  const Value& gradient = output_gradients[0];
  const Value sum = ReduceSum(
      gradient,
      {.axes = {node.attribute<int64_t>("axis")}, .keep_dimensions = true});
  return {gradient - Exp(node.output()) * sum};
}

void ReferenceLine(std::vector<double>& line) {
  if (line.empty()) return;
  const double largest = *std::max_element(line.begin(), line.end());
  double sum = 0;
  for (double value : line) sum += std::exp(value - largest);
  for (double& value : line) value = value - largest - std::log(sum);
}

}  // namespace

const OpDef& LogSoftmaxOp() {
  static const OpDef* const op = new OpDef{
      .name = "log_softmax",
      .summary = "x - log(sum of exp(x)) along axis",
      .inputs = {"input"},
      .attributes = {{.name = "axis", .fallback = int64_t{-1}}},
      .infer_type = InferAlongAxis,
      .gradient = Gradient,
      .make_kernel =
          [](const KernelRequest& request) {
            return MakeSoftmaxKernel(request, /*logarithm=*/true);
          },
      .reference = ReferenceAlongAxis(ReferenceLine),
      .initializer_hint = InitializerHint::kGlorot,
  };
  return *op;
}

Value LogSoftmax(const Value& input, int axis, SourceLocation location) {
  return AddNode(LogSoftmaxOp(), {input}, {{"axis", int64_t{axis}}},
                 {.location = location})
      .output();
}

}  // namespace evengrad
