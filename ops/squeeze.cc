// Dimensions of 1 left out.
#include <algorithm>

#include "evengrad/graph/status.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"
#include "evengrad/ops/shape_rules.h"

namespace evengrad {
namespace {

using Axes = std::vector<int64_t>;

absl::StatusOr<std::vector<TensorType>> InferType(const InferContext& context) {
  const Shape& input = context.input(0).shape;
  const absl::StatusOr<std::vector<int>> axes =
      DistinctAxes(context.attribute<Axes>("axes"), input.rank());
  if (!axes.ok()) {
    return InvalidArgument(context.Describe(0), ": ", Message(axes.status()));
  }
  Shape output;
  for (int i = 0; i < input.rank(); ++i) {
    if (!std::binary_search(axes->begin(), axes->end(), i)) {
      output.Append(input[i]);
    } else if (!MayBeEqual(input[i], 1)) {
      return InvalidArgument("cannot squeeze ", context.Describe(0), ": axis ",
                             i, " has size ", input[i].ToString(), ", not 1");
    }
  }
  return std::vector<TensorType>{{context.input(0).dtype, std::move(output)}};
}

std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  Axes axes = node.attribute<Axes>("axes");
  for (int64_t& axis : axes) {
    if (axis < 0) axis += node.input(0).rank();
  }
  return {Unsqueeze(output_gradients[0], std::move(axes))};
}

std::vector<Value> Simplify(const Node& node) {
  const Shape& shape = node.output_type().shape;
  if (HasUnknown(shape)) return {};
  return {Reshape(node.input(0), shape)};
}

absl::Status Reference(const ReferenceCall& call) {
  call.output().values = call.input(0).values;
  return absl::OkStatus();
}

}  // namespace

const OpDef& SqueezeOp() {
  static const OpDef* const op = new OpDef{
      .name = "squeeze",
      .summary = "input without the dimensions of 1 at axes",
      .inputs = {"input"},
      .attributes = {{.name = "axes",
                      .fallback = Axes(),
                      .required = true,
                      .summary = "of input, may count from the back"}},
      .infer_type = InferType,
      .gradient = Gradient,
      .reference = Reference,
      .simplify = Simplify,
      .hint_flow = HintFlow::kPass,
      .alias = true};
  return *op;
}

Value Squeeze(const Value& input, Axes axes, SourceLocation location) {
  // Named axes in the node: a batch that happens to be 1 when it is fed must
  // not change the rank.
  if (axes.empty() && input.valid()) {
    for (int i = 0; i < input.rank(); ++i) {
      if (input.shape()[i] == Dimension(1)) axes.push_back(i);
    }
  }
  return AddNode(SqueezeOp(), {input}, {{"axes", std::move(axes)}},
                 {.location = location})
      .output();
}

}  // namespace evengrad
