// How shapes and broadcasts are written.
#include <algorithm>

#include "evengrad/formats/onnx/export_writer.h"
#include "evengrad/graph/source_ops.h"
#include "evengrad/ops/builtin_ops.h"

namespace evengrad {
namespace {

using Writer = OnnxWriter;
using Axes = std::vector<int64_t>;

// A single open size is -1, "what is left"; where a size is 0 there is no such
// rest.
absl::StatusOr<std::string> Target(Writer& writer, const Shape& shape) {
  Axes sizes;
  int open = 0;
  bool has_zero = false;
  for (const Dimension& size : shape) {
    sizes.push_back(size.is_integer() ? size.size() : -1);
    open += size.is_integer() ? 0 : 1;
    has_zero |= sizes.back() == 0;
  }
  if (open == 1 && !has_zero) return writer.Integers(sizes);
  return writer.Sizes(shape);
}

// With allowzero a 0 is a size; without, "as in the input".
OnnxNames Reshaped(Writer& writer, const Node& node, const std::string& sizes) {
  return OneName(writer.Add("Reshape", {writer.Name(node.input(0)), sizes},
                            {{"allowzero", int64_t{1}}}));
}

OnnxNames WriteReshape(Writer& writer, const Node& node) {
  EVENGRAD_ASSIGN_OR_RETURN(const std::string sizes,
                            Target(writer, node.output_type().shape));
  return Reshaped(writer, node, sizes);
}

OnnxNames WriteReshapeLike(Writer& writer, const Node& node) {
  return Reshaped(writer, node, writer.SizesOf(node.input(1)));
}

OnnxNames WriteTranspose(Writer& writer, const Node& node) {
  Axes permutation = node.attribute<Axes>("permutation");
  if (permutation.empty()) {
    for (int i = node.input(0).rank() - 1; i >= 0; --i) {
      permutation.push_back(i);
    }
  }
  const int rank = node.input(0).rank();
  for (int64_t& axis : permutation) {
    if (axis < 0) axis += rank;
  }
  return OneName(writer.Add("Transpose", {writer.Name(node.input(0))},
                            {{"perm", permutation}}));
}

OnnxNames WriteAxes(Writer& writer, const Node& node, std::string_view op) {
  const Axes& axes = node.attribute<Axes>("axes");
  const std::string& x = writer.Name(node.input(0));
  if (axes.empty()) return OneName(x);  // no axis, no change
  return OneName(writer.Add(op, {x, writer.Integers(axes)}));
}
OnnxNames WriteSqueeze(Writer& writer, const Node& node) {
  return WriteAxes(writer, node, "Squeeze");
}
OnnxNames WriteUnsqueeze(Writer& writer, const Node& node) {
  return WriteAxes(writer, node, "Unsqueeze");
}

OnnxNames WriteBroadcastTo(Writer& writer, const Node& node) {
  EVENGRAD_ASSIGN_OR_RETURN(const std::string sizes,
                            writer.Sizes(node.output_type().shape));
  return OneName(writer.Add("Expand", {writer.Name(node.input(0)), sizes}));
}

OnnxNames WriteBroadcastLike(Writer& writer, const Node& node) {
  Axes axes = node.attribute<Axes>("axes");
  std::string x = writer.Name(node.input(0));
  if (!axes.empty()) x = writer.Add("Unsqueeze", {x, writer.Integers(axes)});
  return OneName(writer.Add("Expand", {x, writer.SizesOf(node.input(1))}));
}

// The product of the sizes along some axes.
OnnxNames WriteSizeOf(Writer& writer, const Node& node) {
  std::string sizes = writer.SizesOf(node.input(0));
  const Axes& axes = node.attribute<Axes>("axes");
  if (!axes.empty()) {
    Axes from_front = axes;
    for (int64_t& axis : from_front) {
      if (axis < 0) axis += node.input(0).rank();
    }
    sizes = writer.Add("Gather", {sizes, writer.Integers(from_front)});
  }
  const std::string product =
      writer.Add("ReduceProd", {sizes}, {{"keepdims", int64_t{0}}});
  const DType dtype = node.output_type().dtype;
  if (dtype == DType::kI64) return OneName(product);
  const std::string like = writer.Scalar(0, dtype);
  return OneName(writer.Add("CastLike", {product, like}));
}

// Sums away the axes that a broadcast from the shape of `like` would have made.
OnnxNames WriteSumToLike(Writer& writer, const Node& node) {
  const Shape& from = node.input(0).shape();
  const Shape& to = node.output_type().shape;
  Axes lacking = node.attribute<Axes>("axes");
  for (int64_t& axis : lacking) {
    if (axis < 0) axis += from.rank();
  }
  if (lacking.empty()) {
    for (int i = 0; i < from.rank() - to.rank(); ++i) lacking.push_back(i);
  }
  Axes kept;  // axes that stay with size 1
  int k = 0;
  for (int i = 0; i < from.rank(); ++i) {
    if (std::ranges::find(lacking, i) != lacking.end()) continue;
    const Dimension size = to[k++];
    if (size == Dimension(1) && from[i] != Dimension(1)) {
      kept.push_back(i);
    } else if (!CertainlyEqual(size, from[i])) {
      return Writer::Unsupported("a sum of ", from.ToString(), " to ",
                                 to.ToString());
    }
  }
  std::string x = writer.Name(node.input(0));
  if (!kept.empty()) {
    x = writer.Add("ReduceSum", {x, writer.Integers(kept)});
  }
  if (!lacking.empty()) {
    x = writer.Add("ReduceSum", {x, writer.Integers(lacking)},
                   {{"keepdims", int64_t{0}}});
  }
  return OneName(x);
}

OnnxNames WriteTile(Writer& writer, const Node& node) {
  const std::string repeats = writer.Integers(node.attribute<Axes>("repeats"));
  return OneName(writer.Add("Tile", {writer.Name(node.input(0)), repeats}));
}

// 0, 1, 2 … along one axis, then spread over the others.
OnnxNames WriteIota(Writer& writer, const Node& node) {
  const TensorType& type = node.output_type();
  EVENGRAD_ASSIGN_OR_RETURN(
      const int axis,
      NormalizeAxis(node.attribute<int64_t>("axis"), type.rank()));
  EVENGRAD_ASSIGN_OR_RETURN(const std::string sizes, writer.Sizes(type.shape));
  EVENGRAD_ASSIGN_OR_RETURN(const std::string size,
                            writer.Sizes({type.shape[axis]}));
  const std::string count = writer.Add("Squeeze", {size});
  std::string numbers = writer.Add(
      "Range",
      {writer.Scalar(0, DType::kI64), count, writer.Scalar(1, DType::kI64)});
  if (type.dtype != DType::kI64) {
    numbers = writer.Add("CastLike", {numbers, writer.Scalar(0, type.dtype)});
  }
  Axes others;
  for (int i = 0; i < type.rank(); ++i) {
    if (i != axis) others.push_back(i);
  }
  if (others.empty()) return OneName(numbers);
  numbers = writer.Add("Unsqueeze", {numbers, writer.Integers(others)});
  return OneName(writer.Add("Expand", {numbers, sizes}));
}

constexpr OnnxExport kRules[] = {
    {BroadcastLikeOp, {}, WriteBroadcastLike},
    {BroadcastToOp, {}, WriteBroadcastTo},
    {IotaOp, {}, WriteIota},
    {ReshapeLikeOp, {}, WriteReshapeLike},
    {ReshapeOp, {}, WriteReshape},
    {SizeOfOp, {}, WriteSizeOf},
    {SqueezeOp, {}, WriteSqueeze},
    {SumToLikeOp, {}, WriteSumToLike},
    {TileOp, {}, WriteTile},
    {TransposeOp, {}, WriteTranspose},
    {UnsqueezeOp, {}, WriteUnsqueeze},
};

}  // namespace

std::span<const OnnxExport> OnnxShapeExports() { return kRules; }

}  // namespace evengrad
