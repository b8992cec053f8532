// Prints what the experiments of gradient_flow.h measure, beside what was
// published or simulated, with the tolerance on the mean over seeds; exit code
// 1 when a figure is out of it. Usage: gradient_flow [seeds]
#include "examples/experiments/gradient_flow.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace evengrad::experiments {
namespace {

// A figure over seeds.
struct Spread {
  std::vector<double> numbers;
  double mean() const {
    double sum = 0;
    for (double number : numbers) sum += number;
    return sum / static_cast<double>(numbers.size());
  }
  double deviation() const {
    double squares = 0;
    for (double number : numbers) squares += std::pow(number - mean(), 2);
    return std::sqrt(squares / static_cast<double>(numbers.size()));
  }
};

// What a figure should be.
struct Target {
  double value = 0;
  double tolerance = 0;
};

bool all_within = true;

void Print(const std::string& what, const Target& target,
           const Spread& spread) {
  const bool within =
      std::abs(spread.mean() - target.value) <= target.tolerance;
  all_within = all_within && within;
  std::printf("%-52s %8.5g +- %-7.3g %8.4g +- %-7.2g %s\n", what.c_str(),
              target.value, target.tolerance, spread.mean(), spread.deviation(),
              within ? "" : "OUT");
}

// A range as a target.
Target Between(double low, double high) {
  return {(low + high) / 2, (high - low) / 2};
}

// Of factors whose product is the whole way.
double GeometricMean(const std::vector<double>& factors) {
  double sum = 0;
  for (double factor : factors) sum += std::log(factor);
  return std::exp(sum / static_cast<double>(factors.size()));
}

absl::Status Stacks(int seeds) {
  const double finite = 30 * 5.0 / 256;  // variance of ln E h^2 of A10
  Spread first, last, normal, glorot, batch_norm, halved, kept;
  for (int seed = 1; seed <= seeds; ++seed) {
    EVENGRAD_ASSIGN_OR_RETURN(const StackFlow wide,
                              LogisticStack(NormalInitializer(0, 1), seed));
    first.numbers.push_back(wide.saturated.front());
    last.numbers.push_back(wide.saturated.back());
    normal.numbers.push_back(GeometricMean(wide.backward));
    EVENGRAD_ASSIGN_OR_RETURN(const StackFlow narrow,
                              LogisticStack(GlorotUniform(), seed));
    glorot.numbers.push_back(GeometricMean(narrow.backward));
    EVENGRAD_ASSIGN_OR_RETURN(const StackFlow norm, BatchNormStack(seed));
    batch_norm.numbers.push_back(GeometricMean(norm.backward));
    EVENGRAD_ASSIGN_OR_RETURN(const StackFlow half, ReluStack(1, 256, seed));
    halved.numbers.push_back(std::log(half.last_squares));
    EVENGRAD_ASSIGN_OR_RETURN(const StackFlow he, ReluStack(2, 256, seed));
    kept.numbers.push_back(std::log(he.last_squares));
  }
  Print("A4 logistic 20x100, N(0,1): saturated in layer 1", {0.77, 0.03},
        first);
  Print("   in layer 20", {0.63, 0.03}, last);
  Print("   backward variance a layer", {0.944, 0.04}, normal);
  Print("A5 the same, Glorot: backward variance a layer", {0.0551, 0.003},
        glorot);
  Print("A9 batch norm + ReLU 20x400: backward variance", {1.467, 0.04},
        batch_norm);
  Print("A10 ReLU 30x256, variance 1/n: ln of E h^2",
        {-30 * std::log(2) - finite / 2, 3 * std::sqrt(finite)}, halved);
  Print("   variance 2/n", {-finite / 2, 3 * std::sqrt(finite)}, kept);
  return absl::OkStatus();
}

absl::Status Selus(int seeds) {
  Spread low, high, bias, mean, lowest, highest;
  for (int seed = 1; seed <= seeds; ++seed) {
    EVENGRAD_ASSIGN_OR_RETURN(const SeluFlow flow, SeluStack(seed));
    low.numbers.push_back(std::ranges::min(flow.deviation));
    high.numbers.push_back(std::ranges::max(flow.deviation));
    bias.numbers.push_back(std::max(std::abs(std::ranges::min(flow.mean)),
                                    std::abs(std::ranges::max(flow.mean))));
    mean.numbers.push_back(std::max(-flow.lowest_mean, flow.highest_mean));
    lowest.numbers.push_back(flow.lowest_deviation);
    highest.numbers.push_back(flow.highest_deviation);
  }
  Print("A6 SELU 100x100: least deviation of a layer", Between(0.83, 1.03),
        low);
  Print("   largest deviation of a layer", Between(0.83, 1.03), high);
  Print("   largest |mean| of a layer", {0, 0.12}, bias);
  Print("   of one example in layer 1: largest |mean|", {0, 0.4}, mean);
  Print("   least deviation", Between(0.70, 1.35), lowest);
  Print("   largest deviation", Between(0.70, 1.35), highest);
  return absl::OkStatus();
}

absl::Status Jacobians(int seeds) {
  Spread mean, deviation, standard, normalized;
  for (int seed = 1; seed <= seeds; ++seed) {
    EVENGRAD_ASSIGN_OR_RETURN(const LogNorms norms,
                              ReluJacobianNorms(300, seed));
    mean.numbers.push_back(norms.mean);
    deviation.numbers.push_back(norms.deviation);
    EVENGRAD_ASSIGN_OR_RETURN(double value,
                              TanhSingularValue(std::sqrt(1.0 / 200), seed));
    standard.numbers.push_back(value);
    EVENGRAD_ASSIGN_OR_RETURN(value,
                              TanhSingularValue(std::sqrt(6.0 / 400), seed));
    normalized.numbers.push_back(value);
  }
  Print("A7 ReLU + He 100x100, 300 nets: mean of ln |J u|^2", {-2.5, 0.4},
        mean);
  Print("   deviation", {2.225, 0.15}, deviation);
  Print("A8 tanh, U(1/sqrt n): mean singular value, layer 5", {0.487, 0.02},
        standard);
  Print("   U(sqrt(6/2n))", {0.759, 0.02}, normalized);
  return absl::OkStatus();
}

absl::Status Others(int seeds) {
  const std::vector<double> strengths = {1, 0.8, 0.5};
  EVENGRAD_ASSIGN_OR_RETURN(const std::vector<double> times,
                            LinearLearningTimes(strengths, 0.01, 2e-3, 1));
  for (size_t k = 0; k < times.size(); ++k) {
    const double predicted = PredictedLearningTime(strengths[k], 0.01);
    Print(StrCat(k == 0 ? "A14 linear network" : "  ", ", strength ",
                 strengths[k], ": half learned at"),
          {predicted, 0.02 * predicted}, {{times[k]}});
  }
  for (const double radius : {1.5, 0.5}) {
    Spread slope;
    for (int seed = 1; seed <= seeds; ++seed) {
      EVENGRAD_ASSIGN_OR_RETURN(const double measured,
                                RecurrentGradientSlope(radius, seed));
      slope.numbers.push_back(measured);
    }
    Print(StrCat("A23 RNN, spectral radius ", radius, ": d ln |g| / d step"),
          {PredictedRecurrentSlope(radius), 0.02}, slope);
  }
  return absl::OkStatus();
}

absl::Status Run(int seeds) {
  std::printf("%-52s %-19s %s\n", "", "target", "measured, over seeds");
  EVENGRAD_RETURN_IF_ERROR(Stacks(seeds));
  EVENGRAD_RETURN_IF_ERROR(Selus(seeds));
  EVENGRAD_RETURN_IF_ERROR(Jacobians(std::min(seeds, 3)));  // 300 nets each
  return Others(seeds);
}

}  // namespace
}  // namespace evengrad::experiments

int main(int argc, char** argv) {
  const int seeds = argc > 1 ? std::atoi(argv[1]) : 10;
  const absl::Status status = evengrad::experiments::Run(std::max(seeds, 1));
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return status.ok() && evengrad::experiments::all_within ? 0 : 1;
}
