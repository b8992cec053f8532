#include "evengrad/formats/onnx/export_writer.h"

#include "absl/container/flat_hash_map.h"

namespace evengrad {

std::string OnnxWriter::FreeName(const std::string& name) {
  std::string free = name;
  for (int i = 1; !taken_.insert(free).second; ++i) free = StrCat(name, "_", i);
  return free;
}

std::vector<std::string> OnnxWriter::Add(std::string_view op,
                                         std::vector<std::string> inputs,
                                         OnnxAttributes attributes,
                                         int num_outputs) {
  OnnxNode node = {.op = std::string(op), .inputs = std::move(inputs)};
  for (const auto& [name, value] : attributes) {
    node.attributes.emplace(name, value);
  }
  for (int i = 0; i < num_outputs; ++i) {
    node.outputs.push_back(FreeName(StrCat(prefix_, "/", op)));
  }
  node.name = node.outputs[0];
  model_.nodes.push_back(node);
  return node.outputs;
}

std::string OnnxWriter::Add(std::string_view op,
                            std::vector<std::string> inputs,
                            OnnxAttributes attributes) {
  return Add(op, std::move(inputs), attributes, 1)[0];
}

std::string OnnxWriter::Constant(const Tensor& tensor) {
  return Add("Constant", {}, {{"value", tensor}});
}

std::string OnnxWriter::Integers(const std::vector<int64_t>& values) {
  const absl::StatusOr<Tensor> tensor =
      Tensor::Of<int64_t>({static_cast<int64_t>(values.size())}, values);
  return Constant(tensor.value_or(Tensor()));
}

std::string OnnxWriter::Scalar(double value, DType dtype) {
  absl::StatusOr<Tensor> tensor = Tensor::Zeros({dtype, {}});
  if (tensor.ok()) StoreFromDouble(dtype, tensor->mutable_data(), 0, value);
  return Constant(tensor.value_or(Tensor()));
}

absl::StatusOr<std::string> OnnxWriter::Sizes(const Shape& shape) {
  if (shape.is_static()) {
    EVENGRAD_ASSIGN_OR_RETURN(const std::vector<int64_t> sizes, shape.Sizes());
    return Integers(sizes);
  }
  std::vector<std::string> parts;
  for (const Dimension& size : shape) {
    if (size.is_integer()) {
      parts.push_back(Integers({size.size()}));
      continue;
    }
    const auto input =
        symbols_.find(size.is_symbol() ? size.symbol() : std::string());
    if (input == symbols_.end()) {
      return Unsupported("the shape ", shape.ToString(),
                         ", of which a size is no input's");
    }
    std::string& name = symbol_sizes_[input->first];
    if (name.empty()) {
      const auto& [source, axis] = input->second;
      name = Add("Gather", {Add("Shape", {source}), Integers({int64_t{axis}})});
    }
    parts.push_back(name);
  }
  if (parts.size() == 1) return parts[0];
  return Add("Concat", parts, {{"axis", int64_t{0}}});
}

std::string OnnxWriter::SizesOf(const Value& value) {
  const absl::StatusOr<std::vector<int64_t>> sizes = value.shape().Sizes();
  return sizes.ok() ? Integers(*sizes) : Add("Shape", {Name(value)});
}

const OnnxExport* FindOnnxExport(const OpDef& op) {
  using Rules = absl::flat_hash_map<const OpDef*, const OnnxExport*>;
  static const Rules* const rules = [] {
    auto* all = new Rules;
    for (const std::span<const OnnxExport> group :
         {OnnxElementwiseExports(), OnnxActivationExports(),
          OnnxReductionExports(), OnnxProductExports(),
          OnnxNormalizationExports(), OnnxShapeExports(), OnnxPartExports()}) {
      for (const OnnxExport& rule : group) all->emplace(&rule.op(), &rule);
    }
    return all;
  }();
  const auto it = rules->find(&op);
  return it == rules->end() ? nullptr : it->second;
}

}  // namespace evengrad
