// Jacobians of networks and of their layers, by gradients.
#include <cmath>

#include "examples/experiments/gradient_flow.h"
#include "examples/experiments/singular_values.h"

namespace evengrad::experiments {

absl::StatusOr<LogNorms> ReluJacobianNorms(int networks, uint64_t seed) {
  constexpr int64_t kWidth = 100;
  Graph graph;
  const Value input = RandomNormal(graph, F32({1, kWidth}));
  Value hidden = input;
  for (int i = 0; i < 100; ++i) {
    // No parameters but random nodes: every run draws a new network.
    hidden = Relu(MatMul(hidden, RandomNormal(graph, F32({kWidth, kWidth}), 0,
                                              std::sqrt(2.0 / kWidth))));
  }
  const Value direction = RandomNormal(graph, F32({1, kWidth}));
  const Value unit = direction * Rsqrt(ReduceSum(Square(direction)));
  EVENGRAD_ASSIGN_OR_RETURN(
      const std::vector<Value> gradient,
      Gradients(ReduceSum(hidden * unit), std::vector<Value>{input}));
  const Program program = {
      .graph = graph,
      .fetches = {{"log_norm", Log(SumOfSquares(gradient[0]))}}};
  EVENGRAD_ASSIGN_OR_RETURN(Session session, Session::Create(graph));
  double sum = 0, squares = 0;
  for (int i = 0; i < networks; ++i) {
    session.SetRandomCounters({.seed = seed, .step = i});
    EVENGRAD_ASSIGN_OR_RETURN(const RunResult result, session.Run(program, {}));
    EVENGRAD_ASSIGN_OR_RETURN(const double log_norm, result.Scalar("log_norm"));
    sum += log_norm;
    squares += log_norm * log_norm;
  }
  const double mean = sum / networks;
  return LogNorms{mean, std::sqrt(squares / networks - mean * mean)};
}

absl::StatusOr<double> TanhSingularValue(double limit, uint64_t seed) {
  constexpr int kWidth = 200;
  constexpr int kLayers = 5;
  Graph graph;
  const TensorType square = F32({kWidth, kWidth});
  // Equal rows, so that the gradient of the sum of the diagonal of a layer's
  // output has the Jacobian's rows.
  Value hidden =
      BroadcastTo(RandomNormal(graph, F32({1, kWidth})), {kWidth, kWidth});
  Value input;
  for (int i = 1; i <= kLayers; ++i) {
    input = hidden;
    hidden = Tanh(MatMul(input, RandomUniform(graph, square, -limit, limit)));
  }
  EVENGRAD_ASSIGN_OR_RETURN(const std::vector<Value> jacobian,
                            Gradients(ReduceSum(hidden * Eye(graph, square)),
                                      std::vector<Value>{input}));
  const Program program = {.graph = graph,
                           .fetches = {{"jacobian", jacobian[0]}}};
  EVENGRAD_ASSIGN_OR_RETURN(Session session,
                            Session::Create(graph, {.seed = seed}));
  EVENGRAD_ASSIGN_OR_RETURN(const RunResult result, session.Run(program, {}));
  double sum = 0;
  for (const double value :
       SingularValues(result.values()[0].ToDoubles(), kWidth, kWidth)) {
    sum += value;
  }
  return sum / kWidth;
}

}  // namespace evengrad::experiments
