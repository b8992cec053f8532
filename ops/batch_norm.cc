// Batch normalization: each channel with mean 0 and variance 1 over the batch.
//
// For every channel c along `axis`, over the n elements x that have it:
//
//   mean = sum of x / n
//   variance = sum of (x - mean)^2 / n
//   inverse_deviation = 1 / sqrt(variance + epsilon)
//   output = (x - mean) * inverse_deviation * scale + shift
//
// and, where n > 1 (one element has no variance, an empty batch no mean: then
// they stay as they are),
//
//   new_running_mean = (1 - momentum) * running_mean + momentum * mean
//   new_running_variance =
//       (1 - momentum) * running_variance + momentum * variance * n / (n - 1)
//
// without n / (n - 1) unless `unbiased`. In inference mode the running
// statistics take the place of mean and variance, in gradients of any order
// too.
//
// Ioffe and Szegedy: Batch Normalization: Accelerating Deep Network Training by
// Reducing Internal Covariate Shift, 2015.
#include <cmath>

#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/narrow_types.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/reference.h"

namespace evengrad {
namespace {

using Axes = std::vector<int64_t>;

enum Input { kInput, kScale, kShift, kRunningMean, kRunningVariance };
enum Output { kOutput, kMean, kInverseDeviation, kNewMean, kNewVariance };

absl::StatusOr<std::vector<TensorType>> InferType(const InferContext& context) {
  const TensorType& input = context.input(kInput);
  if (!IsFloating(input.dtype)) {
    return InvalidArgument("input must be floating (f32, f64 or bf16), found ",
                           input.ToString());
  }
  if (input.rank() < 2) {
    return InvalidArgument(
        "input must have a batch and channels (rank 2 or "
        "more), found ",
        input.ToString());
  }
  EVENGRAD_ASSIGN_OR_RETURN(
      const int axis,
      NormalizeAxis(context.attribute<int64_t>("axis"), input.rank()));
  TensorType output = input;
  for (int i = kScale; i <= kRunningVariance; ++i) {
    const TensorType& other = context.input(i);
    if (other.dtype != input.dtype) {
      return InvalidArgument("element types differ: ", context.Describe(kInput),
                             ", ", context.Describe(i), "; cast one of them");
    }
    if (other.rank() != 1 || !MayBeEqual(other.shape[0], output.shape[axis])) {
      return InvalidArgument(
          context.Describe(i), " must have one element a channel: ",
          TensorType{input.dtype, {output.shape[axis]}}.ToString(), " for ",
          context.Describe(kInput), " with channels along axis ", axis);
    }
    output.shape[axis] = Refine(output.shape[axis], other.shape[0]);
  }
  const TensorType channels = {input.dtype, {output.shape[axis]}};
  return std::vector<TensorType>{output, channels, channels, channels,
                                 channels};
}

// What the rules of a node are made of.
class Parts {
 public:
  explicit Parts(const Node& node)
      : node_(node),
        rank_(node.input(kInput).rank()),
        axis_(
            NormalizeAxis(node.attribute<int64_t>("axis"), rank_).value_or(0)) {
    for (int i = 0; i < rank_; ++i) {
      if (i != axis_) others_.push_back(i);
    }
  }

  int axis() const { return axis_; }
  const Axes& others() const { return others_; }
  double epsilon() const { return node_.attribute<double>("epsilon"); }
  double momentum() const { return node_.attribute<double>("momentum"); }
  bool unbiased() const { return node_.attribute<bool>("unbiased"); }

  // In the node's type: bf16 is computed in f32.
  Value Narrow(const Value& value) const {
    return CastTo(value, node_.output_type().dtype);
  }
  Value input(int i) const { return Widen(node_.input(i)); }
  Value output(int i) const { return Widen(node_.output(i)); }

  // [channels] in a shape that broadcasts to the input's.
  Value Spread(const Value& value) const {
    if (axis_ == rank_ - 1) return value;
    Shape shape = {value.shape()[0]};
    for (int i = axis_ + 1; i < rank_; ++i) shape.Append(1);
    return Reshape(value, shape);
  }
  Value Sum(const Value& value) const {
    return ReduceSum(value, {.axes = others_});
  }
  // (x - mean) * inverse_deviation * scale + shift
  Value Normalize(const Value& centered, const Value& inverse_deviation) const {
    return centered * Spread(inverse_deviation * input(kScale)) +
           Spread(input(kShift));
  }

 private:
  Node node_;
  int rank_;
  int axis_;
  Axes others_;
};

// The number of elements of a channel, and what follows from it, as scalars.
struct Counts {
  Value count;
  Value weight;      // of the batch in the running statistics
  Value correction;  // of the variance in them

