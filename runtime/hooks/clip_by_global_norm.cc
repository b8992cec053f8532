#include "evengrad/runtime/hooks/clip_by_global_norm.h"

#include "evengrad/graph/status.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/statistics.h"
#include "evengrad/runtime/hooks/clipping_rules.h"

namespace evengrad {
namespace {

class GlobalNormClipper : public Hook {
 public:
  explicit GlobalNormClipper(double max_norm) : max_norm_(max_norm) {}

  absl::Status Instrument(Instrumentation& instrumentation) override {
    EVENGRAD_RETURN_IF_ERROR(
        CheckPositive("ClipByGlobalNorm", "largest norm", max_norm_));
    const NameScope scope(instrumentation.graph(), "clip_by_global_norm");
    const Value squares = SumOfSquaredGradients(instrumentation);
    const Value norm = Sqrt(squares);
    const Value scale = max_norm_ / Maximum(norm, max_norm_);
    EVENGRAD_RETURN_IF_ERROR(ScaleGradients(instrumentation, scale));
    return ReportClipping(instrumentation,
                          {.squared_norm = squares,
                           .squared_clipped_norm = squares * Square(scale),
                           .acted = Greater(norm, max_norm_)});
  }

 private:
  const double max_norm_;
};

}  // namespace

std::shared_ptr<Hook> ClipByGlobalNorm(double max_norm) {
  return std::make_shared<GlobalNormClipper>(max_norm);
}

}  // namespace evengrad
