// Gradients through a recurrent network.
#include <cmath>
#include <functional>
#include <numbers>

#include "examples/experiments/gradient_flow.h"

namespace evengrad::experiments {
namespace {

constexpr int kSteps = 100;
constexpr int64_t kUnits = 50;
constexpr int64_t kBatch = 64;
constexpr double kInputVariance = 0.05;

// The mean of f(z) over z ~ N(0, 1), by Simpson's rule on [-10, 10].
double NormalMean(const std::function<double(double)>& f) {
  constexpr int kPieces = 2000;
  constexpr double kLimit = 10;
  double sum = 0;
  for (int i = 0; i <= kPieces; ++i) {
    const double z = kLimit * (2.0 * i / kPieces - 1);
    const double weight = i == 0 || i == kPieces ? 1 : (i % 2 == 1 ? 4 : 2);
    sum += weight * f(z) * std::exp(-z * z / 2);
  }
  return sum * (2 * kLimit / kPieces) / 3 / std::sqrt(2 * std::numbers::pi);
}

}  // namespace

absl::StatusOr<double> RecurrentGradientSlope(double radius, uint64_t seed) {
  Graph graph;
  const Value recurrent =
      Parameter(graph, "recurrent",
                AddInitializer(graph, OrthogonalInitializer(radius),
                               F32({kUnits, kUnits}), "recurrent_initial"));
  const Value weights =
      RandomNormal(graph, F32({1, kUnits}), 0, std::sqrt(kInputVariance));
  std::vector<Value> states = {
      RandomNormal(graph, F32({kBatch, kUnits}), 0, 0.5)};
  for (int t = 0; t < kSteps; ++t) {
    const Value input = MatMul(RandomNormal(graph, F32({kBatch, 1})), weights);
    states.push_back(Tanh(MatMul(states.back(), recurrent) + input));
  }
  const Value loss =
      ReduceSum(states.back() * RandomNormal(graph, F32({kBatch, kUnits})));
  EVENGRAD_ASSIGN_OR_RETURN(const std::vector<Value> gradients,
                            Gradients(loss, states));
  Program program = {.graph = graph};
  for (size_t t = 0; t < gradients.size(); ++t) {
    program.fetches.push_back({StrCat(t), SumOfSquares(gradients[t])});
  }
  EVENGRAD_ASSIGN_OR_RETURN(Session session,
                            Session::Create(graph, {.seed = seed}));
  EVENGRAD_ASSIGN_OR_RETURN(const RunResult result, session.Run(program, {}));
  // Away from both ends: the first states are not yet stationary, and the last
  // gradient is what was put in.
  auto log_norm = [&](size_t t) {
    return 0.5 * std::log(result.values()[t].ToDoubles()[0]);
  };
  return (log_norm(10) - log_norm(90)) / 80;
}

double PredictedRecurrentSlope(double radius) {
  const double squared = radius * radius;
  double q = 1;
  for (int i = 0; i < 1000; ++i) {
    q = squared * NormalMean([&](double z) {
          return std::pow(std::tanh(std::sqrt(q) * z), 2);
        }) +
        kInputVariance;
  }
  const double chi = squared * NormalMean([&](double z) {
                       const double h = std::tanh(std::sqrt(q) * z);
                       return std::pow(1 - h * h, 2);
                     });
  return std::log(chi) / 2;
}

}  // namespace evengrad::experiments
