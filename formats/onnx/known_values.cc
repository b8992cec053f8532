#include "evengrad/formats/onnx/known_values.h"

#include <cmath>
#include <utility>

#include "evengrad/graph/source_ops.h"
#include "evengrad/runtime/reference_executor.h"

namespace evengrad {
namespace {

// Far from sizes that occur, from each other's multiples, and exact in double.
constexpr double kFirst = 1000003, kFirstStep = 15838;
double FirstProbe(size_t i) {
  return kFirst + kFirstStep * static_cast<double>(i);
}
double SecondProbe(size_t i) {
  return 15485867.0 + 104729.0 * static_cast<double>(i);
}
// The inverse of both.
std::optional<size_t> PlaceOfProbe(double first, double second) {
  if (!(first >= kFirst && first < 0x1p50)) return std::nullopt;
  const auto i = static_cast<size_t>((first - kFirst) / kFirstStep);
  if (FirstProbe(i) != first || SecondProbe(i) != second) return std::nullopt;
  return i;
}

bool IsSmall(const TensorType& type) {
  const absl::StatusOr<int64_t> count = type.shape.NumElements();
  return count.ok() && *count <= KnownValues::kMostElements;
}

// The op says how it computes, and does so alone and always the same.
bool CanFollow(const OpDef& op) {
  return op.reference && !op.random && !op.has_effects && !op.is_source;
}

std::optional<std::vector<ReferenceTensor>> Compute(
    const Node& node, const std::vector<const ReferenceTensor*>& inputs) {
  std::vector<ReferenceTensor> outputs;
  for (int i = 0; i < node.num_outputs(); ++i) {
    outputs.push_back(ReferenceTensor::Zeros(node.output_type(i)));
  }
  const ReferenceCall call = {.op = &node.op(),
                              .attributes = &node.attributes(),
                              .inputs = inputs,
                              .outputs = outputs};
  if (!node.op().reference(call).ok()) return std::nullopt;
  return outputs;
}

}  // namespace

size_t KnownValues::ProbeOf(const Dimension& size) {
  const size_t next = probed_.size();
  if (size.is_symbol()) {  // an unknown size is equal to no other one
    const auto [it, is_new] = symbols_.try_emplace(size.symbol(), next);
    if (!is_new) return it->second;
  }
  probed_.push_back(size);
  return next;
}

void KnownValues::Set(const Value& value, const Tensor& tensor) {
  if (tensor.num_elements() > kMostElements) return;
  const ReferenceTensor numbers = ToReference(tensor);
  known_[value.id()] = {numbers, numbers};
}

void KnownValues::Set(const Value& value, const Shape& sizes) {
  Known known;
  known.first = ReferenceTensor::Zeros({value.dtype(), {sizes.rank()}});
  known.second = known.first;
  for (int i = 0; i < sizes.rank(); ++i) {
    const auto k = static_cast<size_t>(i);
    if (sizes[i].is_integer()) {
      known.first.values[k] = static_cast<double>(sizes[i].size());
      known.second.values[k] = known.first.values[k];
    } else {
      const size_t probe = ProbeOf(sizes[i]);
      known.first.values[k] = FirstProbe(probe);
      known.second.values[k] = SecondProbe(probe);
    }
  }
  known_[value.id()] = std::move(known);
}

void KnownValues::Follow(const Graph& graph, int first, int last) {
  for (int id = first; id < last; ++id) Follow(graph.node(id));
}

void KnownValues::Follow(const Node& node) {
  if (IsConstant(node)) {
    Set(node.output(), node.attribute<Tensor>("value"));
    return;
  }
  if (!CanFollow(node.op()) || known_.contains({node.id(), 0})) return;
  for (int i = 0; i < node.num_outputs(); ++i) {
    if (!IsSmall(node.output_type(i))) return;
  }
  std::vector<const ReferenceTensor*> first;
  std::vector<const ReferenceTensor*> second;
  bool same = true;
  for (int i = 0; i < node.num_inputs(); ++i) {
    const auto it = known_.find(node.input_id(i));
    if (it == known_.end()) return;
    first.push_back(&it->second.first);
    second.push_back(&it->second.second);
    same &= it->second.first.values == it->second.second.values;
  }
  auto found = Compute(node, first);
  auto again = same ? found : Compute(node, second);
  if (!found.has_value() || !again.has_value()) return;
  for (int i = 0; i < node.num_outputs(); ++i) {
    known_[{node.id(), i}] = {std::move((*found)[i]), std::move((*again)[i])};
  }
}

std::optional<Tensor> KnownValues::Numbers(const Value& value) const {
  const auto it = known_.find(value.id());
  if (it == known_.end() ||
      it->second.first.values != it->second.second.values) {
    return std::nullopt;
  }
  absl::StatusOr<Tensor> tensor = ToTensor(it->second.first);
  return tensor.ok() ? std::optional(*std::move(tensor)) : std::nullopt;
}

std::optional<Shape> KnownValues::Sizes(const Value& value) const {
  const auto it = known_.find(value.id());
  if (it == known_.end() || it->second.first.rank() > 1) return std::nullopt;
  const std::vector<double>& first = it->second.first.values;
  const std::vector<double>& second = it->second.second.values;
  Shape sizes;
  for (size_t i = 0; i < first.size(); ++i) {
    Dimension size;
    if (first[i] == second[i] && std::abs(first[i]) < 0x1p53) {
      size = static_cast<int64_t>(first[i]);
    }
    const std::optional<size_t> probe = PlaceOfProbe(first[i], second[i]);
    if (probe.has_value() && *probe < probed_.size()) size = probed_[*probe];
    sizes.Append(size);
  }
  return sizes;
}

}  // namespace evengrad
