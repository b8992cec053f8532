// How normalizations are written, in inference mode.
#include "evengrad/formats/onnx/export_writer.h"
#include "evengrad/ops/builtin_ops.h"

namespace evengrad {
namespace {

using Writer = OnnxWriter;
using Axes = std::vector<int64_t>;

// ONNX's channels are axis 1; others are moved there.
OnnxNames WriteBatchNorm(Writer& writer, const Node& node) {
  const int rank = node.input(0).rank();
  EVENGRAD_ASSIGN_OR_RETURN(
      const int axis, NormalizeAxis(node.attribute<int64_t>("axis"), rank));
  std::vector<std::string> inputs;
  for (int i = 0; i < node.num_inputs(); ++i) {
    inputs.push_back(writer.Name(node.input(i)));
  }
  Axes permutation;
  for (int i = 0; i < rank; ++i) permutation.push_back(i);
  if (axis == 0) {
    return Writer::Unsupported("batch normalization with the channels first");
  }
  std::swap(permutation[1], permutation[static_cast<size_t>(axis)]);
  if (axis != 1) {
    inputs[0] = writer.Add("Transpose", {inputs[0]}, {{"perm", permutation}});
  }
  std::string output =
      writer.Add("BatchNormalization", inputs,
                 {{"epsilon", node.attribute<double>("epsilon")},
                  {"momentum", 1 - node.attribute<double>("momentum")}});
  if (axis != 1) {  // a swap is its own inverse
    output = writer.Add("Transpose", {output}, {{"perm", permutation}});
  }
  // The statistics stay what they are.
  return std::vector<std::string>{output, inputs[3], "", inputs[3], inputs[4]};
}

OnnxNames WriteLayerNorm(Writer& writer, const Node& node) {
  std::vector<std::string> inputs;
  for (int i = 0; i < node.num_inputs(); ++i) {
    inputs.push_back(writer.Name(node.input(i)));
  }
  const int64_t axis = node.input(0).rank() - node.input(1).rank();
  return writer.Add(
      "LayerNormalization", inputs,
      {{"axis", axis}, {"epsilon", node.attribute<double>("epsilon")}}, 3);
}

constexpr OnnxExport kRules[] = {{BatchNormOp, {}, WriteBatchNorm},
                                 {LayerNormOp, {}, WriteLayerNorm}};

}  // namespace

std::span<const OnnxExport> OnnxNormalizationExports() { return kRules; }

}  // namespace evengrad
