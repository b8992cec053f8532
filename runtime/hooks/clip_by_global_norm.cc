#include "evengrad/runtime/hooks/clip_by_global_norm.h"

#include <cmath>
#include <vector>

#include "evengrad/graph/status.h"
#include "evengrad/ops/ops.h"

namespace evengrad {
namespace {

Value As(const Value& value, DType dtype) {
  return !value.valid() || value.dtype() == dtype ? value : Cast(value, dtype);
}

class GlobalNormClipper : public Hook {
 public:
  explicit GlobalNormClipper(double max_norm) : max_norm_(max_norm) {}

  absl::Status Instrument(Instrumentation& instrumentation) override {
    if (!std::isfinite(max_norm_) || max_norm_ <= 0) {
      return InvalidArgument("ClipByGlobalNorm: the largest norm is ",
                             max_norm_, ", expected a finite number above 0");
    }
    const std::vector<Value> parameters = instrumentation.parameters();
    NameScope scope(instrumentation.graph(), "clip_by_global_norm");
    const Value norm = GlobalNorm(instrumentation, parameters);
    if (!norm.valid()) return instrumentation.graph().status();
    const Value scale = max_norm_ / Maximum(norm, max_norm_);
    for (const Value& parameter : parameters) {
      const Value gradient = instrumentation.gradient(parameter);
      EVENGRAD_RETURN_IF_ERROR(instrumentation.ReplaceGradient(
          parameter, gradient * As(scale, gradient.dtype())));
    }
    EVENGRAD_RETURN_IF_ERROR(Keep(instrumentation, "norm", norm));
    return Keep(instrumentation, "clipped_norm", norm * scale);
  }

 private:
  static Value GlobalNorm(Instrumentation& instrumentation,
                          const std::vector<Value>& parameters) {
    DType dtype = DType::kF32;
    for (const Value& parameter : parameters) {
      if (parameter.dtype() == DType::kF64) dtype = DType::kF64;
    }
    Value sum;
    for (const Value& parameter : parameters) {
      const Value gradient = As(instrumentation.gradient(parameter), dtype);
      const Value squares = ReduceSum(Square(gradient));
      sum = sum.valid() ? sum + squares : squares;
    }
    return Sqrt(sum);
  }

  // A state that holds `value` of the last step.
  static absl::Status Keep(Instrumentation& instrumentation,
                           std::string_view name, const Value& value) {
    const Value initial = Constant(instrumentation.graph(), 0.0, value.dtype());
    return instrumentation.UpdateState(instrumentation.AddState(name, initial),
                                       value);
  }

  const double max_norm_;
};

}  // namespace

std::shared_ptr<Hook> ClipByGlobalNorm(double max_norm) {
  return std::make_shared<GlobalNormClipper>(max_norm);
}

}  // namespace evengrad
