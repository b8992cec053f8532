// Layer normalization: each example with mean 0 and variance 1 over its last
// axes, those that `scale` and `shift` have.
//
//   mean = sum of x / n,  variance = sum of (x - mean)^2 / n
//   inverse_deviation = 1 / sqrt(variance + epsilon)
//   output = (x - mean) * inverse_deviation * scale + shift
//
// mean and inverse_deviation have the input's shape with 1 at those axes.
//
// Ba, Kiros and Hinton: Layer Normalization, 2016.
#include <cmath>

#include "evengrad/graph/status.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/elementwise_rules.h"
#include "evengrad/ops/narrow_types.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"

namespace evengrad {
namespace {

using Axes = std::vector<int64_t>;

enum Input { kInput, kScale, kShift };
enum Output { kOutput, kMean, kInverseDeviation };

absl::StatusOr<std::vector<TensorType>> InferType(const InferContext& context) {
  const TensorType& input = context.input(kInput);
  if (!IsFloating(input.dtype)) {
    return InvalidArgument("input must be floating (f32, f64 or bf16), found ",
                           input.ToString());
  }
  const int axes = context.input(kScale).rank();
  if (axes < 1 || axes > input.rank()) {
    return InvalidArgument(context.Describe(kScale), " must have 1 to ",
                           input.rank(), " axes, the last ones of ",
                           context.Describe(kInput));
  }
  const int first = input.rank() - axes;
  TensorType output = input;
  for (int i : {kScale, kShift}) {
    const TensorType& other = context.input(i);
    if (other.dtype != input.dtype) {
      return InvalidArgument("element types differ: ", context.Describe(kInput),
                             ", ", context.Describe(i), "; cast one of them");
    }
    Shape last;
    for (int k = first; k < input.rank(); ++k) last.Append(output.shape[k]);
    if (!MayBeEqual(other.shape, last)) {
      return InvalidArgument(
          context.Describe(i), " must have the shape of the last axes, ",
          last.ToString(), ", of ", context.Describe(kInput));
    }
    for (int k = 0; k < axes; ++k) {
      output.shape[first + k] = Refine(output.shape[first + k], other.shape[k]);
    }
  }
  TensorType statistics = output;
  for (int k = first; k < input.rank(); ++k) statistics.shape[k] = 1;
  return std::vector<TensorType>{output, statistics, statistics};
}

// What the rules of a node are made of.
class Parts {
 public:
  explicit Parts(const Node& node) : node_(node) {
    const int rank = node.input(kInput).rank();
    for (int i = rank - node.input(kScale).rank(); i < rank; ++i) {
      axes_.push_back(i);
    }
  }

  const Axes& axes() const { return axes_; }
  // In the node's type: bf16 is computed in f32.
  Value Narrow(const Value& value) const {
    return CastTo(value, node_.output_type().dtype);
  }
  Value input(int i) const { return Widen(node_.input(i)); }
  Value output(int i) const { return Widen(node_.output(i)); }
  Value Sum(const Value& value) const {
    return ReduceSum(value, {.axes = axes_, .keep_dimensions = true});
  }

 private:
  Node node_;
  Axes axes_;
};

Value AddUp(const Value& a, const Value& b) {
  if (!a.valid() || !b.valid()) return a.valid() ? a : b;
  return a + b;
}

// With g = d loss / d output, h = g * scale, x^ = (x - mean) *
// inverse_deviation:
//   d shift = sum of g,  d scale = sum of g * x^  over the examples
//   d x = inverse_deviation * (h - sum of h / n - x^ * sum of (h * x^) / n)
//         + d mean / n - (x - mean) * d inverse_deviation *
//           inverse_deviation^3 / n
std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  const Parts parts(node);
  const Value x = parts.input(kInput);
  const Value r = parts.output(kInverseDeviation);
  const Value count = SizeOf(x, parts.axes(), x.dtype());
  const Value centered = x - parts.output(kMean);
  std::vector<Value> gradients(node.num_inputs());
  Value total;
  if (const Value g = Widen(output_gradients[kOutput]); g.valid()) {
    const Value normalized = centered * r;
    const Value h = g * parts.input(kScale);
    total = r * (h - parts.Sum(h) / count -
                 normalized * (parts.Sum(h * normalized) / count));
    gradients[kScale] =
        parts.Narrow(Unbroadcast(g * normalized, parts.input(kScale)));
    gradients[kShift] = parts.Narrow(Unbroadcast(g, parts.input(kShift)));
  }
  if (const Value g = Widen(output_gradients[kMean]); g.valid()) {
    total = AddUp(total, BroadcastLike(g / count, x));
  }
  if (const Value g = Widen(output_gradients[kInverseDeviation]); g.valid()) {
    total = AddUp(total, centered * (-g * r * r * r / count));
  }
  gradients[kInput] = parts.Narrow(total);
  return gradients;
}

// Sums end fused loops, and the last expression fuses with what follows.
std::vector<Value> Decompose(const Node& node) {
  const Parts parts(node);
  const Value x = parts.input(kInput);
  const Value count = SizeOf(x, parts.axes(), x.dtype());
  const Value mean = parts.Sum(x) / count;
  const Value centered = x - mean;
  const Value variance = parts.Sum(Square(centered)) / count;
  const Value r = Rsqrt(variance + node.attribute<double>("epsilon"));
  const Value output = centered * r * parts.input(kScale) + parts.input(kShift);
  return {parts.Narrow(output), parts.Narrow(mean), parts.Narrow(r)};
}

absl::Status Reference(const ReferenceCall& call) {
  const ReferenceTensor& input = call.input(kInput);
  const double epsilon = call.attribute<double>("epsilon");
  const std::vector<double>& scale = call.input(kScale).values;
  const std::vector<double>& shift = call.input(kShift).values;
  const size_t length = scale.size();
  const size_t lines = call.output(kMean).values.size();
  for (size_t line = 0; line < lines; ++line) {
    const double n = static_cast<double>(length);
    double sum = 0;
    for (size_t i = 0; i < length; ++i) sum += input.values[line * length + i];
    const double mean = sum / n;
    double squares = 0;
    for (size_t i = 0; i < length; ++i) {
      squares += std::pow(input.values[line * length + i] - mean, 2);
    }
    const double deviation = std::sqrt(squares / n + epsilon);
    call.output(kMean).values[line] = mean;
    call.output(kInverseDeviation).values[line] = 1 / deviation;
    for (size_t i = 0; i < length; ++i) {
      const double centered = input.values[line * length + i] - mean;
      call.output(kOutput).values[line * length + i] =
          centered / deviation * scale[i] + shift[i];
    }
  }
  return absl::OkStatus();
}

}  // namespace

const OpDef& LayerNormOp() {
  static const OpDef* const op = new OpDef{
      .name = "layer_norm",
      .summary =
          "(x - mean) / sqrt(variance + epsilon) * scale + shift over the last "
          "axes of each example (Ba, Kiros and Hinton, 2016)",
      .inputs = {"input", "scale", "shift"},
      .outputs = {"output", "mean", "inverse_deviation"},
      .attributes = {{.name = "epsilon",
                      .fallback = 1e-5,
                      .summary = "added to the variance",
                      .minimum = 0,
                      .maximum = 1e6}},
      .infer_type = InferType,
      .gradient = Gradient,
      .reference = Reference,
      .decompose = Decompose,
      .hint_flow = HintFlow::kPass,
  };
  return *op;
}

}  // namespace evengrad
