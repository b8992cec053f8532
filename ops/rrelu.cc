// Randomized leaky ReLU.
//
//   rrelu(x) = x           where x > 0
//              slope * x   elsewhere
//
// In training every element has a slope of its own, made of a number a that is
// uniform in [lower, upper): a itself (form "slope"), or 1 / a (form
// "divisor"). In inference the slope is fixed: (lower + upper) / 2, or
// 2 / (lower + upper). PyTorch draws slopes from [1/8, 1/3); the paper divides
// by a in [3, 8) and, in inference, by 5.5.
//
// The second output holds the slopes, for backward. At 0 the derivative is the
// slope.
//
// Xu, Wang, Chen and Li: Empirical Evaluation of Rectified Activations in
// Convolutional Network, 2015.
#include <string>

#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/narrow_types.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/random_rules.h"

namespace evengrad {
namespace {

constexpr double kLargest = 1e6;
constexpr double kSmallestDivisor = 1e-6;

template <typename Source>
bool Divides(const Source& source) {
  return source.template attribute<std::string>("form") == "divisor";
}

absl::StatusOr<std::vector<TensorType>> InferType(const InferContext& context) {
  const TensorType& input = context.input(0);
  if (!IsFloating(input.dtype)) {
    return InvalidArgument("input must be floating (f32, f64 or bf16), found ",
                           input.ToString());
  }
  const double lower = context.attribute<double>("lower");
  const double upper = context.attribute<double>("upper");
  if (!(lower < upper)) {
    return InvalidArgument("lower = ", lower, " must be below upper = ", upper,
                           "; for a fixed slope take leaky_relu");
  }
  if (Divides(context) && lower < kSmallestDivisor) {
    return InvalidArgument("a divisor is at least ", kSmallestDivisor,
                           ", lower = ", lower);
  }
  return std::vector<TensorType>{input, input};
}

std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  const Value gradient = output_gradients[0];
  if (!gradient.valid()) return {Value()};
  return {
      Select(Greater(node.input(0), 0), gradient, node.output(1) * gradient)};
}

std::vector<Value> WithSlope(const Node& node, const Value& slope) {
  const Value input = node.input(0);
  return {Select(Greater(input, 0), input, slope * input), slope};
}

std::vector<Value> Decompose(const Node& node) {
  const TensorType& type = node.output_type(1);
  const Value drawn = RandomUniform(
      node.graph(), {WideType(type.dtype), type.shape},
      node.attribute<double>("lower"), node.attribute<double>("upper"),
      {.stream = node.attribute<int64_t>("stream")});
  return WithSlope(node, CastTo(Divides(node) ? 1 / drawn : drawn, type.dtype));
}

std::vector<Value> Inference(const Node& node) {
  const double mean =
      (node.attribute<double>("lower") + node.attribute<double>("upper")) / 2;
  const Value slope = Constant(node.graph(), Divides(node) ? 1 / mean : mean,
                               node.output_type(1).dtype);
  return WithSlope(node, BroadcastLike(slope, node.input(0)));
}

absl::Status Reference(const ReferenceCall& call) {
  const ReferenceTensor& input = call.input(0);
  const double lower = call.attribute<double>("lower");
  const double upper = call.attribute<double>("upper");
  const RandomSource source = {call.seed, call.step,
                               call.attribute<int64_t>("stream")};
  const bool wide = HasWideDraws(input.dtype);
  const int draws = DrawsPerBlock(wide);
  for (int64_t i = 0; i < input.num_elements(); ++i) {
    const uint64_t draw =
        Draw(source.Block(i / draws), wide, static_cast<int>(i % draws));
    const double a = lower + (upper - lower) * HalfOpenUnit(draw, wide);
    const double slope = Divides(call) ? 1 / a : a;
    const double x = input.values[i];
    call.output(0).values[i] = x > 0 ? x : slope * x;
    call.output(1).values[i] = slope;
  }
  return absl::OkStatus();
}

std::vector<AttributeDef> AllAttributes() {
  return {{.name = "form",
           .fallback = std::string("slope"),
           .summary = "what is drawn: a slope, or a divisor",
           .choices = {"slope", "divisor"}},
          {.name = "lower",
           .fallback = 1.0 / 8,
           .minimum = -kLargest,
           .maximum = kLargest},
          {.name = "upper",
           .fallback = 1.0 / 3,
           .minimum = -kLargest,
           .maximum = kLargest},
          {.name = "stream",
           .fallback = int64_t{-1},
           .summary = "the sequence; -1: a hash of the name",
           .minimum = -1}};
}

}  // namespace

const OpDef& RreluOp() {
  static const OpDef* const op = new OpDef{
      .name = "rrelu",
      .summary =
          "x if x > 0 else slope * x: the slope random in training, fixed in "
          "inference (Xu et al., 2015)",
      .inputs = {"input"},
      .outputs = {"output", "slope"},
      .attributes = AllAttributes(),
      .infer_type = InferType,
      .gradient = Gradient,
      .reference = Reference,
      .inference = Inference,
      .decompose = Decompose,
      .initializer_hint = InitializerHint::kHe,
      .random = true,
  };
  return *op;
}

Value Rrelu(const Value& input, RreluOptions options, SourceLocation location) {
  const bool divides = options.form == RreluForm::kDivisor;
  return AddNode(RreluOp(), {input},
                 {{"form", std::string(divides ? "divisor" : "slope")},
                  {"lower", options.lower},
                  {"upper", options.upper},
                  {"stream", options.stream}},
                 {.name = options.name, .location = location})
      .output();
}

}  // namespace evengrad
