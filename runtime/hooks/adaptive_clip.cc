#include <algorithm>
#include <cmath>
#include <vector>

#include "evengrad/graph/name_pattern.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/statistics.h"
#include "evengrad/ops/unit_norms.h"
#include "evengrad/runtime/hooks/clip_gradients.h"
#include "evengrad/runtime/hooks/clipping_rules.h"
#include "evengrad/runtime/hooks/layers_of_model.h"

namespace evengrad {
namespace {

class AdaptiveClipper : public Hook {
 public:
  AdaptiveClipper(double factor, AdaptiveClipOptions options)
      : factor_(factor), options_(std::move(options)) {}

  absl::Status Instrument(Instrumentation& instrumentation) override {
    EVENGRAD_RETURN_IF_ERROR(CheckPositive("AdaptiveClip", "factor", factor_));
    EVENGRAD_RETURN_IF_ERROR(
        CheckPositive("AdaptiveClip", "epsilon", options_.epsilon));
    const std::vector<Value> exempt = Exempt(instrumentation);
    const Graph graph = instrumentation.graph();
    const NameScope scope(graph, "adaptive_clip");
    const Value before = SumOfSquaredGradients(instrumentation);
    Value clipped_units = Constant(graph, 0.0, DType::kF64);
    for (const Value& parameter : instrumentation.parameters()) {
      if (std::ranges::find(exempt, parameter) != exempt.end()) continue;
      EVENGRAD_RETURN_IF_ERROR(Clip(instrumentation, parameter, clipped_units));
    }
    return ReportClipping(
        instrumentation,
        {.squared_norm = before,
         .squared_clipped_norm = SumOfSquaredGradients(instrumentation),
         .acted = Greater(clipped_units, 0)});
  }

 private:
  std::vector<Value> Exempt(Instrumentation& instrumentation) const {
    std::vector<Value> exempt;
    if (options_.exempt_output_layer) {
      for (const ModelLayer& layer : LayersOf(instrumentation)) {
        if (!layer.is_output) continue;
        exempt.insert(exempt.end(), layer.parameters.begin(),
                      layer.parameters.end());
      }
    }
    for (const Value& parameter : instrumentation.parameters()) {
      for (const std::string& pattern : options_.exempt) {
        if (MatchesPattern(pattern, parameter.name())) {
          exempt.push_back(parameter);
        }
      }
    }
    return exempt;
  }

  // Adds the number of clipped units to `clipped_units`.
  absl::Status Clip(Instrumentation& instrumentation, const Value& parameter,
                    Value& clipped_units) const {
    const Value gradient = instrumentation.gradient(parameter);
    const Value norm = UnitNorms(gradient);
    const Value limit =
        factor_ * Maximum(UnitNorms(parameter), options_.epsilon);
    const Value clips = Greater(norm, limit);
    const Value scale = Select(clips, limit / Maximum(norm, 1e-6), 1);
    clipped_units = clipped_units + ReduceSum(Cast(clips, DType::kF64));
    return instrumentation.ReplaceGradient(parameter, gradient * scale);
  }

  const double factor_;
  const AdaptiveClipOptions options_;
};

}  // namespace

std::shared_ptr<Hook> AdaptiveClip(double factor, AdaptiveClipOptions options) {
  return std::make_shared<AdaptiveClipper>(factor, std::move(options));
}

}  // namespace evengrad
