#include "evengrad/ops/run_after.h"

#include "evengrad/ops/reference.h"

namespace evengrad {
namespace {

std::vector<Value> Gradient(const Node&,
                            std::span<const Value> output_gradients) {
  return {output_gradients[0], Value()};
}

absl::Status Reference(const ReferenceCall& call) {
  call.output().values = call.input(0).values;
  return absl::OkStatus();
}

}  // namespace

const OpDef& RunAfterOp() {
  static const OpDef* const op = new OpDef{
      .name = "run_after",
      .summary = "x, for readers that run when the trigger is known",
      .inputs = {"input", "trigger"},
      .infer_type = SameAsInput,
      .gradient = Gradient,
      .reference = Reference,
      .hint_flow = HintFlow::kPass,
      .alias = true,
  };
  return *op;
}

Value RunAfter(const Value& input, const Value& trigger,
               SourceLocation location) {
  return AddNode(RunAfterOp(), {input, trigger}, {}, {.location = location})
      .output();
}

}  // namespace evengrad
