// ONNX's normalizations, and dropout.
#include <algorithm>

#include "evengrad/formats/onnx/import_helpers.h"
#include "evengrad/graph/source_ops.h"
#include "evengrad/ops/builtin_ops.h"

namespace evengrad {
namespace {

using Call = OnnxCall;

struct Moments {
  Value centered;
  Value mean;
  Value variance;
};

// Over those axes, which stay with size 1.
Moments MomentsOver(const Value& x, const std::vector<int64_t>& axes) {
  Moments moments;
  moments.mean = ReduceMean(x, {.axes = axes, .keep_dimensions = true});
  moments.centered = x - moments.mean;
  moments.variance = ReduceMean(Square(moments.centered),
                                {.axes = axes, .keep_dimensions = true});
  return moments;
}

// By the statistics of the batch; the running ones are outputs.
OnnxResult BatchNormInTraining(Call& call, const Value& x, double epsilon,
                               double momentum) {
  std::vector<int64_t> axes;
  for (int i = 0; i < x.rank(); ++i) {
    if (i != 1) axes.push_back(i);
  }
  const Moments moments = MomentsOver(x, axes);
  const Value scale = ByChannel(call.input(1), x.rank());
  const Value shift = ByChannel(call.input(2), x.rank());
  const Value output =
      moments.centered * Rsqrt(moments.variance + epsilon) * scale + shift;
  const auto running = [&](int i, const Value& statistic) {
    const Value old = call.statistic(i);
    return momentum * old + (1 - momentum) * ReshapeLike(statistic, old);
  };
  const Value mean = running(3, moments.mean);
  return std::vector<Value>{output, mean, running(4, moments.variance)};
}

OnnxResult BatchNormalization(Call& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const Value x, call.Get(0));
  const double epsilon = call.Number("epsilon", 1e-5);
  const double momentum = call.Number("momentum", 0.9);
  if (call.opset() < 9 && call.Integer("spatial", 1) != 1) {
    return Call::Unsupported("batch normalization with spatial=0");
  }
  if (call.opset() < 7 && call.Integer("is_test", 0) != 1) {
    return Call::Unsupported("batch normalization with is_test=0");
  }
  if (x.rank() < 2) {
    return InvalidArgument("the input must be [batch, channels, …], found ",
                           x.type().ToString());
  }
  if (call.opset() >= 14 && call.Integer("training_mode", 0) != 0) {
    return BatchNormInTraining(call, x, epsilon, momentum);
  }
  const Value scale = call.input(1);
  const Value shift = call.input(2);
  const Value mean = call.statistic(3);
  const Value variance = call.statistic(4);
  const Node node = call.graph().Add(
      BatchNormOp(), {x, scale, shift, mean, variance},
      {{"epsilon", epsilon}, {"momentum", 1 - momentum}, {"unbiased", false}});
  // A training program keeps the statistics up to date.
  constexpr int kNewStatistics = 3;
  int i = kNewStatistics;
  for (const Value& statistic : {mean, variance}) {
    const Value updated = node.output(i++);
    if (!node.valid() || !IsState(statistic.node()) ||
        statistic.node().training_update().valid() ||
        IsParameter(statistic.node())) {
      continue;
    }
    EVENGRAD_RETURN_IF_ERROR(
        call.graph().SetTrainingUpdate(statistic.node(), updated));
  }
  return One(node.output());
}

OnnxResult InstanceNormalization(Call& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const Value x, call.Get(0));
  const double epsilon = call.Number("epsilon", 1e-5);
  std::vector<int64_t> axes;
  for (int i = 2; i < x.rank(); ++i) axes.push_back(i);
  if (axes.empty()) {
    return InvalidArgument("the input must have three axes or more, found ",
                           x.type().ToString());
  }
  const Moments moments = MomentsOver(x, axes);
  const Value scale = ByChannel(call.input(1), x.rank());
  const Value shift = ByChannel(call.input(2), x.rank());
  return One(moments.centered * Rsqrt(moments.variance + epsilon) * scale +
             shift);
}

OnnxResult MeanVarianceNormalization(Call& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const Value x, call.Get(0));
  std::vector<int64_t> axes = call.Integers("axes");
  if (axes.empty()) axes = {0, 2, 3};
  EVENGRAD_ASSIGN_OR_RETURN(axes, AxesOf(std::move(axes), x.rank()));
  const Moments moments = MomentsOver(x, axes);
  constexpr double kEpsilon = 1e-9;  // beside the deviation
  return One(moments.centered / (Sqrt(moments.variance) + kEpsilon));
}

