// Dimensions of 1 put in.
#include "evengrad/graph/status.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"
#include "evengrad/ops/shape_rules.h"

namespace evengrad {
namespace {

using Axes = std::vector<int64_t>;

absl::StatusOr<std::vector<TensorType>> InferType(const InferContext& context) {
  const TensorType& input = context.input(0);
  const auto& axes = context.attribute<Axes>("axes");
  const size_t rank = static_cast<size_t>(input.rank()) + axes.size();
  if (rank > static_cast<size_t>(Shape::kMaxRank)) {
    return InvalidArgument("cannot unsqueeze ", context.Describe(0),
                           ": the result has rank ", rank, ", at most ",
                           Shape::kMaxRank, " is supported");
  }
  const absl::StatusOr<std::vector<int>> places =
      DistinctAxes(axes, static_cast<int>(rank));
  if (!places.ok()) {
    return InvalidArgument("cannot unsqueeze ", context.Describe(0), ": ",
                           Message(places.status()), ", that of the result");
  }
  return std::vector<TensorType>{
      {input.dtype, InsertOnes(input.shape, *places)}};
}

std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  const auto& axes = node.attribute<Axes>("axes");
  // Squeeze takes an empty list for all dimensions of 1.
  if (axes.empty()) return {output_gradients[0]};
  return {Squeeze(output_gradients[0], axes)};
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

const OpDef& UnsqueezeOp() {
  static const OpDef* const op = new OpDef{
      .name = "unsqueeze",
      .summary = "input with dimensions of 1 at axes of the result",
      .inputs = {"input"},
      .attributes = {{.name = "axes",
                      .fallback = Axes(),
                      .required = true,
                      .summary = "of the result, may count from the back"}},
      .infer_type = InferType,
      .gradient = Gradient,
      .reference = Reference,
      .simplify = Simplify,
      .hint_flow = HintFlow::kPass,
      .alias = true};
  return *op;
}

Value Unsqueeze(const Value& input, Axes axes, SourceLocation location) {
  return AddNode(UnsqueezeOp(), {input}, {{"axes", std::move(axes)}},
                 {.location = location})
      .output();
}

}  // namespace evengrad
