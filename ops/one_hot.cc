#include <cstring>

#include "evengrad/graph/status.h"
#include "evengrad/graph/tensor.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/elementwise_rules.h"
#include "evengrad/ops/kernel.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"

namespace evengrad {
namespace {

absl::StatusOr<std::vector<TensorType>> InferType(const InferContext& context) {
  const TensorType& labels = context.input(0);
  if (!IsInteger(labels.dtype)) {
    return InvalidArgument("labels must be integers (i32, i64 or u8), found ",
                           labels.ToString());
  }
  const DType dtype = context.attribute<DType>("dtype");
  if (dtype == DType::kOpaque) {
    return InvalidArgument("attribute dtype cannot be opaque");
  }
  TensorType output{dtype, labels.shape};
  output.shape.Append(context.attribute<int64_t>("classes"));
  return std::vector<TensorType>{output};
}

absl::StatusOr<std::unique_ptr<Kernel>> MakeKernel(
    const KernelRequest& request) {
  EVENGRAD_ASSIGN_OR_RETURN(const int64_t count,
                            request.inputs[0].shape.NumElements());
  EVENGRAD_ASSIGN_OR_RETURN(const int64_t bytes, request.outputs[0].ByteSize());
  const auto classes = request.attribute<int64_t>("classes");
  return MakeSimpleKernel(
      [count, bytes, classes, from = request.inputs[0].dtype,
       to = request.outputs[0].dtype, input = request.input_buffers[0],
       output = request.output_buffers[0]](const KernelContext& context) {
        void* result = context.buffers[output];
        std::memset(result, 0, static_cast<size_t>(bytes));
        for (int64_t i = 0; i < count; ++i) {
          const double label = LoadAsDouble(from, context.buffers[input], i);
          if (label < 0 || label >= static_cast<double>(classes)) continue;
          StoreFromDouble(to, result, i * classes + static_cast<int64_t>(label),
                          1);
        }
      });
}

absl::Status Reference(const ReferenceCall& call) {
  const int64_t classes = call.attribute<int64_t>("classes");
  for (int64_t i = 0; i < call.output().num_elements(); ++i) {
    call.output().values[i] =
        call.input(0).values[i / classes] == static_cast<double>(i % classes);
  }
  return absl::OkStatus();
}

}  // namespace

const OpDef& OneHotOp() {
  static const OpDef* const op = new OpDef{
      .name = "one_hot",
      .summary =
          "output[..., c] = 1 where c is the label, else 0; all 0 for labels "
          "outside [0, classes)",
      .inputs = {"labels"},
      .attributes = {{.name = "classes",
                      .fallback = int64_t{0},
                      .required = true,
                      .minimum = 1},
                     {.name = "dtype", .fallback = DType::kF32}},
      .infer_type = InferType,
      .gradient = NoGradient,
      .make_kernel = MakeKernel,
      .reference = Reference,
  };
  return *op;
}

Value OneHot(const Value& labels, int64_t classes, DType dtype,
             SourceLocation location) {
  return AddNode(OneHotOp(), {labels}, {{"classes", classes}, {"dtype", dtype}},
                 {.location = location})
      .output();
}

}  // namespace evengrad
