#include "evengrad/graph/status.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/initializers.h"

namespace evengrad {
namespace {

WeightLayout LayoutOf(const InferContext& context) {
  return {.transposed = context.attribute<bool>("transposed"),
          .groups = context.attribute<int64_t>("groups")};
}

absl::StatusOr<std::vector<TensorType>> InferType(const InferContext& context) {
  const TensorType type = {context.attribute<DType>("dtype"),
                           context.attribute<Shape>("shape")};
  if (!IsFloating(type.dtype)) {
    return InvalidArgument("weights are f32, f64 or bf16, not ",
                           Name(type.dtype));
  }
  EVENGRAD_RETURN_IF_ERROR(ComputeFans(type.shape, LayoutOf(context)).status());
  return std::vector<TensorType>{type};
}

// What is used where nobody has looked at the op that follows.
std::vector<Value> Decompose(const Node& node) {
  return {AddInitializer(
      node.graph(), GlorotUniform(), node.output_type(),
      {.name = "",
       .layout = LayoutOf(InferContext(node.op(), {}, node.attributes()))},
      node.location())};
}

}  // namespace

const OpDef& AutoInitializerOp() {
  static const OpDef* const op = new OpDef{
      .name = "auto_initializer",
      .summary =
          "chosen by the op that follows the layer: He for ReLU and its "
          "kin, LeCun for SELU, else Glorot",
      .attributes = {{.name = "dtype",
                      .fallback = DType::kF32,
                      .required = true},
                     {.name = "shape", .fallback = Shape(), .required = true},
                     {.name = "transposed", .fallback = false},
                     {.name = "groups", .fallback = int64_t{1}, .minimum = 1}},
      .infer_type = InferType,
      .decompose = Decompose};
  return *op;
}

}  // namespace evengrad
