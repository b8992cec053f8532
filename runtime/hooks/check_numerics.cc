#include "evengrad/runtime/hooks/check_numerics.h"

#include <optional>
#include <utility>

#include "evengrad/graph/status.h"
#include "evengrad/runtime/numerics_check.h"

namespace evengrad {
namespace {

class NumericsChecker : public Hook {
 public:
  explicit NumericsChecker(CheckNumericsOptions options)
      : options_(std::move(options)) {}

  absl::Status Instrument(Instrumentation&) override {
    return absl::OkStatus();
  }

  absl::Status InstrumentUpdates(Instrumentation& instrumentation) override {
    std::vector<Value> roots = {instrumentation.loss()};
    for (const Value& parameter : instrumentation.parameters()) {
      roots.push_back(instrumentation.raw_gradient(parameter));
      roots.push_back(instrumentation.new_value(parameter));
    }
    graph_ = instrumentation.graph();
    EVENGRAD_ASSIGN_OR_RETURN(
        probe_, NumericsProbe::Add(instrumentation.graph(), roots));
    return instrumentation.Observe({.name = "check_numerics",
                                    .values = probe_->summaries(),
                                    .counts_runs = true});
  }

  absl::Status Observe(const Observation& observation) override {
    EVENGRAD_RETURN_IF_ERROR(
        CheckWatches(graph_, observation, "CheckNumerics"));
    const std::optional<NonFiniteReport> report = probe_->FindFirst(
        observation.values, observation.step, options_.exempt);
    return report.has_value() ? absl::OutOfRangeError(report->ToString())
                              : absl::OkStatus();
  }

 private:
  const CheckNumericsOptions options_;
  Graph graph_;  // of the program that is watched
  std::optional<NumericsProbe> probe_;
};

}  // namespace

std::shared_ptr<Hook> CheckNumerics(CheckNumericsOptions options) {
  return std::make_shared<NumericsChecker>(std::move(options));
}

}  // namespace evengrad
