#include <algorithm>
#include <cmath>

#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/softmax_kernel.h"

namespace evengrad {
namespace {

// d loss / d x = y * (g - sum of g * y along the axis).
std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  const Value& gradient = output_gradients[0];
  const Value output = node.output();
  const Value sum = ReduceSum(
      gradient * output,
      {.axes = {node.attribute<int64_t>("axis")}, .keep_dimensions = true});
  return {output * (gradient - sum)};
}

void ReferenceLine(std::vector<double>& line) {
  if (line.empty()) return;
  const double largest = *std::max_element(line.begin(), line.end());
  double sum = 0;
  for (double value : line) sum += std::exp(value - largest);
  for (double& value : line) value = std::exp(value - largest) / sum;
}

}  // namespace

const OpDef& SoftmaxOp() {
  static const OpDef* const op = new OpDef{
      .name = "softmax",
      .summary = "exp(x) / sum of exp(x) along axis",
      .inputs = {"input"},
      .attributes = {{.name = "axis", .fallback = int64_t{-1}}},
      .infer_type = InferAlongAxis,
      .gradient = Gradient,
      .make_kernel =
          [](const KernelRequest& request) {
            return MakeSoftmaxKernel(request, /*logarithm=*/false);
          },
      .reference = ReferenceAlongAxis(ReferenceLine),
      .initializer_hint = InitializerHint::kGlorot,
  };
  return *op;
}

Value Softmax(const Value& input, int axis, SourceLocation location) {
  return AddNode(SoftmaxOp(), {input}, {{"axis", int64_t{axis}}},
                 {.location = location})
      .output();
}

}  // namespace evengrad
