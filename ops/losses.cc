#include "evengrad/ops/losses.h"

#include <cmath>
#include <limits>
#include <string>

#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/ops.h"

namespace evengrad {
namespace {

// One call of a loss function: where its mistakes go.
class Call {
 public:
  Call(std::string_view name, const Value& a, const Value& b,
       SourceLocation location)
      : name_(name), location_(location) {
    for (const Value& value : {a, b}) {
      if (!graph_.has_value()) graph_ = Graph::Of(value);
    }
    ok_ = a.valid() && b.valid();
  }

  // The inputs are values; else the mistake is known already.
  bool ok() const { return ok_; }
  Value Invalid() const {
    return graph_.has_value() ? graph_->Invalid() : Value();
  }
  const Graph& graph() const { return *graph_; }
  SourceLocation location() const { return location_; }
  Value Fail(const absl::Status& status) const {
    const std::string line = location_.ToString();
    return graph_
        ->Fail(status, StrCat(line, line.empty() ? "" : ": ", name_, ": "))
        .output();
  }

 private:
  std::string_view name_;
  SourceLocation location_;
  std::optional<Graph> graph_;
  bool ok_ = false;
};

absl::Status CheckFloating(const Value& value, std::string_view name) {
  if (IsFloating(value.dtype())) return absl::OkStatus();
  return InvalidArgument(name, " must be floating (f32, f64 or bf16), found ",
                         value.type().ToString());
}

// A loss that broadcasts [batch] against [batch, 1] is a mistake.
absl::Status CheckSameType(const Value& a, std::string_view a_name,
                           const Value& b, std::string_view b_name) {
  EVENGRAD_RETURN_IF_ERROR(CheckFloating(a, a_name));
  if (a.dtype() == b.dtype() && MayBeEqual(a.shape(), b.shape())) {
    return absl::OkStatus();
  }
  return InvalidArgument(a_name, " ", a.type().ToString(), " and ", b_name, " ",
                         b.type().ToString(),
                         " must have one type; cast or reshape one of them");
}

absl::Status CheckLabels(const Value& scores, std::string_view name,
                         const Value& labels) {
  EVENGRAD_RETURN_IF_ERROR(CheckFloating(scores, name));
  if (labels.dtype() != DType::kI32 && labels.dtype() != DType::kI64) {
    return InvalidArgument("labels must be i32 or i64, found ",
                           labels.type().ToString());
  }
  if (scores.rank() != 2 || labels.rank() != 1) {
    return InvalidArgument("expected ", name,
                           " [batch, classes] and labels "
                           "[batch], found ",
                           scores.type().ToString(), ", ",
                           labels.type().ToString());
  }
  if (!MayBeEqual(scores.shape()[0], labels.shape()[0])) {
    return InvalidArgument("batch sizes differ: ", name, " ",
                           scores.type().ToString(), ", labels ",
                           labels.type().ToString());
  }
  if (scores.shape()[1].is_integer()) return absl::OkStatus();
  return InvalidArgument("the number of classes of ", name, " ",
                         scores.type().ToString(), " must be an integer");
}

absl::Status CheckClassWeights(const Value& weights, const Value& scores) {
  if (!weights.valid()) return absl::OkStatus();
  const TensorType expected = {scores.dtype(),
                               {scores.shape()[scores.rank() - 1]}};
  if (weights.dtype() == expected.dtype &&
      MayBeEqual(weights.shape(), expected.shape)) {
    return absl::OkStatus();
  }
  return InvalidArgument("class weights must be ", expected.ToString(),
                         ", found ", weights.type().ToString());
}

absl::Status CheckSmoothing(double smoothing) {
  if (smoothing >= 0 && smoothing <= 1) return absl::OkStatus();
  return InvalidArgument("the label smoothing is ", smoothing,
                         ", expected a number in [0, 1]");
}

Value Reduce(const Value& losses, LossReduction reduction) {
  switch (reduction) {
    case LossReduction::kMean:
      return ReduceMean(losses);
    case LossReduction::kSum:
      return ReduceSum(losses);
    case LossReduction::kNone:
      break;
  }
  return losses;
}

// What labels say, in the type of scores[batch, classes].
class LabelTargets {
 public:
  LabelTargets(const Value& scores, const Value& labels,
               std::optional<int64_t> ignore_index)
      : scores_(scores), labels_(labels) {
    if (!ignore_index.has_value()) return;
    const Value ignored = Equal(labels, static_cast<double>(*ignore_index));
    kept_ = LogicalNot(ignored);
    labels_ = Select(ignored, 0, labels);
  }

