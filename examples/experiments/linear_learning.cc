// The learning curves of a linear network.
#include <cmath>

#include "examples/experiments/gradient_flow.h"

namespace evengrad::experiments {
namespace {

// A random orthogonal matrix that stays.
Value Rotation(const Graph& graph, std::string_view name, int64_t size) {
  return State(graph, name,
               Orthogonalize(RandomNormal(graph, F64({size, size}))));
}

Value Diagonal(const Graph& graph, const std::vector<double>& numbers) {
  const auto size = static_cast<int64_t>(numbers.size());
  return Eye(graph, F64({size, size})) *
         Constant(graph, *Tensor::Of<double>({size}, numbers));
}

}  // namespace

// The inputs are white, so that the loss is |target - first second|^2 / 2. The
// modes of the target are its singular vectors, in which the weights start.
absl::StatusOr<std::vector<double>> LinearLearningTimes(
    const std::vector<double>& strengths, double start, double rate,
    uint64_t seed) {
  Graph graph;
  const auto modes = static_cast<int64_t>(strengths.size());
  const Value left = Rotation(graph, "left", modes);
  const Value inner = Rotation(graph, "inner", modes);
  const Value right = Rotation(graph, "right", modes);
  const double root = std::sqrt(start);
  const Value first = Parameter(graph, "first", root * MatMul(left, inner));
  const Value second = Parameter(
      graph, "second",
      root * MatMul(inner, right,
                    {.transpose_input = true, .transpose_weights = true}));
  const Value product = MatMul(first, second);
  const Value target = MatMul(MatMul(left, Diagonal(graph, strengths)), right,
                              {.transpose_weights = true});
  const Value found =
      MatMul(MatMul(left, product, {.transpose_input = true}), right);
  EVENGRAD_ASSIGN_OR_RETURN(
      const Program program,
      Minimize(0.5 * ReduceSum(Square(target - product)),
               Sgd{.learning_rate = rate}, {.fetches = {{"modes", found}}}));
  EVENGRAD_ASSIGN_OR_RETURN(
      Session session,
      Session::Create(graph, {.seed = seed, .num_threads = 1}));
  std::vector<double> times(strengths.size(), NAN);
  size_t done = 0;
  for (int step = 0; done < times.size() && step * rate < 100; ++step) {
    EVENGRAD_ASSIGN_OR_RETURN(const RunResult result, session.Run(program, {}));
    EVENGRAD_ASSIGN_OR_RETURN(const Tensor strength, result.Get("modes"));
    for (size_t k = 0; k < times.size(); ++k) {
      const double now = strength.ToDoubles()[k * times.size() + k];
      if (!std::isnan(times[k]) || now < strengths[k] / 2) continue;
      times[k] = step * rate;
      ++done;
    }
  }
  return times;
}

double PredictedLearningTime(double strength, double start) {
  return std::log((strength - start) / start) / (2 * strength);
}

}  // namespace evengrad::experiments
