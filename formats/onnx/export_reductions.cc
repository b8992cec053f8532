// How reductions, searches along an axis and matrix products are written.
#include "evengrad/formats/onnx/export_writer.h"
#include "evengrad/ops/builtin_ops.h"

namespace evengrad {
namespace {

using Writer = OnnxWriter;
using Axes = std::vector<int64_t>;

// Axes are an attribute in opset 17.
OnnxNames Reduce(Writer& writer, const Node& node, std::string_view op) {
  const int64_t keep = node.attribute<bool>("keep_dimensions") ? 1 : 0;
  const Axes& axes = node.attribute<Axes>("axes");
  const std::string& x = writer.Name(node.input(0));
  if (axes.empty()) return OneName(writer.Add(op, {x}, {{"keepdims", keep}}));
  return OneName(writer.Add(op, {x}, {{"axes", axes}, {"keepdims", keep}}));
}

// Of the sum they are an input.
OnnxNames WriteSum(Writer& writer, const Node& node) {
  const int64_t keep = node.attribute<bool>("keep_dimensions") ? 1 : 0;
  const Axes& axes = node.attribute<Axes>("axes");
  std::vector<std::string> inputs = {writer.Name(node.input(0))};
  if (!axes.empty()) inputs.push_back(writer.Integers(axes));
  return OneName(writer.Add("ReduceSum", inputs, {{"keepdims", keep}}));
}

OnnxNames WriteMean(Writer& writer, const Node& node) {
  return Reduce(writer, node, "ReduceMean");
}
OnnxNames WriteMax(Writer& writer, const Node& node) {
  return Reduce(writer, node, "ReduceMax");
}
OnnxNames WriteMin(Writer& writer, const Node& node) {
  return Reduce(writer, node, "ReduceMin");
}
OnnxNames WriteProduct(Writer& writer, const Node& node) {
  return Reduce(writer, node, "ReduceProd");
}
OnnxNames WriteL1(Writer& writer, const Node& node) {
  return Reduce(writer, node, "ReduceL1");
}
OnnxNames WriteL2(Writer& writer, const Node& node) {
  return Reduce(writer, node, "ReduceL2");
}
OnnxNames WriteSumSquares(Writer& writer, const Node& node) {
  return Reduce(writer, node, "ReduceSumSquare");
}
OnnxNames WriteLogSumExp(Writer& writer, const Node& node) {
  return Reduce(writer, node, "ReduceLogSumExp");
}

OnnxNames WriteArgMax(Writer& writer, const Node& node) {
  return OneName(writer.Add(
      "ArgMax", {writer.Name(node.input(0))},
      {{"axis", node.attribute<int64_t>("axis")}, {"keepdims", int64_t{0}}}));
}

OnnxNames WriteCumulativeSum(Writer& writer, const Node& node) {
  const auto flag = [&](std::string_view name) {
    return int64_t{node.attribute<bool>(name) ? 1 : 0};
  };
  const std::string axis = writer.Scalar(
      static_cast<double>(node.attribute<int64_t>("axis")), DType::kI64);
  return OneName(writer.Add(
      "CumSum", {writer.Name(node.input(0)), axis},
      {{"exclusive", flag("exclusive")}, {"reverse", flag("reverse")}}));
}

constexpr OnnxExport kRules[] = {
    {ArgMaxOp, {}, WriteArgMax},
    {CumulativeSumOp, {}, WriteCumulativeSum},
    {ReduceL1Op, {}, WriteL1},
    {ReduceL2Op, {}, WriteL2},
    {ReduceLogSumExpOp, {}, WriteLogSumExp},
    {ReduceMaxOp, {}, WriteMax},
    {ReduceMeanOp, {}, WriteMean},
    {ReduceMinOp, {}, WriteMin},
    {ReduceProductOp, {}, WriteProduct},
    {ReduceSumOp, {}, WriteSum},
    {ReduceSumSquaresOp, {}, WriteSumSquares},
};

// ---- Products ---------------------------------------------------------------

// A transposed factor: Gemm for matrices, else Transpose and MatMul.
OnnxNames WriteProduct2(Writer& writer, const Node& node) {
  const bool flip[] = {node.attribute<bool>("transpose_input"),
                       node.attribute<bool>("transpose_weights")};
  std::string factors[] = {writer.Name(node.input(0)),
                           writer.Name(node.input(1))};
  const DType dtype = node.output_type().dtype;
  if (dtype != node.input(0).dtype()) {  // output_f32
    for (std::string& factor : factors) {
      factor = writer.Add("CastLike", {factor, writer.Scalar(0, dtype)});
    }
  }
  const bool matrices = node.input(0).rank() == 2 && node.input(1).rank() == 2;
  if (matrices && (flip[0] || flip[1])) {
    return OneName(writer.Add(
        "Gemm", {factors[0], factors[1]},
        {{"transA", int64_t{flip[0]}}, {"transB", int64_t{flip[1]}}}));
  }
  for (int i = 0; i < 2; ++i) {
    if (!flip[i]) continue;
    Axes permutation(static_cast<size_t>(node.input(i).rank()));
    for (size_t k = 0; k < permutation.size(); ++k) {
      permutation[k] = static_cast<int64_t>(k);
    }
    std::swap(permutation[permutation.size() - 2], permutation.back());
    factors[i] = writer.Add("Transpose", {factors[i]}, {{"perm", permutation}});
  }
  return OneName(writer.Add("MatMul", {factors[0], factors[1]}));
}

constexpr OnnxExport kProductRules[] = {{BatchMatMulOp, {}, WriteProduct2},
                                        {MatMulOp, {}, WriteProduct2}};

}  // namespace

std::span<const OnnxExport> OnnxReductionExports() { return kRules; }
std::span<const OnnxExport> OnnxProductExports() { return kProductRules; }

}  // namespace evengrad
