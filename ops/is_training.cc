// Whether the program runs in training: what gradients of ops that differ in
// inference select by.
#include "evengrad/graph/source_ops.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"

namespace evengrad {
namespace {

absl::StatusOr<std::vector<TensorType>> InferType(const InferContext&) {
  return std::vector<TensorType>{Bool({})};
}

std::vector<Value> True(const Node& node) {
  return {Constant(node.graph(), 1, DType::kBool)};
}

std::vector<Value> False(const Node& node) {
  return {Constant(node.graph(), 0, DType::kBool)};
}

absl::Status Reference(const ReferenceCall& call) {
  call.output().values[0] = 1;
  return absl::OkStatus();
}

}  // namespace

const OpDef& IsTrainingOp() {
  static const OpDef* const op = new OpDef{
      .name = "is_training",
      .summary = "true in training, false in inference mode",
      .infer_type = InferType,
      .reference = Reference,
      .inference = False,
      .decompose = True,
  };
  return *op;
}

Value IsTraining(const Graph& graph, SourceLocation location) {
  return Graph(graph)
      .Add(IsTrainingOp(), {}, {}, {.location = location})
      .output();
}

}  // namespace evengrad
