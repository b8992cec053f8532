#include "evengrad/train/monte_carlo.h"

#include <cmath>
#include <optional>
#include <vector>

#include "evengrad/graph/status.h"
#include "evengrad/runtime/passes.h"
#include "evengrad/runtime/program.h"

namespace evengrad {
namespace {

// Gives the session its random counters back.
class KeptCounters {
 public:
  explicit KeptCounters(Session& session)
      : session_(session), counters_(session.random_counters()) {}
  ~KeptCounters() { session_.SetRandomCounters(counters_); }
  KeptCounters(const KeptCounters&) = delete;
  KeptCounters& operator=(const KeptCounters&) = delete;

 private:
  Session& session_;
  const RandomCounters counters_;
};

bool DependsOnDraws(const Program& program) {
  const std::vector<bool> needed = NeededNodes(program);
  for (int id = 0; id < program.graph.num_nodes(); ++id) {
    if (needed[id] && program.graph.node(id).op().random) return true;
  }
  return false;
}

absl::StatusOr<Program> SamplingProgram(const Value& output) {
  const std::optional<Graph> graph = Graph::Of(output);
  if (!graph.has_value()) {
    return InvalidArgument("PredictMonteCarlo: the output is an empty value");
  }
  EVENGRAD_RETURN_IF_ERROR(graph->status());
  Program program = {.graph = *graph,
                     .mode = Mode::kMonteCarlo,
                     .fetches = {{"output", output}}};
  if (!IsFloating(output.dtype())) {
    return InvalidArgument(output.node().ErrorPrefix(),
                           "PredictMonteCarlo: the output has type ",
                           output.type().ToString(),
                           ", expected a floating one to take the mean of");
  }
  if (!DependsOnDraws(program)) {
    return InvalidArgument(
        output.node().ErrorPrefix(),
        "PredictMonteCarlo: the output depends on nothing random, all samples "
        "would be equal; train the model with Dropout");
  }
  return program;
}

// Mean and spread of a stream of tensors (Welford, 1962).
class Moments {
 public:
  void Add(const Tensor& sample) {
    const std::vector<double> values = sample.ToDoubles();
    mean_.resize(values.size());
    squares_.resize(values.size());
    ++count_;
    for (size_t i = 0; i < values.size(); ++i) {
      const double change = values[i] - mean_[i];
      mean_[i] += change / static_cast<double>(count_);
      squares_[i] += change * (values[i] - mean_[i]);
    }
  }
  absl::StatusOr<MonteCarloPrediction> Finish(const TensorType& type) const {
    MonteCarloPrediction prediction;
    EVENGRAD_ASSIGN_OR_RETURN(prediction.mean, Tensor::Zeros(type));
    EVENGRAD_ASSIGN_OR_RETURN(prediction.deviation, Tensor::Zeros(type));
    for (size_t i = 0; i < mean_.size(); ++i) {
      const auto at = static_cast<int64_t>(i);
      StoreFromDouble(type.dtype, prediction.mean.mutable_data(), at, mean_[i]);
      StoreFromDouble(type.dtype, prediction.deviation.mutable_data(), at,
                      std::sqrt(squares_[i] / static_cast<double>(count_)));
    }
    return prediction;
  }

 private:
  std::vector<double> mean_;
  std::vector<double> squares_;  // sum of squared distances to the mean
  int64_t count_ = 0;
};

}  // namespace

absl::StatusOr<MonteCarloPrediction> PredictMonteCarlo(
    Session& session, const Value& output, std::span<const Feed> feeds,
    const MonteCarloOptions& options) {
  if (options.samples < 1) {
    return InvalidArgument("PredictMonteCarlo: ", options.samples,
                           " samples, expected at least 1");
  }
  EVENGRAD_ASSIGN_OR_RETURN(const Program program, SamplingProgram(output));
  const KeptCounters kept(session);
  Moments moments;
  TensorType type;
  for (int64_t sample = 0; sample < options.samples; ++sample) {
    // Training counts up from 0.
    session.SetRandomCounters({.seed = options.seed, .step = -2 - sample});
    EVENGRAD_ASSIGN_OR_RETURN(const RunResult result,
                              session.Run(program, feeds));
    moments.Add(result.values()[0]);
    type = result.values()[0].type();
  }
  return moments.Finish(type);
}

}  // namespace evengrad
