#include "evengrad/train/lsuv.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "evengrad/graph/name_pattern.h"
#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/initializers.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/statistics.h"
#include "evengrad/runtime/passes.h"
#include "evengrad/runtime/program.h"
#include "evengrad/train/early_stopping.h"

namespace evengrad {
namespace {

struct Layer {
  Value weights = {};
  Value product = {};
};

bool IsExempt(const LsuvOptions& options, const Value& weights) {
  return std::ranges::any_of(options.exempt, [&](const std::string& pattern) {
    return MatchesPattern(pattern, weights.name());
  });
}

// The first value that depends on `weights` and on a placeholder, among the
// nodes that are needed; an invalid one where there is none.
Value ProductOf(const Value& weights, const std::vector<bool>& needed) {
  const Graph graph = *Graph::Of(weights);
  const auto size = needed.size();
  std::vector<bool> fed(size, false), weighted(size, false);
  weighted[weights.id().node] = true;
  for (int id = 0; id < graph.num_nodes(); ++id) {
    if (!needed[id]) continue;
    const Node node = graph.node(id);
    if (IsPlaceholder(node)) fed[id] = true;
    for (int i = 0; i < node.num_inputs(); ++i) {
      if (node.op().ReadsTypeOnly(i)) continue;
      if (fed[node.input_id(i).node]) fed[id] = true;
      if (weighted[node.input_id(i).node]) weighted[id] = true;
    }
    if (fed[id] && weighted[id]) return node.output();
  }
  return Value();
}

// The weights that `output` depends on, in the order of their products.
absl::StatusOr<std::vector<Layer>> LayersBelow(const Value& output,
                                               const LsuvOptions& options) {
  const Graph graph = *Graph::Of(output);
  const std::vector<bool> needed =
      NeededNodes({.graph = graph, .fetches = {{"output", output}}});
  std::vector<Layer> layers;
  for (const Value& parameter : Parameters(graph)) {
    if (!needed[parameter.id().node] || parameter.rank() < 2 ||
        IsExempt(options, parameter)) {
      continue;
    }
    layers.push_back({parameter, ProductOf(parameter, needed)});
    if (layers.back().product.valid()) continue;
    return InvalidArgument(parameter.node().ErrorPrefix(),
                           "InitializeLsuv: no product of the weights depends "
                           "on what is fed; exempt them");
  }
  if (layers.empty()) {
    return InvalidArgument(
        output.node().ErrorPrefix(),
        "InitializeLsuv: the value depends on no weights to initialize");
  }
  std::ranges::sort(layers, {},
                    [](const Layer& layer) { return layer.product.id(); });
  return layers;
}

class Lsuv {
 public:
  Lsuv(Session& session, std::vector<Layer> layers, std::span<const Feed> feeds,
       const LsuvOptions& options)
      : session_(session),
        layers_(std::move(layers)),
        feeds_(feeds),
        options_(options) {}

  absl::StatusOr<std::vector<LsuvLayer>> Run() {
    EVENGRAD_RETURN_IF_ERROR(BuildPrograms());
    EVENGRAD_ASSIGN_OR_RETURN(std::vector<double> variances, Variances());
    std::vector<LsuvLayer> reports;
    for (size_t i = 0; i < layers_.size(); ++i) {
      reports.push_back({.weights = layers_[i].weights.name(),
                         .variance_before = variances[i]});
    }
    EVENGRAD_ASSIGN_OR_RETURN(const RunResult orthonormal,
                              session_.Run(orthonormal_, {}));
    for (size_t i = 0; i < layers_.size(); ++i) {
      EVENGRAD_RETURN_IF_ERROR(
          session_.Write(reports[i].weights, orthonormal.values()[i]));
    }
    EVENGRAD_ASSIGN_OR_RETURN(variances, Variances());
    for (size_t i = 0; i < layers_.size(); ++i) {
      EVENGRAD_RETURN_IF_ERROR(Normalize(i, variances, reports[i]));
    }
    return reports;
  }

