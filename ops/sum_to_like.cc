#include "evengrad/graph/status.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"
#include "evengrad/ops/shape_rules.h"

namespace evengrad {
namespace {

using Axes = std::vector<int64_t>;

absl::StatusOr<std::vector<TensorType>> InferType(const InferContext& context) {
  const DType dtype = context.input(0).dtype;
  if (!IsFloating(dtype) && !IsInteger(dtype)) {
    return InvalidArgument(
        "input must be a number (f32, f64, bf16, i32, i64 "
        "or u8), found ",
        context.input(0).ToString());
  }
  const Shape& input = context.input(0).shape;
  const Shape& like = context.input(1).shape;
  absl::StatusOr<Shape> aligned =
      AlignOver(like, context.attribute<Axes>("axes"), input.rank());
  const absl::Status status =
      aligned.ok() ? CheckBroadcastsTo(*aligned, input) : aligned.status();
  if (!status.ok()) {
    return InvalidArgument(
        "cannot sum ", context.Describe(0), " to the shape of ",
        context.Describe(1),
        ", which does not broadcast to it: ", Message(status));
  }
  return std::vector<TensorType>{{context.input(0).dtype, like}};
}

std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  return {BroadcastLikeOver(output_gradients[0], node.input(0),
                            node.attribute<Axes>("axes")),
          Value()};
}

std::vector<Value> Simplify(const Node& node) {
  if (!CertainlySameShape(node.input(0).shape(), node.output_type().shape)) {
    return {};
  }
  return {node.input(0)};
}

std::vector<Value> Decompose(const Node& node) {
  Value sum = node.input(0);
  const Shape input = sum.shape();
  const Shape& output = node.output_type().shape;
  absl::StatusOr<Shape> aligned =
      AlignOver(output, node.attribute<Axes>("axes"), input.rank());
  if (!aligned.ok() || !input.is_static() || !output.is_static()) return {};
  Axes reduced;
  const int offset = input.rank() - aligned->rank();
  for (int i = 0; i < input.rank(); ++i) {
    const int64_t left = i < offset ? 1 : (*aligned)[i - offset].size();
    if (left != input[i].size()) reduced.push_back(i);
  }
  if (!reduced.empty()) {
    sum = ReduceSum(sum, {.axes = reduced, .keep_dimensions = true});
  }
  return {input.rank() == output.rank() ? sum : Reshape(sum, output)};
}

absl::Status Reference(const ReferenceCall& call) {
  const ReferenceTensor& input = call.input(0);
  ReferenceTensor& output = call.output();
  EVENGRAD_ASSIGN_OR_RETURN(
      const Shape aligned,
      AlignOver(Shape(output.sizes), call.attribute<Axes>("axes"),
                input.rank()));
  EVENGRAD_ASSIGN_OR_RETURN(const std::vector<int64_t> sizes, aligned.Sizes());
  for (int64_t i = 0; i < input.num_elements(); ++i) {
    const std::vector<int64_t> index = Unflatten(input.sizes, i);
    output.values[BroadcastIndex(sizes, index)] += input.values[i];
  }
  return absl::OkStatus();
}

}  // namespace

const OpDef& SumToLikeOp() {
  static const OpDef* const op = new OpDef{
      .name = "sum_to_like",
      .summary =
          "input summed to the shape of like: the transpose of "
          "broadcast_like",
      .inputs = {"input", "like"},
      .attributes = {{.name = "axes",
                      .fallback = Axes(),
                      .summary = "axes of input that like lacks; empty: "
                                 "leading ones"}},
      .infer_type = InferType,
      .gradient = Gradient,
      .reference = Reference,
      .simplify = Simplify,
      .decompose = Decompose,
      .type_only_inputs = {1}};
  return *op;
}

Value SumToLike(const Value& input, const Value& like,
                SourceLocation location) {
  return SumToLikeOver(input, like, {}, location);
}

Value SumToLikeOver(const Value& input, const Value& like, Axes axes,
                    SourceLocation location) {
  return AddNode(SumToLikeOp(), {input, like}, {{"axes", std::move(axes)}},
                 {.location = location})
      .output();
}

}  // namespace evengrad
