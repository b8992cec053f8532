#include "evengrad/ops/dropout_rules.h"

#include <utility>

#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/random_rules.h"

namespace evengrad {

std::vector<AttributeDef> DropoutAttributes() {
  return {{.name = "probability",
           .fallback = 0.5,
           .summary = "of a drop, below 1",
           .minimum = 0,
           .maximum = 1},
          {.name = "stream",
           .fallback = int64_t{-1},
           .summary = "the sequence; -1: a hash of the name",
           .minimum = -1}};
}

absl::StatusOr<std::vector<TensorType>> InferDropout(
    const InferContext& context) {
  const TensorType& input = context.input(0);
  if (!IsFloating(input.dtype)) {
    return InvalidArgument("input must be floating (f32, f64 or bf16), found ",
                           input.ToString());
  }
  if (context.attribute<double>("probability") >= 1) {
    return InvalidArgument(
        "with probability 1 everything is dropped; give one below 1");
  }
  return std::vector<TensorType>{input, Bool(input.shape)};
}

std::vector<Value> KeepAll(const Node& node) {
  const Value kept = Constant(node.graph(), 1, DType::kBool);
  return {node.input(0), BroadcastLike(kept, node.input(0))};
}

Value DrawMask(const Node& node) {
  return RandomBernoulli(node.graph(), node.output_type(1),
                         1 - node.attribute<double>("probability"),
                         {.stream = node.attribute<int64_t>("stream")});
}

Value FactorInTraining(const Node& node, double training) {
  const Graph graph = node.graph();
  return Select(IsTraining(graph),
                Constant(graph, training, node.output_type().dtype), 1);
}

ReferenceFunction ReferenceDropout(
    std::function<double(double x, double probability)> kept,
    std::function<double(double probability)> dropped) {
  return [kept = std::move(kept),
          dropped = std::move(dropped)](const ReferenceCall& call) {
    const double probability = call.attribute<double>("probability");
    const RandomSource source = {call.seed, call.step,
                                 call.attribute<int64_t>("stream")};
    for (int64_t i = 0; i < call.input(0).num_elements(); ++i) {
      const bool keep = IsBernoulliSuccess(source, i, 1 - probability);
      call.output(0).values[i] =
          keep ? kept(call.input(0).values[i], probability)
               : dropped(probability);
      call.output(1).values[i] = keep;
    }
    return absl::OkStatus();
  };
}

Value AddDropout(const OpDef& op, const Value& input, double probability,
                 const RandomOptions& options, SourceLocation location) {
  return AddNode(op, {input},
                 {{"probability", probability}, {"stream", options.stream}},
                 {.name = options.name, .location = location})
      .output();
}

}  // namespace evengrad