 private:
  // One program measures all layers, one makes orthonormal weights.
  absl::Status BuildPrograms() {
    const Graph graph = Graph::Of(layers_[0].weights)->Clone();
    measure_ = {.graph = graph, .mode = Mode::kInference};
    orthonormal_ = measure_;
    const NameScope scope(graph, "lsuv");
    for (const Layer& layer : layers_) {
      const std::string name = layer.weights.name();
      EVENGRAD_ASSIGN_OR_RETURN(const Value product,
                                graph.Resolve(layer.product));
      // In f64, and the factor in f32: what vectors of other lengths round
      // otherwise does not reach the weights.
      measure_.fetches.push_back(
          {name, Statistics(Cast(product, DType::kF64)).summary});
      orthonormal_.fetches.push_back(
          {name, AddInitializer(graph, OrthogonalInitializer(),
                                layer.weights.type(), name)});
    }
    return graph.status();
  }

  absl::StatusOr<std::vector<double>> Variances() {
    EVENGRAD_ASSIGN_OR_RETURN(const RunResult result,
                              session_.Run(measure_, feeds_));
    std::vector<double> variances;
    for (const Tensor& summary : result.values()) {
      const std::vector<double> numbers = summary.ToDoubles();
      auto at = [&](Statistic place) {
        return numbers[static_cast<size_t>(place)];
      };
      const bool finite =
          at(Statistic::kNans) == 0 && at(Statistic::kInfinities) == 0;
      const double deviation = at(Statistic::kDeviation);
      variances.push_back(finite ? deviation * deviation : NAN);
    }
    return variances;
  }

  // Scales the weights of layer `i` until its variance, which is variances[i],
  // is 1; keeps `variances` up to date.
  absl::Status Normalize(size_t i, std::vector<double>& variances,
                         LsuvLayer& report) {
    const Node product = layers_[i].product.node();
    while (true) {
      report.variance = variances[i];
      if (!std::isfinite(report.variance) || report.variance <= 0) {
        return InvalidArgument(
            product.ErrorPrefix(), "InitializeLsuv: the variance over the ",
            "batch is ", report.variance,
            ", expected a finite number above 0; feed different examples");
      }
      if (std::abs(report.variance - 1) < options_.tolerance) break;
      if (report.iterations == options_.max_iterations) {
        return InvalidArgument(product.ErrorPrefix(),
                               "InitializeLsuv: the variance over the batch is "
                               "still ",
                               report.variance, " after ", report.iterations,
                               " iterations, expected 1 +- ",
                               options_.tolerance);
      }
      ++report.iterations;
      EVENGRAD_RETURN_IF_ERROR(Scale(
          report.weights, static_cast<float>(1 / std::sqrt(report.variance))));
      EVENGRAD_ASSIGN_OR_RETURN(variances, Variances());
    }
    return absl::OkStatus();
  }

  absl::Status Scale(const std::string& state, double factor) {
    EVENGRAD_ASSIGN_OR_RETURN(Tensor weights, session_.Share(state));
    for (int64_t i = 0; i < weights.num_elements(); ++i) {
      const double weight = LoadAsDouble(weights.dtype(), weights.data(), i);
      StoreFromDouble(weights.dtype(), weights.mutable_data(), i,
                      weight * factor);
    }
    return absl::OkStatus();
  }

  Session& session_;
  const std::vector<Layer> layers_;
  const std::span<const Feed> feeds_;
  const LsuvOptions& options_;
  Program measure_;
  Program orthonormal_;
};

}  // namespace

absl::StatusOr<std::vector<LsuvLayer>> InitializeLsuv(
    Session& session, const Value& output, std::span<const Feed> feeds,
    const LsuvOptions& options) {
  const std::optional<Graph> graph = Graph::Of(output);
  if (!graph.has_value()) {
    return InvalidArgument("InitializeLsuv: the output is an empty value");
  }
  EVENGRAD_RETURN_IF_ERROR(graph->status());
  if (!(options.tolerance > 0) || options.max_iterations < 1) {
    return InvalidArgument("InitializeLsuv: a tolerance of ", options.tolerance,
                           " and ", options.max_iterations,
                           " iterations, expected both above 0");
  }
  EVENGRAD_ASSIGN_OR_RETURN(std::vector<Layer> layers,
                            LayersBelow(output, options));
  StateCopies before;
  EVENGRAD_RETURN_IF_ERROR(before.Take(session, *graph));
  absl::StatusOr<std::vector<LsuvLayer>> reports =
      Lsuv(session, std::move(layers), feeds, options).Run();
  if (!reports.ok()) EVENGRAD_RETURN_IF_ERROR(before.Restore(session));
  return reports;
}

}  // namespace evengrad
