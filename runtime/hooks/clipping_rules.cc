#include "evengrad/runtime/hooks/clipping_rules.h"

#include <cmath>

#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/statistics.h"

namespace evengrad {

Value InType(const Value& value, DType dtype) {
  return !value.valid() || value.dtype() == dtype ? value : Cast(value, dtype);
}

Value SumOfSquaredGradients(Instrumentation& instrumentation) {
  Value sum;
  for (const Value& parameter : instrumentation.parameters()) {
    const Value squares = SumOfSquares(instrumentation.gradient(parameter));
    sum = sum.valid() ? sum + squares : squares;
  }
  return sum;
}

absl::Status ScaleGradients(Instrumentation& instrumentation,
                            const Value& scale) {
  for (const Value& parameter : instrumentation.parameters()) {
    const Value gradient = instrumentation.gradient(parameter);
    EVENGRAD_RETURN_IF_ERROR(instrumentation.ReplaceGradient(
        parameter, gradient * InType(scale, gradient.dtype())));
  }
  return absl::OkStatus();
}

Value AddScalarState(Instrumentation& instrumentation, std::string_view name,
                     double initial, DType dtype) {
  return instrumentation.AddState(
      name, Constant(instrumentation.graph(), initial, dtype));
}

absl::Status ReportClipping(Instrumentation& instrumentation,
                            const ClippedStep& step) {
  auto keep = [&](std::string_view name, const Value& value) {
    return instrumentation.UpdateState(
        AddScalarState(instrumentation, name, 0, value.dtype()), value);
  };
  auto count = [&](std::string_view name, const Value& by) {
    const Value counter = AddScalarState(instrumentation, name, 0, DType::kI64);
    return instrumentation.UpdateState(counter, counter + by);
  };
  if (!instrumentation.graph().status().ok()) {
    return instrumentation.graph().status();
  }
  EVENGRAD_RETURN_IF_ERROR(keep("norm", Sqrt(step.squared_norm)));
  EVENGRAD_RETURN_IF_ERROR(
      keep("clipped_norm", Sqrt(step.squared_clipped_norm)));
  EVENGRAD_RETURN_IF_ERROR(count("acted", Cast(step.acted, DType::kI64)));
  return count("steps", Constant(instrumentation.graph(), 1.0, DType::kI64));
}

absl::Status CheckPositive(std::string_view hook, std::string_view what,
                           double number) {
  if (std::isfinite(number) && number > 0) return absl::OkStatus();
  return InvalidArgument(hook, ": the ", what, " is ", number,
                         ", expected a finite number above 0");
}

}  // namespace evengrad
