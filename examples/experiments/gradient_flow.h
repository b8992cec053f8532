// Experiments on how activations and gradients pass through deep networks at
// their start, as published or as theory says. Each builds its network with the
// library and returns what it measures; gradient_flow.cc prints them beside
// their targets, and tests hold them to those.
#ifndef EVENGRAD_EXAMPLES_EXPERIMENTS_GRADIENT_FLOW_H_
#define EVENGRAD_EXAMPLES_EXPERIMENTS_GRADIENT_FLOW_H_

#include <cstdint>
#include <vector>

#include "evengrad/evengrad.h"

namespace evengrad::experiments {

// What LayerStatistics sees of a stack of equal layers in one step, whose input
// and whose gradient at the top are normal numbers.
struct StackFlow {
  std::vector<double> saturated;  // share of the units, by layer
  // E g^2 of a layer's output / E g^2 of the next one's, by layer.
  std::vector<double> backward;
  double last_squares = 0;  // E h^2 of the last layer's output
};

// 20 layers of 100 logistic units, a batch of 200 (Glorot and Bengio, 2010,
// have the argument).
absl::StatusOr<StackFlow> LogisticStack(const Initializer& initializer,
                                        uint64_t seed);
// 20 layers of 400 ReLU units after batch norm, a batch of 256, LeCun weights
// (Yang et al.: A Mean Field Theory of Batch Normalization, 2019).
absl::StatusOr<StackFlow> BatchNormStack(uint64_t seed);
// 30 layers of `width` ReLU units with weights of variance gain / width, a
// batch of 64 (He et al., 2015).
absl::StatusOr<StackFlow> ReluStack(double gain, int64_t width, uint64_t seed);

// 100 layers of 100 SELU units, weights N(0, 1/100), 500 examples of N(0, 1)
// (the notebook of chapter 11 of Hands-On Machine Learning).
struct SeluFlow {
  // Over the examples and then averaged over the units, by layer.
  std::vector<double> mean;
  std::vector<double> deviation;
  // Over the units of one example: extremes over the examples of layer 1.
  double lowest_mean = 0, highest_mean = 0;
  double lowest_deviation = 0, highest_deviation = 0;
};
absl::StatusOr<SeluFlow> SeluStack(uint64_t seed);

// ln |J^T u|^2 of the Jacobian J of 100 layers of 100 ReLU units with weights
// N(0, 2/100) and a unit vector u, of many such networks (Hanin and Nica,
// 2018).
struct LogNorms {
  double mean = 0;
  double deviation = 0;
};
absl::StatusOr<LogNorms> ReluJacobianNorms(int networks, uint64_t seed);

// The mean singular value of the Jacobian of the last of 5 layers of 200 tanh
// units with respect to its input, weights uniform in [-limit, limit] (Glorot
// and Bengio, 2010).
absl::StatusOr<double> TanhSingularValue(double limit, uint64_t seed);

// SGD with a small rate on a linear network with one hidden layer, whose target
// has modes of the given strengths, each of which starts at strength `start`:
// the times (steps times rate) at which each has come half way (Saxe,
// McClelland and Ganguli, 2013).
absl::StatusOr<std::vector<double>> LinearLearningTimes(
    const std::vector<double>& strengths, double start, double rate,
    uint64_t seed);
// The same by their formula, ln((strength - start) / start) / (2 strength).
double PredictedLearningTime(double strength, double start);

// A recurrent network of 50 tanh units whose recurrent weights are `radius`
// times an orthogonal matrix, so that this is their spectral radius, driven by
// normal inputs of variance 0.05 for 100 steps: d ln |gradient| / d step, from
// the last state backwards.
absl::StatusOr<double> RecurrentGradientSlope(double radius, uint64_t seed);
// By mean-field theory: ln(chi) / 2, where chi = radius^2 E tanh'(z)^2 with z
// of the stationary variance q = radius^2 E tanh(z)^2 + 0.05.
double PredictedRecurrentSlope(double radius);

}  // namespace evengrad::experiments

#endif  // EVENGRAD_EXAMPLES_EXPERIMENTS_GRADIENT_FLOW_H_
