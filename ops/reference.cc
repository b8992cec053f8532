#include "evengrad/ops/reference.h"

#include <utility>

#include "evengrad/graph/status.h"

namespace evengrad {

ReferenceTensor ReferenceTensor::Zeros(const TensorType& type) {
  ReferenceTensor tensor{.dtype = type.dtype};
  absl::StatusOr<std::vector<int64_t>> sizes = type.shape.Sizes();
  absl::StatusOr<int64_t> num_elements = type.shape.NumElements();
  if (!sizes.ok() || !num_elements.ok()) return tensor;
  tensor.sizes = *std::move(sizes);
  tensor.values.assign(static_cast<size_t>(*num_elements), 0.0);
  return tensor;
}

int64_t BroadcastIndex(std::span<const int64_t> sizes,
                       std::span<const int64_t> index) {
  const size_t skipped = index.size() - sizes.size();
  int64_t flat = 0;
  for (size_t i = 0; i < sizes.size(); ++i) {
    flat = flat * sizes[i] + (sizes[i] == 1 ? 0 : index[skipped + i]);
  }
  return flat;
}

std::vector<int64_t> Unflatten(std::span<const int64_t> sizes, int64_t flat) {
  std::vector<int64_t> index(sizes.size());
  for (size_t i = sizes.size(); i-- > 0;) {
    index[i] = flat % sizes[i];
    flat /= sizes[i];
  }
  return index;
}

int64_t Flatten(std::span<const int64_t> sizes,
                std::span<const int64_t> index) {
  int64_t flat = 0;
  for (size_t i = 0; i < sizes.size(); ++i) flat = flat * sizes[i] + index[i];
  return flat;
}

ReferenceFunction ReferenceElementwise(
    std::function<double(std::span<const double> inputs,
                         const ReferenceCall& call)>
        function) {
  return [function = std::move(function)](const ReferenceCall& call) {
    ReferenceTensor& output = call.output();
    std::vector<double> elements(call.inputs.size());
    for (int64_t i = 0; i < output.num_elements(); ++i) {
      const std::vector<int64_t> index = Unflatten(output.sizes, i);
      for (size_t k = 0; k < elements.size(); ++k) {
        const ReferenceTensor& input = *call.inputs[k];
        elements[k] = input.values[BroadcastIndex(input.sizes, index)];
      }
      output.values[i] = function(elements, call);
    }
    return absl::OkStatus();
  };
}

}  // namespace evengrad
