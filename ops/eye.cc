// The identity matrix, and its relatives with ones on another diagonal.
#include <algorithm>
#include <cstring>

#include "evengrad/graph/status.h"
#include "evengrad/graph/tensor.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/kernel.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"
#include "evengrad/ops/shape_rules.h"

namespace evengrad {
namespace {

absl::StatusOr<std::vector<TensorType>> InferType(const InferContext& context) {
  const TensorType type = {context.attribute<DType>("dtype"),
                           context.attribute<Shape>("shape")};
  if (type.dtype == DType::kOpaque) {
    return InvalidArgument("attribute dtype cannot be opaque");
  }
  if (type.rank() != 2 || HasUnknown(type.shape)) {
    return InvalidArgument(
        "the shape of eye is that of a matrix, two known or "
        "named dimensions, found ",
        type.shape.ToString());
  }
  return std::vector<TensorType>{type};
}

absl::StatusOr<std::unique_ptr<Kernel>> MakeKernel(
    const KernelRequest& request) {
  const TensorType& type = request.outputs[0];
  EVENGRAD_ASSIGN_OR_RETURN(const int64_t bytes, type.ByteSize());
  const int64_t rows = type.shape[0].size();
  const int64_t columns = type.shape[1].size();
  // Far outside, a diagonal is as empty as just outside.
  const int64_t diagonal =
      std::clamp(request.attribute<int64_t>("diagonal"), -rows, columns);
  return MakeSimpleKernel(
      [bytes, columns, diagonal, dtype = type.dtype,
       begin = std::max<int64_t>(0, -diagonal),
       end = std::min(rows, columns - diagonal),
       output = request.output_buffers[0]](const KernelContext& context) {
        void* const matrix = context.buffers[output];
        std::memset(matrix, 0, static_cast<size_t>(bytes));
        for (int64_t row = begin; row < end; ++row) {
          StoreFromDouble(dtype, matrix, row * columns + row + diagonal, 1);
        }
      });
}

absl::Status Reference(const ReferenceCall& call) {
  ReferenceTensor& output = call.output();
  const auto diagonal =
      static_cast<double>(call.attribute<int64_t>("diagonal"));
  for (int64_t i = 0; i < output.num_elements(); ++i) {
    const std::vector<int64_t> index = Unflatten(output.sizes, i);
    output.values[i] = static_cast<double>(index[1] - index[0]) == diagonal;
  }
  return absl::OkStatus();
}

}  // namespace

const OpDef& EyeOp() {
  static const OpDef* const op = new OpDef{
      .name = "eye",
      .summary = "a matrix: 1 where column - row is diagonal, else 0",
      .attributes = {{.name = "dtype",
                      .fallback = DType::kF32,
                      .required = true},
                     {.name = "shape", .fallback = Shape(), .required = true},
                     {.name = "diagonal", .fallback = int64_t{0}}},
      .infer_type = InferType,
      .make_kernel = MakeKernel,
      .reference = Reference};
  return *op;
}

Value Eye(const Graph& graph, const TensorType& type, int64_t diagonal,
          SourceLocation location) {
  return Graph(graph)
      .Add(EyeOp(), {},
           {{"dtype", type.dtype},
            {"shape", type.shape},
            {"diagonal", diagonal}},
           {.location = location})
      .output();
}

}  // namespace evengrad
