#include "evengrad/testing/check_gradient.h"

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "evengrad/autodiff/gradients.h"
#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/ops.h"
#include "evengrad/testing/sample_graph.h"

namespace evengrad::testing {
namespace {

using Tensors = std::vector<ReferenceTensor>;

// The sum of the products of values with weights: a number that depends on
// feeds.
struct Objective {
  Graph graph = {};
  std::vector<Value> values = {};
  Tensors weights = {};

  absl::StatusOr<double> Evaluate(
      const std::vector<ReferenceFeed>& feeds) const {
    EVENGRAD_ASSIGN_OR_RETURN(const Tensors tensors,
                              RunByReference(graph, values, feeds));
    double sum = 0;
    for (size_t k = 0; k < tensors.size(); ++k) {
      for (int64_t i = 0; i < tensors[k].num_elements(); ++i) {
        sum += tensors[k].values[i] * weights[k].values[i];
      }
    }
    return sum;
  }
};

absl::StatusOr<double> DifferenceQuotient(const Objective& objective,
                                          std::vector<ReferenceFeed>& feeds,
                                          double& element, double step) {
  const double center = element;
  const double above = center + step;
  const double below = center - step;
  element = above;
  EVENGRAD_ASSIGN_OR_RETURN(const double higher, objective.Evaluate(feeds));
  element = below;
  EVENGRAD_ASSIGN_OR_RETURN(const double lower, objective.Evaluate(feeds));
  element = center;
  return (higher - lower) / (above - below);
}

// The element at which a gradient is furthest from its difference quotient.
class WorstElement {
 public:
  explicit WorstElement(const GradientCheckOptions& options)
      : options_(options) {}

  void Add(std::string_view what, std::string_view place, double gradient,
           double quotient) {
    double excess = std::fabs(gradient - quotient) - options_.absolute -
                    options_.relative * std::fabs(quotient);
    if (std::isnan(excess)) excess = INFINITY;
    if (excess <= worst_) return;
    worst_ = excess;
    message_ = StrCat(what, " at ", place, " is ", Precisely(gradient),
                      ", difference quotient ", Precisely(quotient));
  }
  absl::Status status() const {
    return message_.empty() ? absl::OkStatus() : InvalidArgument(message_);
  }

