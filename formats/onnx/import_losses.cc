// ONNX's losses of classification: scores [batch, classes, …], labels
// [batch, …].
#include <optional>

#include "evengrad/formats/onnx/import_helpers.h"
#include "evengrad/ops/losses.h"

namespace evengrad {
namespace {

using Call = OnnxCall;

struct LossInputs {
  Value scores;  // [examples, classes]
  Value labels;  // [examples]
  Value like;    // the labels as given: the shape of losses one an example
  LossReduction reduction = LossReduction::kMean;
  Value class_weights;
  std::optional<int64_t> ignore_index;
};

// The classes as the last axis, all others as one.
absl::StatusOr<Value> ByExample(const Value& scores) {
  const int rank = scores.rank();
  if (rank < 2) {
    return InvalidArgument("scores must be [batch, classes, …], found ",
                           scores.type().ToString());
  }
  if (rank == 2) return scores;
  std::vector<int64_t> permutation = {0};
  for (int i = 2; i < rank; ++i) permutation.push_back(i);
  permutation.push_back(1);
  const Value last = Transpose(scores, permutation);
  return Flattened(last, rank - 1);
}

absl::StatusOr<LossInputs> InputsOf(Call& call) {
  LossInputs inputs;
  EVENGRAD_ASSIGN_OR_RETURN(const Value scores, call.Get(0));
  EVENGRAD_ASSIGN_OR_RETURN(inputs.like, call.Get(1));
  EVENGRAD_ASSIGN_OR_RETURN(inputs.scores, ByExample(scores));
  const Value& labels = inputs.like;
  inputs.labels =
      labels.rank() == 1
          ? labels
          : Reshape(labels, {ProductOf(labels.shape(), 0, labels.rank())});
  const std::string reduction = call.Text("reduction", "mean");
  if (reduction == "sum") {
    inputs.reduction = LossReduction::kSum;
  } else if (reduction == "none") {
    inputs.reduction = LossReduction::kNone;
  } else if (reduction != "mean") {
    return InvalidArgument("reduction must be mean, sum or none, found ",
                           reduction);
  }
  inputs.class_weights = call.optional_input(2);
  if (call.has_attribute("ignore_index")) {
    inputs.ignore_index = call.Integer("ignore_index", 0);
  }
  return inputs;
}

Value Shaped(const Value& loss, const LossInputs& inputs) {
  const bool one_each = inputs.reduction == LossReduction::kNone;
  return one_each && inputs.like.rank() != 1 ? ReshapeLike(loss, inputs.like)
                                             : loss;
}

OnnxResult SoftmaxCrossEntropyLoss(Call& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const LossInputs inputs, InputsOf(call));
  const Value loss =
      SparseSoftmaxCrossEntropy(inputs.scores, inputs.labels,
                                {.reduction = inputs.reduction,
                                 .class_weights = inputs.class_weights,
                                 .ignore_index = inputs.ignore_index});
  std::vector<Value> results = {Shaped(loss, inputs)};
  if (call.wants(1)) results.push_back(LogSoftmax(call.input(0), 1));
  return results;
}

OnnxResult NegativeLogLikelihoodLoss(Call& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const LossInputs inputs, InputsOf(call));
  const Value loss =
      NegativeLogLikelihood(inputs.scores, inputs.labels,
                            {.reduction = inputs.reduction,
                             .class_weights = inputs.class_weights,
                             .ignore_index = inputs.ignore_index});
  return One(Shaped(loss, inputs));
}

constexpr OnnxImport kRules[] = {
    {"NegativeLogLikelihoodLoss", 12, NegativeLogLikelihoodLoss},
    {"SoftmaxCrossEntropyLoss", 12, SoftmaxCrossEntropyLoss},
};

}  // namespace

std::span<const OnnxImport> OnnxLossImports() { return kRules; }

}  // namespace evengrad
