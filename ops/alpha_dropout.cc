// Alpha dropout: dropout that keeps mean 0 and variance 1 where SELU holds
// them.
//
//   mask ~ Bernoulli(1 - p), one an element
//   alpha_dropout(x) = a * (mask ? x : low) + b
//   low = -1.7580993408473768599, the least value of SELU
//   a = ((1 - p) * (1 + p * low^2))^(-1/2),  b = -a * p * low
//
// The identity in inference. What is dropped does not depend on the input, even
// where that is not finite.
//
// Klambauer, Unterthiner, Mayr and Hochreiter: Self-Normalizing Neural
// Networks, 2017.
#include <cmath>

#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/dropout_rules.h"
#include "evengrad/ops/narrow_types.h"
#include "evengrad/ops/ops.h"

namespace evengrad {
namespace {

constexpr double kLow = -1.7580993408473768599;

double ScaleOf(double p) {
  return 1 / std::sqrt((1 - p) * (1 + p * kLow * kLow));
}
double OffsetOf(double p) { return -ScaleOf(p) * p * kLow; }

std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  const Value scale =
      FactorInTraining(node, ScaleOf(node.attribute<double>("probability")));
  return {Select(node.output(1), scale * output_gradients[0], 0)};
}

std::vector<Value> Decompose(const Node& node) {
  const double p = node.attribute<double>("probability");
  if (p == 0) return KeepAll(node);
  const Value mask = DrawMask(node);
  const Value kept = ScaleOf(p) * Widen(node.input(0)) + OffsetOf(p);
  return {CastTo(Select(mask, kept, ScaleOf(p) * kLow + OffsetOf(p)),
                 node.output_type().dtype),
          mask};
}

}  // namespace

const OpDef& AlphaDropoutOp() {
  static const OpDef* const op = new OpDef{
      .name = "alpha_dropout",
      .summary =
          "training: drops to SELU's least value with probability and keeps "
          "mean 0 and variance 1; inference: x (Klambauer et al., 2017)",
      .inputs = {"input"},
      .outputs = {"output", "mask"},
      .attributes = DropoutAttributes(),
      .infer_type = InferDropout,
      .gradient = Gradient,
      .reference = ReferenceDropout(
          [](double x, double p) { return ScaleOf(p) * x + OffsetOf(p); },
          [](double p) { return ScaleOf(p) * kLow + OffsetOf(p); }),
      .inference = KeepAll,
      .decompose = Decompose,
      .hint_flow = HintFlow::kPass,
      .random = true,
  };
  return *op;
}

Value AlphaDropout(const Value& input, double probability,
                   RandomOptions options, SourceLocation location) {
  return AddDropout(AlphaDropoutOp(), input, probability, options, location);
}

}  // namespace evengrad