 private:
  const GradientCheckOptions& options_;
  double worst_ = 0;
  std::string message_;
};

// Compares `gradient` with the quotients of `objective` in the elements of a
// feed.
absl::Status Compare(const Objective& objective,
                     std::vector<ReferenceFeed>& feeds, size_t feed,
                     const ReferenceTensor& gradient, std::string_view what,
                     const GradientCheckOptions& options, WorstElement& worst) {
  ReferenceTensor& tensor = feeds[feed].tensor;
  if (gradient.sizes != tensor.sizes) {
    return InvalidArgument(what, " has type ", gradient.type().ToString(),
                           ", expected ", tensor.type().ToString());
  }
  for (int64_t i = 0; i < tensor.num_elements(); ++i) {
    EVENGRAD_ASSIGN_OR_RETURN(
        const double quotient,
        DifferenceQuotient(objective, feeds, tensor.values[i], options.step));
    worst.Add(what, PlaceOf(tensor.sizes, i), gradient.values[i], quotient);
  }
  return absl::OkStatus();
}

std::string GradientName(int input) {
  return StrCat("gradient of input ", input);
}

// The gradients are the same when sizes are known only at the run.
absl::Status CompareWithOpenSizes(const OpDef& op, const OpSample& open,
                                  const SampleGraph& concrete,
                                  const std::vector<ReferenceFeed>& feeds,
                                  const Tensors& gradients) {
  if (!BuildSampleGraph(op, open).ok()) return absl::OkStatus();
  const std::string prefix = StrCat("with ", Describe(op, open), ": ");
  absl::StatusOr<SampleGraph> built =
      BuildSampleGraph(op, open, {.gradients = true});
  if (!built.ok()) return Prefixed(built.status(), prefix);
  std::vector<ReferenceFeed> own_feeds = feeds;
  for (size_t i = 0; i < feeds.size(); ++i) {
    own_feeds[i].value = built->feeds[i];
  }
  absl::StatusOr<Tensors> found =
      RunByReference(built->graph, built->gradients, own_feeds);
  if (!found.ok()) return Prefixed(found.status(), prefix);
  for (size_t i = 0; i < gradients.size(); ++i) {
    EVENGRAD_RETURN_IF_ERROR(Prefixed(
        CheckClose((*found)[i], gradients[i], {1e-12, 1e-12}),
        StrCat(prefix, GradientName(concrete.differentiable[i]), ": ")));
  }
  return absl::OkStatus();
}

// Floating outputs, in the order of the feeds of their gradients.
std::vector<Value> FloatingOutputs(const SampleGraph& sample_graph) {
  std::vector<Value> floating;
  for (const Value& output : sample_graph.outputs) {
    if (IsFloating(output.dtype())) floating.push_back(output);
  }
  return floating;
}

Tensors OutputGradients(const SampleGraph& sample_graph,
                        const std::vector<ReferenceFeed>& feeds) {
  Tensors weights;
  for (size_t i = sample_graph.inputs.size(); i < feeds.size(); ++i) {
    weights.push_back(feeds[i].tensor);
  }
  return weights;
}

// What CheckSecondGradient differentiates: the sum of gradients * weights.
struct SecondDerivative {
  std::vector<Value> wrt = {};
  std::vector<int> feeds = {};        // of wrt
  std::vector<Value> weights = {};    // placeholders
  std::vector<Value> gradients = {};  // of the sum, with respect to wrt
};

absl::StatusOr<SecondDerivative> Differentiate(SampleGraph& built) {
  SecondDerivative second;
  Value sum;
  for (const Value& gradient : built.gradients) {
    second.weights.push_back(
        Placeholder(built.graph, "weights", gradient.type()));
    const Value term = ReduceSum(gradient * second.weights.back());
    sum = sum.valid() ? sum + term : term;
  }
  const int num_feeds = static_cast<int>(built.feeds.size());
  for (int i = 0; i < num_feeds; ++i) {
    if (!IsFloating(built.feeds[i].dtype())) continue;
    second.wrt.push_back(built.feeds[i]);
    second.feeds.push_back(i);
  }
  EVENGRAD_ASSIGN_OR_RETURN(
      second.gradients,
      Gradients(sum, second.wrt, {.zeros_for_unreached = true}));
  return second;
}

}  // namespace

absl::Status CheckGradient(const OpDef& op, const OpSample& sample,
                           const GradientCheckOptions& options) {
  const OpSample wide = WithDType(sample, DType::kF64);
  EVENGRAD_ASSIGN_OR_RETURN(const SampleGraph built,
                            BuildSampleGraph(op, wide, {.gradients = true}));
  if (built.gradients.empty()) return absl::OkStatus();
  NumberSource numbers(options.seed);
  std::vector<ReferenceFeed> feeds =
      MakeFeeds(built, built, DrawInputs(wide, numbers), numbers);
  EVENGRAD_ASSIGN_OR_RETURN(
      const Tensors gradients,
      RunByReference(built.graph, built.gradients, feeds));
  const Objective objective = {.graph = built.graph,
                               .values = FloatingOutputs(built),
                               .weights = OutputGradients(built, feeds)};
  WorstElement worst(options);
  for (size_t i = 0; i < gradients.size(); ++i) {
    const int input = built.differentiable[i];
    EVENGRAD_RETURN_IF_ERROR(Compare(objective, feeds, input, gradients[i],
                                     GradientName(input), options, worst));
  }
  EVENGRAD_RETURN_IF_ERROR(worst.status());
  EVENGRAD_RETURN_IF_ERROR(
      CompareWithOpenSizes(op, WithSymbols(wide), built, feeds, gradients));
  return CompareWithOpenSizes(op, WithUnknowns(wide), built, feeds, gradients);
}

absl::Status CheckSecondGradient(const OpDef& op, const OpSample& sample,
                                 const GradientCheckOptions& options) {
  const OpSample wide = WithDType(sample, DType::kF64);
  EVENGRAD_ASSIGN_OR_RETURN(SampleGraph built,
                            BuildSampleGraph(op, wide, {.gradients = true}));
  if (built.gradients.empty()) return absl::OkStatus();
  EVENGRAD_ASSIGN_OR_RETURN(const SecondDerivative second,
                            Differentiate(built));
  NumberSource numbers(options.seed);
  std::vector<ReferenceFeed> feeds =
      MakeFeeds(built, built, DrawInputs(wide, numbers), numbers);
  Objective objective = {.graph = built.graph, .values = built.gradients};
  for (const Value& weights : second.weights) {
    objective.weights.push_back(DrawWeights(weights.type(), numbers));
    feeds.push_back({weights, objective.weights.back()});
  }
  EVENGRAD_ASSIGN_OR_RETURN(
      const Tensors gradients,
      RunByReference(built.graph, second.gradients, feeds));
  WorstElement worst(options);
  const int num_inputs = static_cast<int>(built.inputs.size());
  for (size_t i = 0; i < gradients.size(); ++i) {
    const int feed = second.feeds[i];
    const std::string what =
        feed < num_inputs
            ? StrCat("second gradient, of input ", feed)
            : StrCat("second gradient, of output gradient ", feed - num_inputs);
    EVENGRAD_RETURN_IF_ERROR(
        Compare(objective, feeds, feed, gradients[i], what, options, worst));
  }
  return worst.status();
}

absl::Status CheckStoppedGradient(const OpDef& op, const OpSample& sample) {
  const OpSample wide = WithDType(sample, DType::kF64);
  EVENGRAD_ASSIGN_OR_RETURN(const SampleGraph built,
                            BuildSampleGraph(op, wide, {.gradients = true}));
  NumberSource numbers(1);
  const std::vector<ReferenceFeed> feeds =
      MakeFeeds(built, built, DrawInputs(wide, numbers), numbers);
  EVENGRAD_ASSIGN_OR_RETURN(
      const Tensors gradients,
      RunByReference(built.graph, built.gradients, feeds));
  for (size_t i = 0; i < gradients.size(); ++i) {
    const ReferenceTensor zeros = ReferenceTensor::Zeros(gradients[i].type());
    EVENGRAD_RETURN_IF_ERROR(
        Prefixed(CheckClose(gradients[i], zeros, {}),
                 StrCat(GradientName(built.differentiable[i]), ": ")));
  }
  return absl::OkStatus();
}

}  // namespace evengrad::testing
