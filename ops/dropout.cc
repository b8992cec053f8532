// Dropout, "inverted": what is kept is scaled up in training, so that inference
// has nothing to do.
//
//   mask ~ Bernoulli(1 - probability), one an element
//   dropout(x) = mask ? x / (1 - probability) : 0
//
// What is dropped is 0 even where the input is not finite. In backward the mask
// takes one byte an element. The mask is a function of seed, step and stream.
//
// Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov: Dropout: A
// Simple Way to Prevent Neural Networks from Overfitting, 2014.
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/dropout_rules.h"
#include "evengrad/ops/ops.h"

namespace evengrad {
namespace {

double Scale(double probability) { return 1 / (1 - probability); }

double ScaleOf(const Node& node) {
  return Scale(node.attribute<double>("probability"));
}

std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  const Value scale = FactorInTraining(node, ScaleOf(node));
  return {Select(node.output(1), scale * output_gradients[0], 0)};
}

std::vector<Value> Decompose(const Node& node) {
  if (node.attribute<double>("probability") == 0) return KeepAll(node);
  const Value mask = DrawMask(node);
  return {Select(mask, ScaleOf(node) * node.input(0), 0), mask};
}

}  // namespace

const OpDef& DropoutOp() {
  static const OpDef* const op = new OpDef{
      .name = "dropout",
      .summary =
          "training: 0 with probability, else x / (1 - probability); "
          "inference: x (Srivastava et al., 2014)",
      .inputs = {"input"},
      .outputs = {"output", "mask"},
      .attributes = DropoutAttributes(),
      .infer_type = InferDropout,
      .gradient = Gradient,
      .reference = ReferenceDropout(
          [](double x, double probability) { return x * Scale(probability); },
          [](double) { return 0.0; }),
      .inference = KeepAll,
      .decompose = Decompose,
      .hint_flow = HintFlow::kPass,
      .random = true,
  };
  return *op;
}

Value Dropout(const Value& input, double probability, RandomOptions options,
              SourceLocation location) {
  return AddDropout(DropoutOp(), input, probability, options, location);
}

}  // namespace evengrad
