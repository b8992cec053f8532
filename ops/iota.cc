// The numbers 0, 1, 2 … along an axis.
#include <limits>

#include "evengrad/graph/status.h"
#include "evengrad/graph/tensor.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/kernel.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"
#include "evengrad/ops/shape_rules.h"
#include "evengrad/ops/softmax_kernel.h"

namespace evengrad {
namespace {

// Numbers that an integer type counts to; floating ones round.
int64_t Limit(DType dtype) {
  switch (dtype) {
    case DType::kI32:
      return std::numeric_limits<int32_t>::max();
    case DType::kU8:
      return std::numeric_limits<uint8_t>::max();
    default:
      return std::numeric_limits<int64_t>::max();
  }
}

absl::StatusOr<std::vector<TensorType>> InferType(const InferContext& context) {
  const TensorType type = {context.attribute<DType>("dtype"),
                           context.attribute<Shape>("shape")};
  if (!IsFloating(type.dtype) && !IsInteger(type.dtype)) {
    return InvalidArgument(
        "the numbers of iota are f32, f64, bf16, i32, i64 "
        "or u8, not ",
        Name(type.dtype));
  }
  if (HasUnknown(type.shape)) {
    return InvalidArgument("the shape ", type.shape.ToString(),
                           " must have no unknown dimension");
  }
  EVENGRAD_ASSIGN_OR_RETURN(
      const int axis,
      NormalizeAxis(context.attribute<int64_t>("axis"), type.rank()));
  const Dimension& size = type.shape[axis];
  if (size.is_integer() && size.size() - 1 > Limit(type.dtype)) {
    return InvalidArgument(Name(type.dtype), " counts to ", Limit(type.dtype),
                           ", not to ", size.size() - 1);
  }
  return std::vector<TensorType>{type};
}

absl::StatusOr<std::unique_ptr<Kernel>> MakeKernel(
    const KernelRequest& request) {
  const TensorType& type = request.outputs[0];
  return MakeSimpleKernel(
      [lines = LinesAlong(type.shape, request.attribute<int64_t>("axis")),
       dtype = type.dtype,
       output = request.output_buffers[0]](const KernelContext& context) {
        void* const numbers = context.buffers[output];
        int64_t i = 0;
        for (int64_t o = 0; o < lines.outer; ++o) {
          for (int64_t k = 0; k < lines.length; ++k) {
            for (int64_t j = 0; j < lines.inner; ++j) {
              StoreFromDouble(dtype, numbers, i++, static_cast<double>(k));
            }
          }
        }
      });
}

absl::Status Reference(const ReferenceCall& call) {
  ReferenceTensor& output = call.output();
  const auto given = call.attribute<int64_t>("axis");
  const int64_t axis = given < 0 ? given + output.rank() : given;
  for (int64_t i = 0; i < output.num_elements(); ++i) {
    output.values[i] = static_cast<double>(Unflatten(output.sizes, i)[axis]);
  }
  return absl::OkStatus();
}

}  // namespace

const OpDef& IotaOp() {
  static const OpDef* const op = new OpDef{
      .name = "iota",
      .summary = "0, 1, 2, … along axis, the same along all others",
      .attributes = {{.name = "dtype",
                      .fallback = DType::kF32,
                      .required = true},
                     {.name = "shape", .fallback = Shape(), .required = true},
                     {.name = "axis",
                      .fallback = int64_t{0},
                      .summary = "may count from the back"}},
      .infer_type = InferType,
      .make_kernel = MakeKernel,
      .reference = Reference};
  return *op;
}

Value Iota(const Graph& graph, const TensorType& type, int axis,
           SourceLocation location) {
  return Graph(graph)
      .Add(IotaOp(), {},
           {{"dtype", type.dtype},
            {"shape", type.shape},
            {"axis", int64_t{axis}}},
           {.location = location})
      .output();
}

}  // namespace evengrad
