#include "train_watch.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

namespace evengrad::tools {
namespace {

// Two significant digits, rounded up.
double RoundedUp(double value) {
  if (!(value > 0)) return value;
  const double unit = std::pow(10, std::floor(std::log10(value)) - 1);
  return std::ceil(value / unit - 1e-9) * unit;
}

std::string Short(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.3g", value);
  return text;
}

}  // namespace

absl::Status NormRecorder::Instrument(Instrumentation& instrumentation) {
  const NameScope scope(instrumentation.graph(), "gradient_norm");
  Value squares;
  for (const Value& parameter : instrumentation.parameters()) {
    const Value own = SumOfSquares(instrumentation.gradient(parameter));
    squares = squares.valid() ? squares + own : own;
  }
  return instrumentation.Observe(
      {.name = "gradient_norm", .values = {squares}});
}

absl::Status NormRecorder::Observe(const Observation& observation) {
  if (!done()) {
    norms_.push_back(std::sqrt(observation.values[0].ToDoubles()[0]));
  }
  return absl::OkStatus();
}

// A threshold that acts in one step of ten keeps outliers out and leaves the
// usual step alone; the first steps, before training has settled, count little.
std::string NormRecorder::Proposal() const {
  std::vector<double> norms(norms_.begin() + norms_.size() / 2, norms_.end());
  std::erase_if(norms, [](double norm) { return !std::isfinite(norm); });
  if (norms.empty()) return "no gradient was finite: nothing to propose\n";
  std::ranges::sort(norms);
  auto percentile = [&](double percent) {
    return norms[static_cast<size_t>(percent / 100 *
                                     static_cast<double>(norms.size() - 1))];
  };
  const double limit = RoundedUp(percentile(90));
  return StrCat("gradient norms of steps ", norms_.size() / 2 + 1, " to ",
                norms_.size(), ": median ", Short(percentile(50)),
                ", 90 % up to ", Short(percentile(90)), ", 99 % up to ",
                Short(percentile(99)), ", largest ", Short(norms.back()),
                "\nproposal: --clip=global_norm:", Short(limit),
                " (acts in about one step of ten)\n");
}

absl::StatusOr<std::unique_ptr<TrainWatch>> TrainWatch::Create(
    const TrainFlags& flags, const TrainOptions& options) {
  std::unique_ptr<TrainWatch> watch(new TrainWatch);
  watch->hooks_ = options.hooks;
  watch->clip_ = flags.clip;
  watch->clip_scope_ = options.clip.scope;
  watch->skips_ = options.non_finite == NonFinitePolicy::kSkipStep;
  if (options.clip.suggest_steps > 0) {
    watch->norms_ = std::make_shared<NormRecorder>(options.clip.suggest_steps);
    watch->hooks_.push_back(watch->norms_);
  }
  if (!flags.csv.empty()) {
    EVENGRAD_ASSIGN_OR_RETURN(StatisticsCsvWriter writer,
                              StatisticsCsvWriter::Open(flags.csv));
    watch->csv_.emplace(std::move(writer));
  }
  if (flags.statistics_every > 0) {
    watch->statistics_ =
        std::make_shared<LayerStatistics>(LayerStatisticsOptions{
            .every_n_steps = flags.statistics_every,
            .on_record = [watch = watch.get()](const StatisticsRecord& record) {
              return watch->Receive(record);
            }});
    watch->hooks_.push_back(watch->statistics_);
  }
  return watch;
}

absl::Status TrainWatch::Receive(const StatisticsRecord& record) {
  if (table_.visible()) {
    if (clear_progress) clear_progress();
    table_.Show(record, statistics_->findings());
  }
  return csv_.has_value() ? csv_->Write(record) : absl::OkStatus();
}

absl::Status TrainWatch::Finish(const Session& session) {
  table_.Clear();
  if (norms_ != nullptr) std::printf("%s", norms_->Proposal().c_str());
  if (statistics_ != nullptr && statistics_->latest().step > 0) {
    const std::string table = StatisticsTable(
        statistics_->latest(), statistics_->findings(), {.columns = 1000});
    std::printf("%s", table.c_str());
  }
  if (!clip_scope_.empty()) {
    EVENGRAD_ASSIGN_OR_RETURN(const ClippingReport report,
                              ReadClippingReport(session, clip_scope_));
    std::printf(
        "--clip=%s acted in %s of %s steps; last gradient norm %s, "
        "clipped to %s\n",
        clip_.c_str(), StrCat(report.acted).c_str(),
        StrCat(report.steps).c_str(), Short(report.norm).c_str(),
        Short(report.clipped_norm).c_str());
  }
  if (skips_) {
    EVENGRAD_ASSIGN_OR_RETURN(const Tensor skipped,
                              session.Read("skipped_steps"));
    std::printf("skipped %.0f steps that were not finite\n",
                skipped.ToDoubles()[0]);
  }
  return csv_.has_value() ? csv_->Finish() : absl::OkStatus();
}

}  // namespace evengrad::tools
