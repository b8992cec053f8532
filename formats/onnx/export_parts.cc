// How tensors are put together and taken apart.
#include "evengrad/formats/onnx/export_writer.h"
#include "evengrad/ops/builtin_ops.h"

namespace evengrad {
namespace {

using Writer = OnnxWriter;
using Integers = std::vector<int64_t>;

OnnxNames WriteConcat(Writer& writer, const Node& node) {
  std::vector<std::string> inputs;
  for (int i = 0; i < node.num_inputs(); ++i) {
    inputs.push_back(writer.Name(node.input(i)));
  }
  return OneName(writer.Add("Concat", inputs,
                            {{"axis", node.attribute<int64_t>("axis")}}));
}

OnnxNames WriteSplit(Writer& writer, const Node& node) {
  const int64_t axis = node.attribute<int64_t>("axis");
  std::vector<std::string> inputs = {writer.Name(node.input(0))};
  const Integers& sizes = node.attribute<Integers>("sizes");
  if (!sizes.empty()) inputs.push_back(writer.Integers(sizes));
  return writer.Add("Split", inputs, {{"axis", axis}}, node.num_outputs());
}

OnnxNames WriteSlice(Writer& writer, const Node& node) {
  const auto list = [&](std::string_view name) {
    return writer.Integers(node.attribute<Integers>(name));
  };
  const std::string& x = writer.Name(node.input(0));
  if (node.input(0).rank() == 0) return OneName(x);
  const std::string starts = list("starts");
  const std::string stops = list("stops");
  const std::string axes = list("axes");
  return OneName(writer.Add("Slice", {x, starts, stops, axes, list("steps")}));
}

OnnxNames WritePad(Writer& writer, const Node& node) {
  Integers pads = node.attribute<Integers>("before");
  const Integers& after = node.attribute<Integers>("after");
  pads.insert(pads.end(), after.begin(), after.end());
  const std::string& x = writer.Name(node.input(0));
  if (node.input(0).rank() == 0) return OneName(x);
  const std::string counts = writer.Integers(pads);
  const std::string value =
      writer.Scalar(node.attribute<double>("value"), node.output_type().dtype);
  return OneName(writer.Add("Pad", {x, counts, value}));
}

// Indices out of range, which ours reads as NaN, are errors there.
OnnxNames WriteGather(Writer& writer, const Node& node) {
  if (node.attribute<std::string>("out_of_range") == "zero") {
    return Writer::Unsupported("a gather that reads 0 out of range");
  }
  std::string indices = writer.Name(node.input(1));
  if (node.input(1).dtype() == DType::kU8) {
    indices = writer.Add("CastLike", {indices, writer.Scalar(0, DType::kI32)});
  }
  return OneName(writer.Add("Gather", {writer.Name(node.input(0)), indices},
                            {{"axis", node.attribute<int64_t>("axis")}}));
}

// Of one label too, which there must be a list, and in bf16, which it has not.
OnnxNames WriteOneHot(Writer& writer, const Node& node) {
  const bool narrow = node.output_type().dtype == DType::kBF16;
  const DType dtype = narrow ? DType::kF32 : node.output_type().dtype;
  absl::StatusOr<Tensor> values = Tensor::Zeros({dtype, {2}});
  if (!values.ok()) return values.status();
  StoreFromDouble(dtype, values->mutable_data(), 1, 1);
  const std::string depth = writer.Scalar(
      static_cast<double>(node.attribute<int64_t>("classes")), DType::kI64);
  const bool single = node.input(0).rank() == 0;
  std::string labels = writer.Name(node.input(0));
  if (single) labels = writer.Add("Unsqueeze", {labels, writer.Integers({0})});
  std::string marks =
      writer.Add("OneHot", {labels, depth, writer.Constant(*values)});
  if (narrow) {
    marks = writer.Add("CastLike", {marks, writer.Scalar(0, DType::kBF16)});
  }
  if (!single) return OneName(marks);
  return OneName(writer.Add("Squeeze", {marks, writer.Integers({0})}));
}

constexpr OnnxExport kRules[] = {
    {ConcatOp, {}, WriteConcat}, {GatherOp, {}, WriteGather},
    {OneHotOp, {}, WriteOneHot}, {PadOp, {}, WritePad},
    {SliceOp, {}, WriteSlice},   {SplitOp, {}, WriteSplit},
};

}  // namespace

std::span<const OnnxExport> OnnxPartExports() { return kRules; }

}  // namespace evengrad
