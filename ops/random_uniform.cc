#include <algorithm>
#include <cmath>

#include "evengrad/graph/status.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/random_rules.h"

namespace evengrad {
namespace {

// The numbers of `dtype` in [low, high).
struct Interval {
  double first = 0;
  double last = 0;
};
Interval IntervalOf(DType dtype, double low, double high) {
  return {-RoundDown(dtype, -low),
          RoundDown(dtype, std::nextafter(high, -INFINITY))};
}

absl::StatusOr<std::vector<TensorType>> InferType(const InferContext& context) {
  EVENGRAD_ASSIGN_OR_RETURN(TensorType type, InferRandom(context));
  const double low = context.attribute<double>("low");
  const double high = context.attribute<double>("high");
  if (!std::isfinite(high - low)) {
    return InvalidArgument("the interval [", low, ", ", high,
                           ") must be finite");
  }
  const Interval interval = IntervalOf(type.dtype, low, high);
  if (!(low < high) || interval.first > interval.last) {
    return InvalidArgument("no ", Name(type.dtype), " number lies in [", low,
                           ", ", high, "); low must be below high");
  }
  return std::vector<TensorType>{std::move(type)};
}

void Standard(const PhiloxCounter& block, bool wide, double* values) {
  for (int i = 0; i < DrawsPerBlock(wide); ++i) {
    values[i] = HalfOpenUnit(Draw(block, wide, i), wide);
  }
}

absl::StatusOr<std::unique_ptr<Kernel>> MakeKernel(
    const KernelRequest& request) {
  const double low = request.attribute<double>("low");
  const double high = request.attribute<double>("high");
  const Interval interval = IntervalOf(request.outputs[0].dtype, low, high);
  return MakeRandomKernel(request, Standard,
                          {.offset = low,
                           .scale = high - low,
                           .minimum = interval.first,
                           .maximum = interval.last});
}

absl::Status Reference(const ReferenceCall& call) {
  const double low = call.attribute<double>("low");
  const double high = call.attribute<double>("high");
  return ReferenceRandom(
      call, [=](const PhiloxCounter& block, bool wide, int i) {
        if (!wide) return low + (high - low) * (block[i] / 256) / 16777216.0;
        const uint64_t bits =
            uint64_t{block[2 * i + 1]} * 4294967296u + block[2 * i];
        return low + (high - low) * std::ldexp(double(bits / 2048), -53);
      });
}

}  // namespace

const OpDef& RandomUniformOp() {
  static const OpDef* const op = new OpDef{
      .name = "random_uniform",
      .summary =
          "uniform in [low, high), from Philox4x32-10 (Salmon et al., "
          "2011)",
      .attributes = RandomAttributes({{.name = "low", .fallback = 0.0},
                                      {.name = "high", .fallback = 1.0}}),
      .infer_type = InferType,
      .make_kernel = MakeKernel,
      .reference = Reference,
      .random = true};
  return *op;
}

Value RandomUniform(const Graph& graph, const TensorType& type, double low,
                    double high, RandomOptions options,
                    SourceLocation location) {
  return AddRandom(graph, RandomUniformOp(), type,
                   {{"low", low}, {"high", high}}, options, location);
}

}  // namespace evengrad
