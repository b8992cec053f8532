#include <cmath>

#include "evengrad/graph/status.h"
#include "evengrad/graph/tensor.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/elementwise_rules.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/softmax_kernel.h"

namespace evengrad {
namespace {

absl::StatusOr<std::vector<TensorType>> InferType(const InferContext& context) {
  const TensorType& input = context.input(0);
  if (!IsFloating(input.dtype) && !IsInteger(input.dtype)) {
    return InvalidArgument(context.InputName(0),
                           " must be a number (f32, f64, bf16, i32, i64 or "
                           "u8), found ",
                           input.ToString());
  }
  EVENGRAD_ASSIGN_OR_RETURN(
      int axis,
      NormalizeAxis(context.attribute<int64_t>("axis"), input.rank()));
  if (input.shape[axis] == Dimension(0)) {
    return InvalidArgument(context.Describe(0), " has no elements along axis ",
                           axis, "; an extremum needs at least one");
  }
  TensorType output{DType::kI64, {}};
  for (int i = 0; i < input.rank(); ++i) {
    if (i != axis) output.shape.Append(input.shape[i]);
  }
  return std::vector<TensorType>{output};
}

// The place of the first largest of `length` elements, or of the first NaN.
template <typename Element>
int64_t PlaceOfLargest(int64_t length, Element element) {
  int64_t best = 0;
  double largest = element(0);
  for (int64_t k = 1; k < length && !std::isnan(largest); ++k) {
    const double value = element(k);
    if (value > largest || std::isnan(value)) {
      largest = value;
      best = k;
    }
  }
  return best;
}

absl::StatusOr<std::unique_ptr<Kernel>> MakeKernel(
    const KernelRequest& request) {
  const AxisLines lines =
      LinesAlong(request.inputs[0].shape, request.attribute<int64_t>("axis"));
  const DType dtype = request.inputs[0].dtype;
  return MakeSimpleKernel(
      [lines, dtype, input = request.input_buffers[0],
       output = request.output_buffers[0]](const KernelContext& context) {
        const void* from = context.buffers[input];
        auto* to = context.output<int64_t>(output);
        for (int64_t l = 0; l < lines.count(); ++l) {
          const int64_t first = lines.First(l);
          to[l] = PlaceOfLargest(lines.length, [&](int64_t k) {
            return LoadAsDouble(dtype, from, first + k * lines.inner);
          });
        }
      });
}

absl::Status Reference(const ReferenceCall& call) {
  const ReferenceTensor& input = call.input(0);
  const AxisLines lines =
      LinesAlong(input.type().shape, call.attribute<int64_t>("axis"));
  for (int64_t l = 0; l < lines.count(); ++l) {
    int64_t best = -1;
    double largest = 0;
    for (int64_t k = 0; k < lines.length; ++k) {
      const double value = input.values[lines.First(l) + k * lines.inner];
      const bool better = best < 0 || (!std::isnan(largest) &&
                                       (std::isnan(value) || value > largest));
      if (!better) continue;
      best = k;
      largest = value;
    }
    call.output().values[l] = static_cast<double>(best);
  }
  return absl::OkStatus();
}

}  // namespace

const OpDef& ArgMaxOp() {
  static const OpDef* const op = new OpDef{
      .name = "arg_max",
      .summary =
          "i64 place along axis of the first largest element, or of the first "
          "NaN; no gradient flows",
      .inputs = {"input"},
      .attributes = {{.name = "axis", .fallback = int64_t{-1}}},
      .infer_type = InferType,
      .gradient = NoGradient,
      .make_kernel = MakeKernel,
      .reference = Reference,
  };
  return *op;
}

Value ArgMax(const Value& input, int axis, SourceLocation location) {
  return AddNode(ArgMaxOp(), {input}, {{"axis", int64_t{axis}}},
                 {.location = location})
      .output();
}

}  // namespace evengrad
