#include <cmath>
#include <numbers>

#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/random_rules.h"

namespace evengrad {
namespace {

// Box and Muller (1958): two uniform draws u, v make two normal ones,
// sqrt(-2 log u) * {cos, sin}(2 pi v).
void Standard(const PhiloxCounter& block, bool wide, double* values) {
  for (int i = 0; i < DrawsPerBlock(wide); i += 2) {
    const double u = OpenUnit(Draw(block, wide, i), wide);
    const double v = OpenUnit(Draw(block, wide, i + 1), wide);
    const double radius = std::sqrt(-2 * std::log(u));
    const double angle = 2 * std::numbers::pi * v;
    values[i] = radius * std::cos(angle);
    values[i + 1] = radius * std::sin(angle);
  }
}

absl::StatusOr<std::unique_ptr<Kernel>> MakeKernel(
    const KernelRequest& request) {
  return MakeRandomKernel(request, Standard,
                          {.offset = request.attribute<double>("mean"),
                           .scale = request.attribute<double>("deviation")});
}

absl::Status Reference(const ReferenceCall& call) {
  const double mean = call.attribute<double>("mean");
  const double deviation = call.attribute<double>("deviation");
  return ReferenceRandom(
      call, [=](const PhiloxCounter& block, bool wide, int i) {
        const double u = OpenUnit(Draw(block, wide, i / 2 * 2), wide);
        const double turns = OpenUnit(Draw(block, wide, i / 2 * 2 + 1), wide);
        // A sine is a cosine a quarter turn earlier.
        const double phase = turns - (i % 2) * 0.25;
        return mean + deviation * std::sqrt(2 * std::log(1 / u)) *
                          std::cos(2 * std::numbers::pi * phase);
      });
}

}  // namespace

const OpDef& RandomNormalOp() {
  static const OpDef* const op =
      new OpDef{.name = "random_normal",
                .summary =
                    "mean + deviation * normal(0, 1), by Box and Muller (1958) "
                    "from Philox4x32-10",
                .attributes = RandomAttributes(NormalParameters()),
                .infer_type = InferNormal,
                .make_kernel = MakeKernel,
                .reference = Reference,
                .random = true};
  return *op;
}

Value RandomNormal(const Graph& graph, const TensorType& type, double mean,
                   double deviation, RandomOptions options,
                   SourceLocation location) {
  return AddRandom(graph, RandomNormalOp(), type,
                   {{"mean", mean}, {"deviation", deviation}}, options,
                   location);
}

}  // namespace evengrad
