// A part of a tensor: along each named axis the elements start, start + step, …
// up to but without stop.
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
  absl::StatusOr<Shape> shape =
      InferSlice(context.input(0).shape, context.attributes());
  if (!shape.ok()) {
    return InvalidArgument("cannot slice ", context.Describe(0), ": ",
                           Message(shape.status()));
  }
  return std::vector<TensorType>{{context.input(0).dtype, *std::move(shape)}};
}

std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  return {ScatterSlice(output_gradients[0], node.input(0),
                       ToRanges(node.attributes()))};
}

absl::StatusOr<std::unique_ptr<Kernel>> MakeKernel(
    const KernelRequest& request) {
  EVENGRAD_ASSIGN_OR_RETURN(const std::vector<int64_t> sizes,
                            request.inputs[0].shape.Sizes());
  return MakeCopyKernel(PlanReading(SlicePlaces(sizes, *request.attributes)),
                        request);
}

absl::Status Reference(const ReferenceCall& call) {
  const ReferenceTensor& input = call.input(0);
  ReferenceTensor& output = call.output();
  const std::vector<std::vector<int64_t>> places =
      ReferenceSlicePlaces(input.sizes, *call.attributes);
  for (int64_t i = 0; i < output.num_elements(); ++i) {
    std::vector<int64_t> index = Unflatten(output.sizes, i);
    for (size_t k = 0; k < index.size(); ++k) index[k] = places[k][index[k]];
    output.values[i] = input.values[Flatten(input.sizes, index)];
  }
  return absl::OkStatus();
}

}  // namespace

const OpDef& SliceOp() {
  static const OpDef* const op = new OpDef{
      .name = "slice",
      .summary =
          "the elements start, start + step, … before stop along each of axes "
          "(Python's rules)",
      .inputs = {"input"},
      .attributes = SliceAttributes(),
      .infer_type = InferType,
      .gradient = Gradient,
      .make_kernel = MakeKernel,
      .reference = Reference,
      .simplify = SimplifyWholeSlice,
  };
  return *op;
}

Value Slice(const Value& input, const std::vector<SliceRange>& ranges,
            SourceLocation location) {
  return AddNode(SliceOp(), {input}, ToAttributes(ranges),
                 {.location = location})
      .output();
}

}  // namespace evengrad
