// Runs one node of a graph on given inputs, with its kernel or its reference.
#ifndef EVENGRAD_TESTS_OPS_RUN_OP_H_
#define EVENGRAD_TESTS_OPS_RUN_OP_H_

#include <numeric>
#include <utility>
#include <vector>

#include "evengrad/graph/graph.h"
#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/tensor.h"
#include "evengrad/ops/kernel.h"
#include "evengrad/ops/reference.h"

namespace evengrad::testing {

struct RunOptions {
  uint64_t seed = 0;
  uint64_t step = 0;
  bool parts_backward = false;
};

// The elements of output 0 of `value`'s node, whose types must be static.
inline absl::StatusOr<std::vector<double>> RunKernel(
    const Value& value, const std::vector<Tensor>& inputs = {},
    RunOptions options = {}) {
  const Node node = value.node();
  KernelRequest request{.op = &node.op(), .attributes = &node.attributes()};
  std::vector<void*> buffers;
  for (const Tensor& input : inputs) {
    request.inputs.push_back(input.type());
    request.input_buffers.push_back(static_cast<int>(buffers.size()));
    buffers.push_back(input.buffer().get());
  }
  EVENGRAD_ASSIGN_OR_RETURN(Tensor output, Tensor::Zeros(node.output_type()));
  request.outputs = {output.type()};
  request.output_buffers = {static_cast<int>(buffers.size())};
  buffers.push_back(output.mutable_data());
  EVENGRAD_ASSIGN_OR_RETURN(std::unique_ptr<Kernel> kernel,
                            node.op().make_kernel(request));
  std::vector<std::byte> scratch(kernel->scratch_bytes());
  const KernelContext context = {.buffers = buffers.data(),
                                 .scratch = scratch.data(),
                                 .seed = options.seed,
                                 .step = options.step};
  const int parts = kernel->num_parts();
  for (int i = 0; i < parts; ++i) {
    kernel->Run(options.parts_backward ? parts - 1 - i : i, context);
  }
  return output.ToDoubles();
}

inline ReferenceTensor ToReference(const Tensor& tensor) {
  ReferenceTensor result = ReferenceTensor::Zeros(tensor.type());
  result.values = tensor.ToDoubles();
  return result;
}

inline absl::StatusOr<std::vector<double>> RunReference(
    const Value& value, const std::vector<Tensor>& inputs = {},
    RunOptions options = {}) {
  const Node node = value.node();
  std::vector<ReferenceTensor> converted;
  for (const Tensor& input : inputs) converted.push_back(ToReference(input));
  std::vector<const ReferenceTensor*> pointers;
  for (const ReferenceTensor& input : converted) pointers.push_back(&input);
  ReferenceTensor output = ReferenceTensor::Zeros(node.output_type());
  EVENGRAD_RETURN_IF_ERROR(
      node.op().reference({.op = &node.op(),
                           .attributes = &node.attributes(),
                           .inputs = pointers,
                           .outputs = std::span<ReferenceTensor>(&output, 1),
                           .seed = options.seed,
                           .step = options.step}));
  return std::move(output.values);
}

// The elements of `value`, computed from those of `feeds` with references.
inline absl::StatusOr<ReferenceTensor> Evaluate(
    const Value& value,
    const std::vector<std::pair<Value, Tensor>>& feeds = {}) {
  for (const auto& [fed, tensor] : feeds) {
    if (fed == value) return ToReference(tensor);
  }
  const Node node = value.node();
  if (IsConstant(node)) return ToReference(node.attribute<Tensor>("value"));
  std::vector<ReferenceTensor> inputs;
  for (int i = 0; i < node.num_inputs(); ++i) {
    EVENGRAD_ASSIGN_OR_RETURN(ReferenceTensor input,
                              Evaluate(node.input(i), feeds));
    inputs.push_back(std::move(input));
  }
  std::vector<const ReferenceTensor*> pointers;
  for (const ReferenceTensor& input : inputs) pointers.push_back(&input);
  if (!node.op().reference) {
    return InvalidArgument(node.ErrorPrefix(), "has no reference");
  }
  ReferenceTensor output = ReferenceTensor::Zeros(node.output_type());
  EVENGRAD_RETURN_IF_ERROR(
      node.op().reference({.op = &node.op(),
                           .attributes = &node.attributes(),
                           .inputs = pointers,
                           .outputs = std::span<ReferenceTensor>(&output, 1)}));
  return output;
}

// 1, 2, 3 … as a tensor of f32.
inline Tensor Counting(std::vector<int64_t> sizes) {
  Tensor tensor = *Tensor::Zeros(F32(Shape(std::span<const int64_t>(sizes))));
  std::span<float> values = *tensor.mutable_values<float>();
  std::iota(values.begin(), values.end(), 1.0f);
  return tensor;
}

}  // namespace evengrad::testing

#endif  // EVENGRAD_TESTS_OPS_RUN_OP_H_
