// Many matrix products at once: dimensions before the last two count them, and
// broadcast by NumPy's rules.
//
//   output[…, i, j] = sum over k of input[…, i, k] * weights[…, k, j]
#include <algorithm>

#include "evengrad/graph/status.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/elementwise_rules.h"
#include "evengrad/ops/matmul_kernel.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"

namespace evengrad {
namespace {

absl::Status CheckMatrices(const InferContext& context, int i) {
  const TensorType& type = context.input(i);
  if (!IsFloating(type.dtype)) {
    return InvalidArgument(context.InputName(i),
                           " must be floating (f32, f64 or bf16), found ",
                           type.ToString());
  }
  if (type.rank() < 2) {
    return InvalidArgument(context.InputName(i),
                           " must be matrices (two dimensions or more), found ",
                           type.ToString(),
                           "; reshape a vector to a row or a "
                           "column");
  }
  return absl::OkStatus();
}

Shape CountsOf(const Shape& shape) {
  Shape counts;
  for (int i = 0; i + 2 < shape.rank(); ++i) counts.Append(shape[i]);
  return counts;
}

absl::StatusOr<std::vector<TensorType>> InferType(const InferContext& context) {
  EVENGRAD_RETURN_IF_ERROR(CheckMatrices(context, 0));
  EVENGRAD_RETURN_IF_ERROR(CheckMatrices(context, 1));
  const TensorType& input = context.input(0);
  const TensorType& weights = context.input(1);
  if (input.dtype != weights.dtype) {
    return InvalidArgument("element types differ: ", context.Describe(0), ", ",
                           context.Describe(1), "; cast one of them");
  }
  const bool input_t = context.attribute<bool>("transpose_input");
  const bool weights_t = context.attribute<bool>("transpose_weights");
  auto size = [](const TensorType& type, bool last) {
    return type.shape[type.rank() - (last ? 1 : 2)];
  };
  const Dimension left = size(input, !input_t);
  const Dimension right = size(weights, weights_t);
  if (!MayBeEqual(left, right)) {
    return InvalidArgument("inner dimensions differ: ", context.Describe(0),
                           " has ", left.ToString(),
                           input_t ? " rows, " : " columns, ",
                           context.Describe(1), " have ", right.ToString(),
                           weights_t ? " columns" : " rows");
  }
  absl::StatusOr<Shape> shape =
      BroadcastShapes(CountsOf(input.shape), CountsOf(weights.shape));
  if (!shape.ok()) {
    return InvalidArgument("the products of ", context.Describe(0), " and ",
                           context.Describe(1),
                           " do not match: ", Message(shape.status()));
  }
  shape->Append(size(input, input_t));
  shape->Append(size(weights, !weights_t));
  return std::vector<TensorType>{{input.dtype, *std::move(shape)}};
}

Value Product(const Value& input, const Value& weights, bool transpose_input,
              bool transpose_weights) {
  return MatMul(input, weights,
                {.transpose_input = transpose_input,
                 .transpose_weights = transpose_weights});
}

// As for one product (ops/matmul.cc), summed over the products that share a
// matrix.
std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  const Value& gradient = output_gradients[0];
  const Value input = node.input(0);
  const Value weights = node.input(1);
  const bool input_t = node.attribute<bool>("transpose_input");
  const bool weights_t = node.attribute<bool>("transpose_weights");
  const Value input_gradient =
      input_t ? Product(weights, gradient, weights_t, true)
              : Product(gradient, weights, false, !weights_t);
  const Value weights_gradient =
      weights_t ? Product(gradient, input, true, input_t)
                : Product(input, gradient, !input_t, false);
  return {Unbroadcast(input_gradient, input),
          Unbroadcast(weights_gradient, weights)};
}

absl::Status Reference(const ReferenceCall& call) {
  const ReferenceTensor& input = call.input(0);
  const ReferenceTensor& weights = call.input(1);
  ReferenceTensor& output = call.output();
  const bool input_t = call.attribute<bool>("transpose_input");
  const bool weights_t = call.attribute<bool>("transpose_weights");
  const int64_t depth = input.sizes[input.rank() - (input_t ? 2 : 1)];
  // The element (row, column) of the matrix of `tensor` for output place
  // `index`.
  auto element = [](const ReferenceTensor& tensor, std::vector<int64_t> index,
                    int64_t row, int64_t column, bool transposed) {
    index[index.size() - 2] = transposed ? column : row;
    index[index.size() - 1] = transposed ? row : column;
    return tensor.values[BroadcastIndex(tensor.sizes, index)];
  };
  for (int64_t i = 0; i < output.num_elements(); ++i) {
    const std::vector<int64_t> index = Unflatten(output.sizes, i);
    const int64_t row = index[index.size() - 2];
    const int64_t column = index[index.size() - 1];
    for (int64_t k = 0; k < depth; ++k) {
      output.values[i] += element(input, index, row, k, input_t) *
                          element(weights, index, k, column, weights_t);
    }
  }
  return absl::OkStatus();
}

Cost ComputeCost(const Node& node) {
  const Shape& input = node.input(0).shape();
  const bool input_t = node.attribute<bool>("transpose_input");
  const Dimension depth = input[input.rank() - (input_t ? 2 : 1)];
  Cost cost;
  cost.flops =
      2.0 * static_cast<double>(depth.size()) *
      static_cast<double>(node.output_type().shape.NumElements().value_or(0));
  for (const TensorType& type :
       {node.input(0).type(), node.input(1).type(), node.output_type()}) {
    cost.bytes += static_cast<double>(type.ByteSize().value_or(0));
  }
  return cost;
}

}  // namespace

const OpDef& BatchMatMulOp() {
  static const OpDef* const op = new OpDef{
      .name = "batch_matmul",
      .summary =
          "output[...,i,j] = sum over k of input[...,i,k] * weights[...,k,j]; "
          "leading dimensions broadcast",
      .inputs = {"input", "weights"},
      .attributes = {{.name = "transpose_input",
                      .fallback = false,
                      .summary = "input is given as [...,k,m]"},
                     {.name = "transpose_weights",
                      .fallback = false,
                      .summary = "weights are given as [...,n,k]"}},
      .infer_type = InferType,
      .gradient = Gradient,
      .make_kernel = MakeBatchMatMulKernel,
      .reference = Reference,
      .cost = ComputeCost,
  };
  return *op;
}

}  // namespace evengrad