  Counts(const Parts& parts, const Value& input)
      : count(SizeOf(input, parts.others(), input.dtype())) {
    const Value some = Greater(count, 1);
    weight = Select(
        some, Constant(input.node().graph(), parts.momentum(), input.dtype()),
        0);
    correction = parts.unbiased()
                     ? Select(some, count / (count - 1), 1)
                     : Constant(input.node().graph(), 1, input.dtype());
  }
};

Value AddUp(const Value& a, const Value& b) {
  if (!a.valid() || !b.valid()) return a.valid() ? a : b;
  return a + b;
}

// What the gradients of the outputs that hold statistics give to the mean and
// the variance of the batch; empty where none does.
struct StatisticsGradient {
  Value mean;
  Value variance;
};
StatisticsGradient GradientOfStatistics(
    const Parts& parts, const Counts& counts,
    std::span<const Value> output_gradients) {
  StatisticsGradient result;
  result.mean = Widen(output_gradients[kMean]);
  if (const Value g = Widen(output_gradients[kInverseDeviation]); g.valid()) {
    const Value r = parts.output(kInverseDeviation);
    result.variance = -0.5 * g * r * r * r;
  }
  if (const Value g = Widen(output_gradients[kNewMean]); g.valid()) {
    result.mean = AddUp(result.mean, counts.weight * g);
  }
  if (const Value g = Widen(output_gradients[kNewVariance]); g.valid()) {
    result.variance =
        AddUp(result.variance, counts.weight * counts.correction * g);
  }
  return result;
}

// With g = d loss / d output and x^ = (x - mean) * inverse_deviation,
//   d shift = sum of g,  d scale = sum of g * x^
//   d x = scale * inverse_deviation * (g - d shift / n - x^ * d scale / n)
//         + d mean / n + 2 * (x - mean) * d variance / n
// where d mean and d variance come through the other outputs. In inference mode
// only scale * inverse_deviation * g is left of d x.
std::vector<Value> Gradient(const Node& node,
                            std::span<const Value> output_gradients) {
  const Parts parts(node);
  const Value x = parts.input(kInput);
  const Counts counts(parts, x);
  const Value centered = x - parts.Spread(parts.output(kMean));
  const Value g = Widen(output_gradients[kOutput]);
  std::vector<Value> gradients(node.num_inputs());
  Value training;
  Value inference;
  if (g.valid()) {
    const Value r = parts.output(kInverseDeviation);
    const Value normalized = centered * parts.Spread(r);
    const Value scale_gradient = parts.Sum(g * normalized);
    const Value shift_gradient = parts.Sum(g);
    const Value factor = parts.Spread(parts.input(kScale) * r);
    inference = factor * g;
    training =
        factor * (g - parts.Spread(shift_gradient / counts.count) -
                  normalized * parts.Spread(scale_gradient / counts.count));
    gradients[kScale] = parts.Narrow(scale_gradient);
    gradients[kShift] = parts.Narrow(shift_gradient);
  }
  const StatisticsGradient statistics =
      GradientOfStatistics(parts, counts, output_gradients);
  if (statistics.mean.valid()) {
    training =
        AddUp(training,
              BroadcastLike(parts.Spread(statistics.mean / counts.count), x));
  }
  if (statistics.variance.valid()) {
    training = AddUp(training, centered * parts.Spread(2 * statistics.variance /
                                                       counts.count));
  }
  const Value in_training = IsTraining(node.graph());
  gradients[kInput] =
      parts.Narrow(inference.valid() ? Select(in_training, training, inference)
                                     : Select(in_training, training, 0));
  const Value kept = 1 - counts.weight;
  if (const Value h = Widen(output_gradients[kNewMean]); h.valid()) {
    gradients[kRunningMean] = parts.Narrow(kept * h);
  }
  if (const Value h = Widen(output_gradients[kNewVariance]); h.valid()) {
    gradients[kRunningVariance] = parts.Narrow(kept * h);
  }
  return gradients;
}

// Sums end fused loops, and the last expression fuses with what follows.
std::vector<Value> Decompose(const Node& node) {
  const Parts parts(node);
  const Value x = parts.input(kInput);
  double count = 1;
  for (int64_t axis : parts.others()) {
    count *= static_cast<double>(x.shape()[static_cast<int>(axis)].size());
  }
  const Value mean = ReduceMean(x, {.axes = parts.others()});
  const Value centered = x - parts.Spread(mean);
  const Value variance = parts.Sum(Square(centered)) / count;
  const Value inverse_deviation = Rsqrt(variance + parts.epsilon());
  Value new_mean = parts.input(kRunningMean);
  Value new_variance = parts.input(kRunningVariance);
  if (count > 1) {
    const double weight = parts.momentum();
    const double correction = parts.unbiased() ? count / (count - 1) : 1;
    new_mean = (1 - weight) * new_mean + weight * mean;
    new_variance = (1 - weight) * new_variance + weight * correction * variance;
  }
  return {parts.Narrow(parts.Normalize(centered, inverse_deviation)),
          parts.Narrow(mean), parts.Narrow(inverse_deviation),
          parts.Narrow(new_mean), parts.Narrow(new_variance)};
}

std::vector<Value> Inference(const Node& node) {
  const Parts parts(node);
  const Value mean = parts.input(kRunningMean);
  const Value inverse_deviation =
      Rsqrt(parts.input(kRunningVariance) + parts.epsilon());
  const Value centered = parts.input(kInput) - parts.Spread(mean);
  return {parts.Narrow(parts.Normalize(centered, inverse_deviation)),
          node.input(kRunningMean), parts.Narrow(inverse_deviation),
          node.input(kRunningMean), node.input(kRunningVariance)};
}

// The elements of each channel, as flat places in the input.
std::vector<std::vector<int64_t>> PlacesByChannel(const ReferenceTensor& input,
                                                  int axis) {
  std::vector<std::vector<int64_t>> places(
      static_cast<size_t>(input.sizes[axis]));
  for (int64_t i = 0; i < input.num_elements(); ++i) {
    places[Unflatten(input.sizes, i)[axis]].push_back(i);
  }
  return places;
}

absl::Status Reference(const ReferenceCall& call) {
  const ReferenceTensor& input = call.input(kInput);
  EVENGRAD_ASSIGN_OR_RETURN(
      const int axis,
      NormalizeAxis(call.attribute<int64_t>("axis"), input.rank()));
  const double epsilon = call.attribute<double>("epsilon");
  const double momentum = call.attribute<double>("momentum");
  const auto channels = PlacesByChannel(input, axis);
  for (size_t c = 0; c < channels.size(); ++c) {
    const double n = static_cast<double>(channels[c].size());
    double sum = 0;
    for (int64_t i : channels[c]) sum += input.values[i];
    const double mean = sum / n;
    double squares = 0;
    for (int64_t i : channels[c])
      squares += std::pow(input.values[i] - mean, 2);
    const double deviation = std::sqrt(squares / n + epsilon);
    for (int64_t i : channels[c]) {
      call.output(kOutput).values[i] =
          (input.values[i] - mean) / deviation * call.input(kScale).values[c] +
          call.input(kShift).values[c];
    }
    call.output(kMean).values[c] = mean;
    call.output(kInverseDeviation).values[c] = 1 / deviation;
    double& new_mean = call.output(kNewMean).values[c];
    double& new_variance = call.output(kNewVariance).values[c];
    new_mean = call.input(kRunningMean).values[c];
    new_variance = call.input(kRunningVariance).values[c];
    if (channels[c].size() < 2) continue;
    const double freedom = call.attribute<bool>("unbiased") ? n - 1 : n;
    new_mean = (1 - momentum) * new_mean + momentum * mean;
    new_variance = (1 - momentum) * new_variance + momentum * squares / freedom;
  }
  return absl::OkStatus();
}

std::vector<AttributeDef> AllAttributes() {
  return {{.name = "axis",
           .fallback = int64_t{1},
           .summary = "of the channels, may count from the back"},
          {.name = "epsilon",
           .fallback = 1e-5,
           .summary = "added to the variance",
           .minimum = 0,
           .maximum = 1e6},
          {.name = "momentum",
           .fallback = 0.1,
           .summary = "weight of the batch in the running statistics",
           .minimum = 0,
           .maximum = 1},
          {.name = "unbiased",
           .fallback = true,
           .summary = "the running variance divides by n - 1"}};
}

}  // namespace

const OpDef& BatchNormOp() {
  static const OpDef* const op = new OpDef{
      .name = "batch_norm",
      .summary =
          "(x - mean) / sqrt(variance + epsilon) * scale + shift by channel: "
          "of "
          "the batch in training, running ones in inference (Ioffe and "
          "Szegedy, 2015)",
      .inputs = {"input", "scale", "shift", "running_mean", "running_variance"},
      .outputs = {"output", "mean", "inverse_deviation", "new_running_mean",
                  "new_running_variance"},
      .attributes = AllAttributes(),
      .infer_type = InferType,
      .gradient = Gradient,
      .reference = Reference,
      .inference = Inference,
      .decompose = Decompose,
      .hint_flow = HintFlow::kPass,
  };
  return *op;
}

}  // namespace evengrad