OnnxResult LayerNormalization(Call& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const Value x, call.Get(0));
  EVENGRAD_ASSIGN_OR_RETURN(const Value scale, call.Get(1));
  EVENGRAD_ASSIGN_OR_RETURN(const int axis, AxisOf(call, "axis", -1, x));
  call.Ignore("stash_type");  // what narrow types are computed in
  Shape last;
  for (int i = axis; i < x.rank(); ++i) last.Append(x.shape()[i]);
  const Value wide_scale =
      scale.rank() == last.rank() ? scale : BroadcastTo(scale, last);
  const Value shift = call.has(2) ? call.input(2) : NumberLike(scale, 0);
  const Value wide_shift = !shift.valid() || shift.rank() == last.rank()
                               ? shift
                               : BroadcastLike(shift, wide_scale);
  const Node node =
      call.graph().Add(LayerNormOp(), {x, wide_scale, wide_shift},
                       {{"epsilon", call.Number("epsilon", 1e-5)}});
  return std::vector<Value>{node.output(0), node.output(1), node.output(2)};
}

OnnxResult LpNormalization(Call& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const Value x, call.Get(0));
  EVENGRAD_ASSIGN_OR_RETURN(const int axis, AxisOf(call, "axis", -1, x));
  const int64_t p = call.Integer("p", 2);
  if (p != 1 && p != 2) return InvalidArgument("p must be 1 or 2, found ", p);
  const ReduceOptions options = {.axes = {axis}, .keep_dimensions = true};
  return One(x / (p == 1 ? ReduceL1(x, options) : ReduceL2(x, options)));
}

// Divides by a power of the sum of squares of the channels around.
OnnxResult LocalResponseNormalization(Call& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const Value x, call.Get(0));
  const double alpha = call.Number("alpha", 0.0001);
  const double beta = call.Number("beta", 0.75);
  const double bias = call.Number("bias", 1.0);
  const int64_t size = call.Integer("size", 1);
  constexpr int64_t kLargest = 64;
  if (size < 1 || size > kLargest || x.rank() < 2) {
    return InvalidArgument("size must be 1 to ", kLargest,
                           " of an input of two axes or more, found ", size,
                           " and ", x.type().ToString());
  }
  std::vector<int64_t> before(static_cast<size_t>(x.rank()));
  std::vector<int64_t> after = before;
  before[1] = (size - 1) / 2;
  after[1] = size - 1 - before[1];
  const Value padded = Pad(Square(x), before, after);
  Value sum;
  for (int64_t i = 0; i < size; ++i) {
    const int64_t rest = size - 1 - i;
    SliceRange range = {.axis = 1, .start = i};
    if (rest > 0) range.stop = -rest;
    const Value part = Slice(padded, {range});
    sum = sum.valid() ? sum + part : part;
  }
  return One(x * Power(alpha / static_cast<double>(size) * sum + bias, -beta));
}

// Stays, and does nothing in inference mode.
OnnxResult DropoutRule(Call& call) {
  EVENGRAD_ASSIGN_OR_RETURN(const Value x, call.Get(0));
  call.Ignore("seed");
  call.Ignore("is_test");
  double ratio = 0.5;
  if (call.opset() < 12) {
    ratio = call.Number("ratio", 0.5);
  } else {
    if (call.has(1)) {
      EVENGRAD_ASSIGN_OR_RETURN(ratio, call.KnownNumber(1));
    }
    if (call.has(2)) {
      EVENGRAD_ASSIGN_OR_RETURN(const double training, call.KnownNumber(2));
      if (training != 0 && ratio > 0 && call.wants(1)) {
        return Call::Unsupported("the mask of a dropout in training mode");
      }
    }
  }
  const Value output = ratio > 0 ? Dropout(x, ratio) : x;
  if (!call.wants(1)) return One(output);
  const Value kept = Constant(call.graph(), 1, DType::kBool);
  return std::vector<Value>{output, BroadcastLike(kept, x)};
}

constexpr OnnxImport kRules[] = {
    {"BatchNormalization", 6, BatchNormalization},
    {"Dropout", 6, DropoutRule},
    {"InstanceNormalization", 6, InstanceNormalization},
    {"LRN", 1, LocalResponseNormalization},
    {"LayerNormalization", 17, LayerNormalization},
    {"LpNormalization", 1, LpNormalization},
    {"MeanVarianceNormalization", 9, MeanVarianceNormalization},
};

}  // namespace

std::span<const OnnxImport> OnnxNormalizationImports() { return kRules; }

}  // namespace evengrad