  // The labels, 0 where ignored.
  const Value& labels() const { return labels_; }

  // 1 at the label, else 0; NaN where the label is no class.
  Value OneHotOrNaN() const {
    const double classes = static_cast<double>(scores_.shape()[1].size());
    const Value one_hot =
        OneHot(labels_, scores_.shape()[1].size(), scores_.dtype());
    const Value known =
        LogicalAnd(GreaterEqual(labels_, 0), Less(labels_, classes));
    return Select(BroadcastLikeOver(known, one_hot, {1}), one_hot,
                  std::numeric_limits<double>::quiet_NaN());
  }

  // 0 where the label is ignored.
  Value Keep(const Value& losses) const {
    return kept_.valid() ? Select(kept_, losses, 0) : losses;
  }

  // The mean divides by the sum of `example_weights`, one where that is
  // invalid, over the examples that are not ignored.
  Value Reduce(const Value& losses, const Value& example_weights,
               LossReduction reduction) const {
    const Value kept = Keep(losses);
    const bool plain = !kept_.valid() && !example_weights.valid();
    if (plain || reduction != LossReduction::kMean) {
      return evengrad::Reduce(kept, reduction);
    }
    const Value weights = example_weights.valid() ? Keep(example_weights)
                                                  : Cast(kept_, losses.dtype());
    return ReduceSum(kept) / ReduceSum(weights);
  }

