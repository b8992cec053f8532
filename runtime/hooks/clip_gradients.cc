#include "evengrad/runtime/hooks/clip_gradients.h"

#include "evengrad/graph/status.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/statistics.h"
#include "evengrad/runtime/hooks/clipping_rules.h"

namespace evengrad {
namespace {

class ValueClipper : public Hook {
 public:
  explicit ValueClipper(double limit) : limit_(limit) {}

  absl::Status Instrument(Instrumentation& instrumentation) override {
    EVENGRAD_RETURN_IF_ERROR(
        CheckPositive("ClipByValue", "largest value", limit_));
    const NameScope scope(instrumentation.graph(), "clip_by_value");
    const Value before = SumOfSquaredGradients(instrumentation);
    for (const Value& parameter : instrumentation.parameters()) {
      EVENGRAD_RETURN_IF_ERROR(instrumentation.ReplaceGradient(
          parameter,
          Clamp(instrumentation.gradient(parameter), -limit_, limit_)));
    }
    // The same sum of the same numbers unless one was clamped.
    const Value after = SumOfSquaredGradients(instrumentation);
    return ReportClipping(instrumentation, {.squared_norm = before,
                                            .squared_clipped_norm = after,
                                            .acted = Less(after, before)});
  }

 private:
  const double limit_;
};

class NormClipper : public Hook {
 public:
  explicit NormClipper(double max_norm) : max_norm_(max_norm) {}

  absl::Status Instrument(Instrumentation& instrumentation) override {
    EVENGRAD_RETURN_IF_ERROR(
        CheckPositive("ClipByNorm", "largest norm", max_norm_));
    const NameScope scope(instrumentation.graph(), "clip_by_norm");
    Value before, after;
    for (const Value& parameter : instrumentation.parameters()) {
      const Value gradient = instrumentation.gradient(parameter);
      const Value squares = SumOfSquares(gradient);
      const Value scale = max_norm_ / Maximum(Sqrt(squares), max_norm_);
      EVENGRAD_RETURN_IF_ERROR(instrumentation.ReplaceGradient(
          parameter, gradient * InType(scale, gradient.dtype())));
      const Value clipped = squares * Square(scale);
      before = before.valid() ? before + squares : squares;
      after = after.valid() ? after + clipped : clipped;
    }
    return ReportClipping(instrumentation, {.squared_norm = before,
                                            .squared_clipped_norm = after,
                                            .acted = Less(after, before)});
  }

 private:
  const double max_norm_;
};

absl::StatusOr<double> ReadNumber(const Session& session,
                                  std::string_view scope,
                                  std::string_view name) {
  EVENGRAD_ASSIGN_OR_RETURN(const Tensor tensor,
                            session.Read(StrCat(scope, "/", name)));
  return LoadAsDouble(tensor.dtype(), tensor.data(), 0);
}

}  // namespace

std::shared_ptr<Hook> ClipByValue(double limit) {
  return std::make_shared<ValueClipper>(limit);
}

std::shared_ptr<Hook> ClipByNorm(double max_norm) {
  return std::make_shared<NormClipper>(max_norm);
}

absl::StatusOr<ClippingReport> ReadClippingReport(const Session& session,
                                                  std::string_view scope) {
  ClippingReport report;
  EVENGRAD_ASSIGN_OR_RETURN(report.norm, ReadNumber(session, scope, "norm"));
  EVENGRAD_ASSIGN_OR_RETURN(report.clipped_norm,
                            ReadNumber(session, scope, "clipped_norm"));
  EVENGRAD_ASSIGN_OR_RETURN(const double acted,
                            ReadNumber(session, scope, "acted"));
  EVENGRAD_ASSIGN_OR_RETURN(const double steps,
                            ReadNumber(session, scope, "steps"));
  report.acted = static_cast<int64_t>(acted);
  report.steps = static_cast<int64_t>(steps);
  return report;
}

}  // namespace evengrad
