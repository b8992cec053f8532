// Constant folding: a node whose inputs are all constants becomes one.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/runtime/passes.h"
#include "evengrad/runtime/rebuild.h"
#include "evengrad/runtime/rebuild_program.h"
#include "evengrad/runtime/reference_executor.h"

namespace evengrad {
namespace {

// A folded value has at most this many elements, and is made of at most that
// many by at most that much arithmetic: a number broadcast to a large tensor is
// better made by a loop, and the references are plain loops.
constexpr int64_t kMaxElements = 1024;
constexpr int64_t kMaxInputElements = 16 * kMaxElements;
constexpr double kMaxFlops = 1e6;

// Beyond these, doubles do not hold every whole number.
constexpr double kMaxExact = 9007199254740992.0;  // 2^53

// The double can stand for what a kernel would compute: whole numbers neither
// rounded nor out of range. Floats are rounded once, from double, and may
// differ from a kernel's in the last bits.
bool IsExact(DType dtype, double x) {
  switch (dtype) {
    case DType::kI64:
      return std::abs(x) < kMaxExact;
    case DType::kI32:
      return x >= std::numeric_limits<int32_t>::min() &&
             x <= std::numeric_limits<int32_t>::max();
    case DType::kU8:
      return x >= 0 && x <= std::numeric_limits<uint8_t>::max();
    default:
      return true;
  }
}

bool AreExact(DType dtype, std::span<const double> values) {
  return std::ranges::all_of(values,
                             [&](double x) { return IsExact(dtype, x); });
}

// The number of elements of a constant that the reference reads exactly.
std::optional<int64_t> ReadableElements(const Value& input) {
  if (!IsConstant(input.node())) return std::nullopt;
  const auto& tensor = input.node().attribute<Tensor>("value");
  if (tensor.num_elements() > kMaxInputElements) return std::nullopt;
  if (tensor.dtype() == DType::kI64 &&
      !AreExact(tensor.dtype(), ToReference(tensor).values)) {
    return std::nullopt;
  }
  return tensor.num_elements();
}

bool HasSmallOutputs(const Node& node) {
  for (int i = 0; i < node.num_outputs(); ++i) {
    const TensorType& type = node.output_type(i);
    if (type.dtype == DType::kOpaque) return false;
    const absl::StatusOr<int64_t> elements = type.shape.NumElements();
    if (!elements.ok() || *elements > kMaxElements) return false;
  }
  return true;
}

// `inputs` stand for those of `node`, whose sizes are known.
bool MayFold(const Node& node, std::span<const Value> inputs) {
  const OpDef& op = node.op();
  if (op.is_source || op.random || op.has_effects || !op.reference ||
      inputs.empty() || !HasSmallOutputs(node)) {
    return false;
  }
  int64_t elements = 0;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (op.ReadsTypeOnly(static_cast<int>(i))) continue;
    const std::optional<int64_t> read = ReadableElements(inputs[i]);
    if (!read.has_value()) return false;
    elements += *read;
  }
  return elements <= kMaxInputElements &&
         (!op.cost || op.cost(node).flops <= kMaxFlops);
}

// Some node has what it takes already; else no other ever will.
bool AnyMayFold(const Graph& graph) {
  std::vector<Value> inputs;
  for (int id = 0; id < graph.num_nodes(); ++id) {
    const Node node = graph.node(id);
    inputs.clear();
    for (int i = 0; i < node.num_inputs(); ++i) inputs.push_back(node.input(i));
    if (MayFold(node, inputs)) return true;
  }
  return false;
}

// The node's outputs, computed by its reference; nothing where they are not
// exact.
absl::StatusOr<std::optional<std::vector<Tensor>>> Evaluate(
    const Node& node, std::span<const Value> inputs) {
  Graph graph;
  std::vector<Value> copies;
  for (const Value& input : inputs) {
    copies.push_back(
        IsConstant(input.node())
            ? Constant(graph, input.node().attribute<Tensor>("value"))
            : TypeToken(graph, input.type()));
  }
  // Under a name of its own: the inputs have taken some.
  const Node copy = graph.Add(node.op(), copies, node.attributes(),
                              {.location = node.location()});
  EVENGRAD_RETURN_IF_ERROR(graph.status());
  std::vector<Value> outputs;
  for (int i = 0; i < copy.num_outputs(); ++i) {
    outputs.push_back(copy.output(i));
  }
  const absl::StatusOr<std::vector<ReferenceTensor>> results =
      RunReference(graph, outputs, {});
  // Its kernel tells, if the node is ever needed.
  if (!results.ok()) return std::optional<std::vector<Tensor>>();
  std::vector<Tensor> tensors;
  for (size_t i = 0; i < results->size(); ++i) {
    if (!AreExact(outputs[i].dtype(), (*results)[i].values)) {
      return std::optional<std::vector<Tensor>>();
    }
    EVENGRAD_ASSIGN_OR_RETURN(Tensor tensor, ToTensor((*results)[i]));
    tensors.push_back(std::move(tensor));
  }
  return std::optional<std::vector<Tensor>>(std::move(tensors));
}

}  // namespace

absl::StatusOr<bool> FoldPass(Program& program) {
  if (!AnyMayFold(program.graph)) return false;
  bool changed = false;
  EVENGRAD_RETURN_IF_ERROR(RebuildProgram(
      program, nullptr,
      [&](const Node& node, std::span<const Value> inputs,
          Graph& graph) -> absl::StatusOr<std::optional<std::vector<Value>>> {
        std::optional<std::vector<Value>> values;
        if (!MayFold(node, inputs)) return values;
        EVENGRAD_ASSIGN_OR_RETURN(
            const std::optional<std::vector<Tensor>> tensors,
            Evaluate(node, inputs));
        if (!tensors.has_value()) return values;
        values.emplace();
        for (const Tensor& tensor : *tensors) {
          // Of several outputs, later ones take no name of a node to come.
          const std::string name =
              values->empty() ? FreeName(graph, node.name())
                              : FreeName(graph, node.name(), &program.graph);
          const Node constant = graph.AddNamed(
              ConstantOp(), {}, {{"value", tensor}}, name, node.location());
          if (!constant.valid()) return graph.status();
          values->push_back(constant.output());
        }
        changed = true;
        return values;
      }));
  return changed;
}

}  // namespace evengrad