 private:
  Value scores_;
  Value labels_;
  Value kept_;  // bool[batch]; invalid: all
};

// -sum over classes of targets * log_probabilities.
Value CrossEntropyOf(const Value& targets, const Value& log_probabilities) {
  return -ReduceSum(targets * log_probabilities, {.axes = {-1}});
}

// (1 - smoothing) * targets + smoothing / classes
Value Smooth(const Value& targets, double smoothing) {
  if (smoothing == 0) return targets;
  const Value classes = SizeOf(targets, {-1}, targets.dtype());
  return (1 - smoothing) * targets + smoothing / classes;
}

// The losses of all labels, with class weights or without.
Value LabelLosses(const Value& log_probabilities, const Value& labels,
                  const SparseCrossEntropyOptions& options) {
  const LabelTargets targets(log_probabilities, labels, options.ignore_index);
  const Value one_hot = targets.OneHotOrNaN();
  Value weighted = Smooth(one_hot, options.label_smoothing);
  Value example_weights;
  if (options.class_weights.valid()) {
    weighted = weighted * options.class_weights;
    example_weights = ReduceSum(one_hot * options.class_weights, {.axes = {1}});
  }
  return targets.Reduce(CrossEntropyOf(weighted, log_probabilities),
                        example_weights, options.reduction);
}

}  // namespace

Value SparseSoftmaxCrossEntropy(const Value& logits, const Value& labels,
                                const SparseCrossEntropyOptions& options,
                                SourceLocation location) {
  const Call call("sparse_softmax_cross_entropy", logits, labels, location);
  if (!call.ok()) return call.Invalid();
  LocationScope at(call.graph(), location);
  if (absl::Status status = CheckSmoothing(options.label_smoothing);
      !status.ok()) {
    return call.Fail(status);
  }
  const bool simple =
      options.label_smoothing == 0 && !options.class_weights.valid();
  if (simple && !options.ignore_index.has_value()) {
    return Reduce(
        AddNode(SparseSoftmaxCrossEntropyOp(), {logits, labels}).output(),
        options.reduction);
  }
  absl::Status status = CheckLabels(logits, "logits", labels);
  if (status.ok()) status = CheckClassWeights(options.class_weights, logits);
  if (!status.ok()) return call.Fail(status);
  if (!simple) return LabelLosses(LogSoftmax(logits), labels, options);
  const LabelTargets targets(logits, labels, options.ignore_index);
  return targets.Reduce(
      AddNode(SparseSoftmaxCrossEntropyOp(), {logits, targets.labels()})
          .output(),
      Value(), options.reduction);
}

Value SoftmaxCrossEntropy(const Value& logits, const Value& targets,
                          const CrossEntropyOptions& options,
                          SourceLocation location) {
  const Call call("softmax_cross_entropy", logits, targets, location);
  if (!call.ok()) return call.Invalid();
  LocationScope at(call.graph(), location);
  absl::Status status = CheckSameType(logits, "logits", targets, "targets");
  if (status.ok() && logits.rank() == 0) {
    status = InvalidArgument("expected logits […, classes], found ",
                             logits.type().ToString());
  }
  if (status.ok()) status = CheckClassWeights(options.class_weights, logits);
  if (status.ok()) status = CheckSmoothing(options.label_smoothing);
  if (!status.ok()) return call.Fail(status);
  Value weighted = Smooth(targets, options.label_smoothing);
  if (options.class_weights.valid()) {
    weighted = weighted * options.class_weights;
  }
  return Reduce(CrossEntropyOf(weighted, LogSoftmax(logits)),
                options.reduction);
}

Value NegativeLogLikelihood(const Value& log_probabilities, const Value& labels,
                            const NegativeLogLikelihoodOptions& options,
                            SourceLocation location) {
  const Call call("negative_log_likelihood", log_probabilities, labels,
                  location);
  if (!call.ok()) return call.Invalid();
  LocationScope at(call.graph(), location);
  absl::Status status =
      CheckLabels(log_probabilities, "log_probabilities", labels);
  if (status.ok()) {
    status = CheckClassWeights(options.class_weights, log_probabilities);
  }
  if (!status.ok()) return call.Fail(status);
  return LabelLosses(log_probabilities, labels,
                     {.reduction = options.reduction,
                      .class_weights = options.class_weights,
                      .ignore_index = options.ignore_index});
}

Value SigmoidCrossEntropy(const Value& logits, const Value& targets,
                          const SigmoidCrossEntropyOptions& options,
                          SourceLocation location) {
  const Call call("sigmoid_cross_entropy", logits, targets, location);
  if (!call.ok()) return call.Invalid();
  LocationScope at(call.graph(), location);
  absl::Status status = CheckSameType(logits, "logits", targets, "targets");
  if (status.ok() && !(options.positive_weight >= 0 &&
                       std::isfinite(options.positive_weight))) {
    status = InvalidArgument("the weight of positive targets is ",
                             options.positive_weight,
                             ", expected a finite number that is not negative");
  }
  if (!status.ok()) return call.Fail(status);
  // -log sigmoid(x) = softplus(-x), and -log(1 - sigmoid(x)) = softplus(x).
  Value positive = targets * Softplus(-logits);
  if (options.positive_weight != 1) {
    positive = options.positive_weight * positive;
  }
  return Reduce(positive + (1 - targets) * Softplus(logits), options.reduction);
}

Value Accuracy(const Value& logits, const Value& labels,
               SourceLocation location) {
  const Value found = ArgMax(logits, -1, location);
  const Value expected = Cast(labels, DType::kI64, location);
  const Value right = Equal({found, location}, {expected, location});
  return ReduceMean(Cast(right, DType::kF32, location), {}, location);
}

Value MeanSquaredError(const Value& predictions, const Value& targets,
                       LossReduction reduction, SourceLocation location) {
  const Call call("mean_squared_error", predictions, targets, location);
  if (!call.ok()) return call.Invalid();
  LocationScope at(call.graph(), location);
  const absl::Status status =
      CheckSameType(predictions, "predictions", targets, "targets");
  if (!status.ok()) return call.Fail(status);
  return Reduce(Square(predictions - targets), reduction);
}

Value MeanAbsoluteError(const Value& predictions, const Value& targets,
                        LossReduction reduction, SourceLocation location) {
  const Call call("mean_absolute_error", predictions, targets, location);
  if (!call.ok()) return call.Invalid();
  LocationScope at(call.graph(), location);
  const absl::Status status =
      CheckSameType(predictions, "predictions", targets, "targets");
  if (!status.ok()) return call.Fail(status);
  return Reduce(Abs(predictions - targets), reduction);
}

Value Huber(const Value& predictions, const Value& targets,
            const HuberOptions& options, SourceLocation location) {
  const Call call("huber", predictions, targets, location);
  if (!call.ok()) return call.Invalid();
  LocationScope at(call.graph(), location);
  absl::Status status =
      CheckSameType(predictions, "predictions", targets, "targets");
  if (status.ok() && !(options.delta > 0 && std::isfinite(options.delta))) {
    status = InvalidArgument("delta is ", options.delta,
                             ", expected a positive finite number");
  }
  if (!status.ok()) return call.Fail(status);
  // With c = d kept in [-delta, delta] both branches are c * (d - c / 2).
  const Value d = predictions - targets;
  const Value c = Clamp(d, -options.delta, options.delta);
  return Reduce(c * (d - 0.5 * c), options.reduction);
}

}  // namespace evengrad
