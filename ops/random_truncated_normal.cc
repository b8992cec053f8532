#include <cmath>
#include <numbers>

#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/random_rules.h"

namespace evengrad {
namespace {

// erf(sqrt(2)): the share of a normal that lies within two deviations.
constexpr double kShare = 0.95449973610364158560;

// The inverse of erf for |y| <= kShare: Giles, "Approximating the erfinv
// function" (2012), single precision, then one step of Newton's method in
// double (together exact to about 1e-14).
double InverseErf(double y) {
  double w = -std::log((1 - y) * (1 + y)) - 2.5;
  double p = 2.81022636e-08;
  for (double coefficient :
       {3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087,
        -0.00125372503, -0.00417768164, 0.246640727, 1.50140941}) {
    p = p * w + coefficient;
  }
  const double x = p * y;
  const double slope = 2 * std::numbers::inv_sqrtpi * std::exp(-x * x);
  return x - (std::erf(x) - y) / slope;
}

// The inverse of the distribution function: the same distribution as drawing
// again until the number is within two deviations, with one draw an element.
void Standard(const PhiloxCounter& block, bool wide, double* values) {
  for (int i = 0; i < DrawsPerBlock(wide); ++i) {
    const double u = OpenUnit(Draw(block, wide, i), wide);
    values[i] = std::numbers::sqrt2 * InverseErf(kShare * (2 * u - 1));
  }
}

absl::StatusOr<std::unique_ptr<Kernel>> MakeKernel(
    const KernelRequest& request) {
  const double mean = request.attribute<double>("mean");
  const double deviation = request.attribute<double>("deviation");
  return MakeRandomKernel(request, Standard,
                          {.offset = mean,
                           .scale = deviation,
                           .minimum = mean - 2 * deviation,
                           .maximum = mean + 2 * deviation});
}

// Solves erf(x) = y by Newton's method from 0, whose steps from there never
// overshoot.
double SolveErf(double y) {
  double x = 0;
  for (int i = 0; i < 12; ++i) {
    x += (y - std::erf(x)) * std::sqrt(std::numbers::pi) / 2 * std::exp(x * x);
  }
  return x;
}

absl::Status Reference(const ReferenceCall& call) {
  const double mean = call.attribute<double>("mean");
  const double deviation = call.attribute<double>("deviation");
  const double share = std::erf(std::sqrt(2.0));
  return ReferenceRandom(call, [=](const PhiloxCounter& block, bool wide,
                                   int i) {
    const double u = OpenUnit(Draw(block, wide, i), wide);
    return mean + deviation * std::sqrt(2.0) * SolveErf((2 * u - 1) * share);
  });
}

}  // namespace

const OpDef& RandomTruncatedNormalOp() {
  static const OpDef* const op = new OpDef{
      .name = "random_truncated_normal",
      .summary =
          "mean + deviation * normal(0, 1) truncated to [-2, 2], by its "
          "inverse from Philox4x32-10",
      .attributes = RandomAttributes(NormalParameters()),
      .infer_type = InferNormal,
      .make_kernel = MakeKernel,
      .reference = Reference,
      .random = true};
  return *op;
}

Value RandomTruncatedNormal(const Graph& graph, const TensorType& type,
                            double mean, double deviation,
                            RandomOptions options, SourceLocation location) {
  return AddRandom(graph, RandomTruncatedNormalOp(), type,
                   {{"mean", mean}, {"deviation", deviation}}, options,
                   location);
}

}  // namespace evengrad
