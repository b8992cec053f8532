// The transpose of slice: where slice reads, this writes.
#include "evengrad/graph/status.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/copy_kernel.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"
#include "evengrad/ops/shape_rules.h"
#include "evengrad/ops/slice_rules.h"

namespace evengrad {
namespace {

absl::StatusOr<std::vector<TensorType>> InferType(const InferContext& context) {
  const TensorType& input = context.input(0);
  const Shape& like = context.input(1).shape;
  const absl::StatusOr<Shape> slice = InferSlice(like, context.attributes());
  if (!slice.ok()) {
    return InvalidArgument("cannot slice ", context.Describe(1), ": ",
                           Message(slice.status()));
  }
  if (!MayBeEqual(input.shape, *slice)) {
    return InvalidArgument(context.Describe(0), " is no such slice of ",
                           context.Describe(1), ", which would be ",
                           slice->ToString());
  }
  return std::vector<TensorType>{{input.dtype, like}};
}

std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  return {Slice(output_gradients[0], ToRanges(node.attributes())), Value()};
}

absl::StatusOr<std::unique_ptr<Kernel>> MakeKernel(
    const KernelRequest& request) {
  EVENGRAD_ASSIGN_OR_RETURN(const std::vector<int64_t> sizes,
                            request.outputs[0].shape.Sizes());
  return MakeCopyKernel(
      PlanPlacing(SlicePlaces(sizes, *request.attributes), /*fill=*/0),
      request);
}

absl::Status Reference(const ReferenceCall& call) {
  const ReferenceTensor& input = call.input(0);
  ReferenceTensor& output = call.output();
  const std::vector<std::vector<int64_t>> places =
      ReferenceSlicePlaces(output.sizes, *call.attributes);
  for (int64_t i = 0; i < input.num_elements(); ++i) {
    std::vector<int64_t> index = Unflatten(input.sizes, i);
    for (size_t k = 0; k < index.size(); ++k) index[k] = places[k][index[k]];
    output.values[Flatten(output.sizes, index)] = input.values[i];
  }
  return absl::OkStatus();
}

}  // namespace

const OpDef& ScatterSliceOp() {
  static const OpDef* const op = new OpDef{
      .name = "scatter_slice",
      .summary =
          "zeros in the shape of like, with input where slice would read: the "
          "transpose of slice",
      .inputs = {"input", "like"},
      .attributes = SliceAttributes(),
      .infer_type = InferType,
      .gradient = Gradient,
      .make_kernel = MakeKernel,
      .reference = Reference,
      .simplify = SimplifyWholeSlice,
      .type_only_inputs = {1}};
  return *op;
}

Value ScatterSlice(const Value& input, const Value& like,
                   const std::vector<SliceRange>& ranges,
                   SourceLocation location) {
  return AddNode(ScatterSliceOp(), {input, like}, ToAttributes(ranges),
                 {.location = location})
      .output();
}

}  // namespace evengrad
