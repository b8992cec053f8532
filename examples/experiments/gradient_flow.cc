// Prints what the experiments of gradient_flow.h measure, beside what was
// published or simulated. Usage: gradient_flow [seeds]
#include "examples/experiments/gradient_flow.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

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

void Print(const char* what, const char* target, const Spread& spread) {
  std::printf("%-54s %-22s %9.4g +- %.2g\n", what, target, spread.mean(),
              spread.deviation());
}

// Of factors whose product is the whole way.
double GeometricMean(const std::vector<double>& factors) {
  double sum = 0;
  for (double factor : factors) sum += std::log(factor);
  return std::exp(sum / static_cast<double>(factors.size()));
}

absl::Status Stacks(int seeds) {
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
    halved.numbers.push_back(std::log2(half.last_squares));
    EVENGRAD_ASSIGN_OR_RETURN(const StackFlow he, ReluStack(2, 256, seed));
    kept.numbers.push_back(std::log2(he.last_squares));
  }
  Print("A4 logistic 20x100, N(0,1): saturated in layer 1", ".77", first);
  Print("   in layer 20", ".63", last);
  Print("   backward variance a layer", ".944", normal);
  Print("A5 the same, Glorot: backward variance a layer", ".0551", glorot);
  Print("A9 batch norm + ReLU 20x400: backward variance", "1.467", batch_norm);
  Print("A10 ReLU 30x256, variance 1/n: log2 of E h^2", "-30", halved);
  Print("   variance 2/n", "0", kept);
  return absl::OkStatus();
}

absl::Status Selus(int seeds) {
  Spread low, high, bias, mean, deviation;
  for (int seed = 1; seed <= seeds; ++seed) {
    EVENGRAD_ASSIGN_OR_RETURN(const SeluFlow flow, SeluStack(seed));
    low.numbers.push_back(std::ranges::min(flow.deviation));
    high.numbers.push_back(std::ranges::max(flow.deviation));
    bias.numbers.push_back(std::max(std::abs(std::ranges::min(flow.mean)),
                                    std::abs(std::ranges::max(flow.mean))));
    mean.numbers.push_back(std::max(-flow.lowest_mean, flow.highest_mean));
    deviation.numbers.push_back(flow.lowest_deviation);
    deviation.numbers.push_back(flow.highest_deviation);
  }
  Print("A6 SELU 100x100: least deviation of a layer", "> .83", low);
  Print("   largest deviation of a layer", "< 1.03", high);
  Print("   largest |mean| of a layer", "< .12", bias);
  Print("   of one example in layer 1: largest |mean|", "< .4", mean);
  std::printf("%-54s %-22s %9.4g .. %.4g\n", "   deviation", ".70 .. 1.35",
              std::ranges::min(deviation.numbers),
              std::ranges::max(deviation.numbers));
  return absl::OkStatus();
}

absl::Status Jacobians(int seeds) {
  Spread mean, deviation, standard, normalized;
  for (int seed = 1; seed <= seeds; ++seed) {
    EVENGRAD_ASSIGN_OR_RETURN(const LogNorms norms,
                              ReluJacobianNorms(300, seed));
    mean.numbers.push_back(norms.mean);
    deviation.numbers.push_back(norms.deviation);
    EVENGRAD_ASSIGN_OR_RETURN(std::vector<double> values,
                              TanhSingularValues(std::sqrt(1.0 / 200), seed));
    standard.numbers.push_back(values.back());
    EVENGRAD_ASSIGN_OR_RETURN(values,
                              TanhSingularValues(std::sqrt(6.0 / 400), seed));
    normalized.numbers.push_back(values.back());
  }
  Print("A7 ReLU + He 100x100, 300 nets: mean of ln |J u|^2", "-2.5 (-2.67)",
        mean);
  Print("   deviation", "2.225 (2.253)", deviation);
  Print("A8 tanh, U(1/sqrt n): mean singular value, layer 5", ".487", standard);
  Print("   U(sqrt(6/2n))", ".759", normalized);
  return absl::OkStatus();
}

absl::Status Others(int seeds) {
  EVENGRAD_ASSIGN_OR_RETURN(const std::vector<double> times,
                            LinearLearningTimes({1, 0.8, 0.5}, 0.01, 2e-3, 1));
  std::printf("%-54s %-22.5g %9.5g\n", "A14 linear net, s = 1: half learned at",
              PredictedLearningTime(1, 0.01), times[0]);
  std::printf("%-54s %-22.5g %9.5g\n", "   s = 0.5",
              PredictedLearningTime(0.5, 0.01), times[2]);
  for (const double radius : {1.5, 0.5}) {
    Spread slope;
    for (int seed = 1; seed <= seeds; ++seed) {
      EVENGRAD_ASSIGN_OR_RETURN(const double measured,
                                RecurrentGradientSlope(radius, seed));
      slope.numbers.push_back(measured);
    }
    Print(StrCat("A23 RNN, spectral radius ", radius, ": d ln |g| / d step")
              .c_str(),
          StrCat(PredictedRecurrentSlope(radius)).c_str(), slope);
  }
  return absl::OkStatus();
}

absl::Status Run(int seeds) {
  std::printf("%-54s %-22s %9s\n", "", "target", "measured");
  EVENGRAD_RETURN_IF_ERROR(Stacks(seeds));
  EVENGRAD_RETURN_IF_ERROR(Selus(seeds));
  EVENGRAD_RETURN_IF_ERROR(Jacobians(seeds));
  return Others(seeds);
}

}  // namespace
}  // namespace evengrad::experiments

int main(int argc, char** argv) {
  const int seeds = argc > 1 ? std::atoi(argv[1]) : 10;
  const absl::Status status = evengrad::experiments::Run(std::max(seeds, 1));
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
