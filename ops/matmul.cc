#include "evengrad/graph/status.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/matmul_kernel.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"
#include "evengrad/ops/wide_product.h"

namespace evengrad {
namespace {

// How a matrix that may be transposed reads: op(matrix) is [rows, columns].
struct View {
  Dimension rows;
  Dimension columns;
  // What the matrix itself calls these: "columns" are "rows" when transposed.
  const char* row_word;
  const char* column_word;
};

View Look(const Shape& matrix, bool transposed) {
  if (transposed) return {matrix[1], matrix[0], "columns", "rows"};
  return {matrix[0], matrix[1], "rows", "columns"};
}

absl::Status CheckMatrix(const InferContext& context, int i) {
  const TensorType& type = context.input(i);
  if (!IsFloating(type.dtype)) {
    return InvalidArgument(context.InputName(i),
                           " must be floating (f32, f64 or bf16), found ",
                           type.ToString());
  }
  if (type.rank() != 2) {
    return InvalidArgument(context.InputName(i),
                           " must be a matrix (two dimensions), found ",
                           type.ToString());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<TensorType>> InferType(const InferContext& context) {
  EVENGRAD_RETURN_IF_ERROR(CheckMatrix(context, 0));
  EVENGRAD_RETURN_IF_ERROR(CheckMatrix(context, 1));
  const TensorType& input = context.input(0);
  const TensorType& weights = context.input(1);
  if (input.dtype != weights.dtype) {
    return InvalidArgument("element types differ: ", context.Describe(0), ", ",
                           context.Describe(1), "; cast one of them");
  }
  const View left =
      Look(input.shape, context.attribute<bool>("transpose_input"));
  const View right =
      Look(weights.shape, context.attribute<bool>("transpose_weights"));
  if (!MayBeEqual(left.columns, right.rows)) {
    return InvalidArgument("inner dimensions differ: ", context.Describe(0),
                           " has ", left.columns.ToString(), " ",
                           left.column_word, ", ", context.Describe(1),
                           " have ", right.rows.ToString(), " ",
                           right.row_word);
  }
  const bool widens =
      context.attribute<bool>("output_f32") && input.dtype == DType::kBF16;
  return std::vector<TensorType>{
      {widens ? DType::kF32 : input.dtype, {left.rows, right.columns}}};
}

// A product of the gradient of `node`: in the type of the node's factors, with
// its precision.
Value Product(const Node& node, const Value& input, const Value& weights,
              MatMulOptions options) {
  const DType dtype = node.input(0).dtype();
  options.output_f32 = node.attribute<bool>("output_f32");
  auto cast = [&](const Value& value) {
    return value.dtype() == dtype ? value : Cast(value, dtype);
  };
  return cast(MatMul(cast(input), cast(weights), options));
}

// With output = op(input) · op(weights):
//   d op(input) = g · op(weights)^T, d op(weights) = op(input)^T · g;
// a transposed matrix gets the transpose of that product, factors swapped.
std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  const Value& gradient = output_gradients[0];
  const Value input = node.input(0);
  const Value weights = node.input(1);
  const bool input_t = node.attribute<bool>("transpose_input");
  const bool weights_t = node.attribute<bool>("transpose_weights");
  const Value input_gradient =
      input_t
          ? Product(node, weights, gradient,
                    {.transpose_input = weights_t, .transpose_weights = true})
          : Product(node, gradient, weights, {.transpose_weights = !weights_t});
  const Value weights_gradient =
      weights_t
          ? Product(node, gradient, input,
                    {.transpose_input = true, .transpose_weights = input_t})
          : Product(node, input, gradient, {.transpose_input = !input_t});
  return {input_gradient, weights_gradient};
}

absl::Status Reference(const ReferenceCall& call) {
  const ReferenceTensor& input = call.input(0);
  const ReferenceTensor& weights = call.input(1);
  ReferenceTensor& output = call.output();
  const bool input_t = call.attribute<bool>("transpose_input");
  const bool weights_t = call.attribute<bool>("transpose_weights");
  const int64_t rows = output.sizes[0];
  const int64_t columns = output.sizes[1];
  const int64_t depth = input.sizes[input_t ? 0 : 1];
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; ++j) {
      double sum = 0;
      for (int64_t k = 0; k < depth; ++k) {
        sum += input.values[input_t ? k * rows + i : i * depth + k] *
               weights.values[weights_t ? j * depth + k : k * columns + j];
      }
      output.values[i * columns + j] = sum;
    }
  }
  return absl::OkStatus();
}

Cost ComputeCost(const Node& node) {
  const Shape& input = node.input(0).shape();
  const Shape& output = node.output_type().shape;
  const Dimension depth =
      input[node.attribute<bool>("transpose_input") ? 0 : 1];
  Cost cost;
  cost.flops = 2.0 * static_cast<double>(output[0].size()) *
               static_cast<double>(output[1].size()) *
               static_cast<double>(depth.size());
  for (const TensorType& type :
       {node.input(0).type(), node.input(1).type(), node.output_type()}) {
    cost.bytes += static_cast<double>(type.ByteSize().value_or(0));
  }
  return cost;
}

}  // namespace

const OpDef& MatMulOp() {
  static const OpDef* const op = new OpDef{
      .name = "matmul",
      .summary = "output[i,j] = sum over k of input[i,k] * weights[k,j]",
      .inputs = {"input", "weights"},
      .attributes = {{.name = "transpose_input",
                      .fallback = false,
                      .summary = "input is given as [k,m]"},
                     {.name = "transpose_weights",
                      .fallback = false,
                      .summary = "weights are given as [n,k]"},
                     {.name = "output_f32",
                      .fallback = false,
                      .summary = "of bf16 matrices, the output is f32"}},
      .infer_type = InferType,
      .gradient = Gradient,
      .make_kernel = MakeMatMulKernel,
      .reference = Reference,
      .cost = ComputeCost,
      .hint_flow = HintFlow::kStop,
      .epilogue = true,
  };
  return *op;
}

bool IsWideProduct(const Node& node) {
  return &node.op() == &MatMulOp() && node.input(0).dtype() == DType::kF32;
}

Attributes AttributesForBFloat16(const Node& node) {
  Attributes attributes = node.attributes();
  attributes["output_f32"] = true;
  return attributes;
}

Value MatMul(const Value& input, const Value& weights, MatMulOptions options,
             SourceLocation location) {
  const bool many = (input.valid() && input.rank() > 2) ||
                    (weights.valid() && weights.rank() > 2);
  Attributes attributes = {{"transpose_input", options.transpose_input},
                           {"transpose_weights", options.transpose_weights}};
  if (options.output_f32) attributes["output_f32"] = true;
  return AddNode(many ? BatchMatMulOp() : MatMulOp(), {input, weights},
                 std::move(attributes),
                 {.name = options.name, .location = location})
      .output();
}

}  // namespace evengrad
