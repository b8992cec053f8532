// AutoClip and ZClip: the threshold follows the norms of earlier steps.
#include <cmath>
#include <numeric>
#include <vector>

#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/statistics.h"
#include "evengrad/runtime/hooks/clip_gradients.h"
#include "evengrad/runtime/hooks/clipping_rules.h"

namespace evengrad {
namespace {

constexpr int64_t kMaxWindow = 1'000'000;

// True where `norm` is a number.
Value IsFinite(const Value& norm) { return Equal(norm - norm, 0); }

absl::Status ScaleAndReport(Instrumentation& instrumentation,
                            const Value& squares, const Value& scale) {
  EVENGRAD_RETURN_IF_ERROR(ScaleGradients(instrumentation, scale));
  return ReportClipping(instrumentation,
                        {.squared_norm = squares,
                         .squared_clipped_norm = squares * Square(scale),
                         .acted = Less(scale, 1)});
}

class PercentileClipper : public Hook {
 public:
  PercentileClipper(double percent, AutoClipOptions options)
      : percent_(percent), options_(options) {}

  absl::Status Instrument(Instrumentation& instrumentation) override {
    EVENGRAD_RETURN_IF_ERROR(Check());
    const NameScope scope(instrumentation.graph(), "auto_clip");
    const Value squares = SumOfSquaredGradients(instrumentation);
    const Value norm = Sqrt(squares);
    EVENGRAD_ASSIGN_OR_RETURN(const Value limit,
                              Remember(instrumentation, norm));
    const Value scale = Select(Greater(norm, limit), limit / norm, 1);
    return ScaleAndReport(instrumentation, squares, scale);
  }

 private:
  absl::Status Check() const {
    if (!(percent_ >= 0 && percent_ <= 100)) {
      return InvalidArgument("AutoClip: the percentile is ", percent_,
                             ", expected a number from 0 to 100");
    }
    if (options_.window < 1 || options_.window > kMaxWindow) {
      return InvalidArgument("AutoClip: the window is ", options_.window,
                             " norms, expected 1 to ", kMaxWindow);
    }
    return absl::OkStatus();
  }

  // Puts `norm` into the ring of norms; the percentile of those it then holds.
  absl::StatusOr<Value> Remember(Instrumentation& instrumentation,
                                 const Value& norm) const {
    const Graph graph = instrumentation.graph();
    EVENGRAD_ASSIGN_OR_RETURN(const Tensor zeros,
                              Tensor::Zeros(F64({options_.window})));
    std::vector<int64_t> numbers(static_cast<size_t>(options_.window));
    std::iota(numbers.begin(), numbers.end(), int64_t{0});
    EVENGRAD_ASSIGN_OR_RETURN(const Tensor places,
                              Tensor::Of<int64_t>({options_.window}, numbers));

    const Value history =
        instrumentation.AddState("history", Constant(graph, zeros));
    const Value next = AddScalarState(instrumentation, "next", 0, DType::kI64);
    const Value count =
        AddScalarState(instrumentation, "count", 0, DType::kI64);
    const Value finite = IsFinite(norm);
    const Value here = LogicalAnd(Equal(Constant(graph, places), next), finite);
    const Value new_history = Select(here, norm, history);
    const auto window = static_cast<double>(options_.window);
    const Value after = next + 1;
    const Value new_next =
        Select(finite, Select(Equal(after, window), 0, after), next);
    const Value new_count = Select(finite, Minimum(count + 1, window), count);
    EVENGRAD_RETURN_IF_ERROR(graph.status());
    EVENGRAD_RETURN_IF_ERROR(instrumentation.UpdateState(history, new_history));
    EVENGRAD_RETURN_IF_ERROR(instrumentation.UpdateState(next, new_next));
    EVENGRAD_RETURN_IF_ERROR(instrumentation.UpdateState(count, new_count));
    return Percentile(new_history, new_count, percent_);
  }

  const double percent_;
  const AutoClipOptions options_;
};

class ZScoreClipper : public Hook {
 public:
  explicit ZScoreClipper(ZClipOptions options) : options_(options) {}

  absl::Status Instrument(Instrumentation& instrumentation) override {
    EVENGRAD_RETURN_IF_ERROR(Check());
    const NameScope scope(instrumentation.graph(), "z_clip");
    const Value squares = SumOfSquaredGradients(instrumentation);
    const Value norm = Sqrt(squares);
    Value limit;
    EVENGRAD_RETURN_IF_ERROR(Follow(instrumentation, norm, limit));
    if (options_.max_norm > 0) limit = Minimum(limit, options_.max_norm);
    const Value scale =
        Select(Greater(norm, limit), limit / (norm + kEpsilon), 1);
    return ScaleAndReport(instrumentation, squares, scale);
  }

 private:
  static constexpr double kEpsilon = 1e-6;

  absl::Status Check() const {
    if (!(options_.decay >= 0 && options_.decay < 1)) {
      return InvalidArgument("ZClip: the decay is ", options_.decay,
                             ", expected a number in [0, 1)");
    }
    EVENGRAD_RETURN_IF_ERROR(
        CheckPositive("ZClip", "threshold", options_.threshold));
    if (options_.max_norm != 0) {
      EVENGRAD_RETURN_IF_ERROR(
          CheckPositive("ZClip", "largest norm", options_.max_norm));
    }
    if (options_.warm_up < 1) {
      return InvalidArgument("ZClip: the warm-up is ", options_.warm_up,
                             " steps, expected at least 1");
    }
    return absl::OkStatus();
  }

  // Keeps mean and variance of the norms; `limit` is T of the header.
  absl::Status Follow(Instrumentation& instrumentation, const Value& norm,
                      Value& limit) const {
    auto state = [&](std::string_view name) {
      return AddScalarState(instrumentation, name, 0, DType::kF64);
    };
    const Value count = state("count");  // of the warm-up
    const Value mean = state("mean");
    const Value variance = state("variance");
    const Value warm = Less(count, static_cast<double>(options_.warm_up));

    const Value more = count + 1;
    const Value distance = norm - mean;
    const Value first_mean = mean + distance / more;
    const Value first_variance =
        (variance * count + distance * (norm - first_mean)) / more;

    const Value deviation = Sqrt(variance);
    const Value z = distance / (deviation + kEpsilon);
    const Value outlier =
        LogicalAnd(Greater(z, options_.threshold), LogicalNot(warm));
    limit = Select(
        outlier,
        mean + options_.threshold * deviation / (z / options_.threshold), norm);
    const double rest = 1 - options_.decay;
    const Value next_mean = options_.decay * mean + rest * limit;
    const Value next_variance =
        options_.decay * variance + rest * Square(limit - next_mean);

    const Value finite = IsFinite(norm);
    auto update = [&](const Value& old, const Value& in_warm_up,
                      const Value& later) {
      return instrumentation.UpdateState(
          old, Select(finite, Select(warm, in_warm_up, later), old));
    };
    EVENGRAD_RETURN_IF_ERROR(instrumentation.graph().status());
    EVENGRAD_RETURN_IF_ERROR(update(count, more, count));
    EVENGRAD_RETURN_IF_ERROR(update(mean, first_mean, next_mean));
    return update(variance, first_variance, next_variance);
  }

  const ZClipOptions options_;
};

}  // namespace

std::shared_ptr<Hook> AutoClip(double percent, AutoClipOptions options) {
  return std::make_shared<PercentileClipper>(percent, options);
}

std::shared_ptr<Hook> ZClip(ZClipOptions options) {
  return std::make_shared<ZScoreClipper>(options);
}

}  // namespace evengrad
