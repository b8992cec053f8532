// Rows of mean square 1:
//
//   y = x / r, with r = sqrt(mean of x^2 along the last axis + epsilon)
//
// Zhang and Sennrich: Root Mean Square Layer Normalization, 2019, without the
// gain.
#include "my_ops.h"

namespace my_ops {
namespace {

eg::Value RowMean(const eg::Value& x) {
  return ReduceMean(x, {.axes = {-1}, .keep_dimensions = true});
}

eg::Value Rms(const eg::Node& node) {
  return Sqrt(RowMean(Square(node.input(0))) +
              node.attribute<double>("epsilon"));
}

eg::InferredTypes InferType(const eg::InferContext& context) {
  if (context.input(0).rank() == 0) {
    return eg::InvalidArgument("a scalar has no rows: ", context.Describe(0));
  }
  return eg::InferFloating(context);
}

// What takes the node's place when a program is compiled.
std::vector<eg::Value> Decompose(const eg::Node& node) {
  return {node.input(0) / Rms(node)};
}

// d loss / d x = (g - y * mean of g * y) / r: less work, and fewer roundings,
// than the gradients of the parts one after the other. The root is the same
// node as in Decompose once the program is compiled, and computed once.
std::vector<eg::Value> Gradient(const eg::Node& node,
                                std::span<const eg::Value> output_gradients) {
  const eg::Value& g = output_gradients[0];
  const eg::Value y = node.output();
  return {(g - y * RowMean(g * y)) / Rms(node)};
}

}  // namespace

const eg::OpDef& UnitRmsOp() {
  static const eg::OpDef* const op = new eg::OpDef{
      .name = "unit_rms",
      .summary = "x / sqrt(mean of x^2 along the last axis + epsilon)",
      .inputs = {"input"},
      .attributes =
          {{.name = "epsilon", .fallback = 1e-6, .minimum = 0, .maximum = 1}},
      .infer_type = InferType,
      .gradient = Gradient,
      .decompose = Decompose,
      .hint_flow = eg::HintFlow::kPass,
  };
  return *op;
}

eg::Value UnitRms(const eg::Value& input, double epsilon,
                  eg::SourceLocation location) {
  return eg::AddNode(UnitRmsOp(), {input}, {{"epsilon", epsilon}},
                     {.location = location})
      .output();
}

}  // namespace my_ops
