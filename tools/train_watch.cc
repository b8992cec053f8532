#include "train_watch.h"

#include <cstdio>
#include <utility>

#include "flag_text.h"
#include "remedies.h"

namespace evengrad::tools {
namespace {

JsonObject ToJson(const LoggedFinding& logged) {
  const Finding& finding = logged.finding;
  return JsonObject()
      .Add("finding", Name(finding.kind))
      .Add("layer", finding.layer)
      .Add("first_step", logged.first_step)
      .Add("last_step", logged.last_step)
      .Add("holds", logged.holds)
      .Add("text", finding.text)
      .Add("cure", finding.cure);
}

JsonObject ToJson(const ClipProposal& proposal) {
  return JsonObject()
      .Add("proposal", StrCat("global_norm:", ShortNumber(proposal.threshold)))
      .Add("first_step", proposal.first_step)
      .Add("last_step", proposal.last_step)
      .Add("median", proposal.median)
      .Add("percentile_90", proposal.percentile_90)
      .Add("percentile_99", proposal.percentile_99)
      .Add("largest", proposal.largest);
}

JsonObject ToJson(const std::string& rule, const ClippingReport& report) {
  return JsonObject()
      .Add("clip", rule)
      .Add("acted", report.acted)
      .Add("steps", report.steps)
      .Add("norm", report.norm)
      .Add("clipped_norm", report.clipped_norm);
}

}  // namespace

absl::StatusOr<std::unique_ptr<TrainWatch>> TrainWatch::Create(
    const TrainFlags& flags, const TrainOptions& options) {
  std::unique_ptr<TrainWatch> watch(new TrainWatch);
  watch->hooks_ = options.hooks;
  watch->clip_scope_ = options.clip.scope;
  watch->skips_ = options.non_finite.policy == NonFinitePolicy::kSkipStep;
  watch->report_.settings = flags.settings;
  watch->report_.remedies = Remedies(flags);
  if (!options.clip.scope.empty()) {
    watch->report_.clipping = ReportClipping{.rule = flags.clip};
  }
  if (options.clip.suggest_steps > 0) {
    watch->norms_ = std::make_shared<NormRecorder>(options.clip.suggest_steps);
    watch->hooks_.push_back(watch->norms_);
  }
  if (!flags.csv.empty()) {
    EVENGRAD_ASSIGN_OR_RETURN(StatisticsCsvWriter writer,
                              StatisticsCsvWriter::Open(flags.csv));
    watch->csv_.emplace(std::move(writer));
  }
  if (!flags.tensorboard.empty()) {
    EVENGRAD_ASSIGN_OR_RETURN(TensorBoardWriter writer,
                              TensorBoardWriter::Open(flags.tensorboard));
    watch->tensorboard_.emplace(std::move(writer));
  }
  if (!flags.report.empty()) {
    EVENGRAD_ASSIGN_OR_RETURN(AtomicFile file,
                              AtomicFile::Create(flags.report));
    watch->report_file_.emplace(std::move(file));
  }
  if (flags.statistics_every > 0) {
    constexpr int64_t kBins = 30;
    watch->statistics_ =
        std::make_shared<LayerStatistics>(LayerStatisticsOptions{
            .every_n_steps = flags.statistics_every,
            .histogram_bins = flags.tensorboard.empty() ? 0 : kBins,
            .on_record = [watch = watch.get()](const StatisticsRecord& record) {
              return watch->Receive(record);
            }});
    watch->hooks_.push_back(watch->statistics_);
  }
  return watch;
}

void TrainWatch::Start(std::string network, int64_t steps_an_epoch) {
  report_.title = "Training report";
  report_.network = std::move(network);
  steps_an_epoch_ = steps_an_epoch;
}

absl::Status TrainWatch::Receive(const StatisticsRecord& record) {
  log_.Add(record.step, statistics_->findings());
  report_.history.Add(record);
  if (table_.visible()) {
    if (clear_progress) clear_progress();
    table_.Show(record, statistics_->findings());
  }
  if (tensorboard_.has_value()) {
    EVENGRAD_RETURN_IF_ERROR(tensorboard_->WriteStatistics(record));
  }
  return csv_.has_value() ? csv_->Write(record) : absl::OkStatus();
}

void TrainWatch::AddEarlierEpoch(const EpochReport& epoch) {
  report_.epochs.push_back({.epoch = epoch.epoch,
                            .steps = epoch.epoch * steps_an_epoch_,
                            .train_loss = epoch.train_loss,
                            .train_accuracy = epoch.train_accuracy});
  if (!epoch.validation.has_value()) return;
  report_.epochs.back().validation_loss = epoch.validation->loss;
  report_.epochs.back().validation_accuracy = epoch.validation->accuracy;
}

absl::Status TrainWatch::EndEpoch(const EpochReport& epoch) {
  AddEarlierEpoch(epoch);
  if (!tensorboard_.has_value()) return absl::OkStatus();
  std::vector<TaggedNumber> numbers = {
      {"epoch/train_loss", epoch.train_loss},
      {"epoch/train_accuracy", epoch.train_accuracy}};
  if (epoch.validation.has_value()) {
    numbers.push_back({"epoch/validation_loss", epoch.validation->loss});
    numbers.push_back(
        {"epoch/validation_accuracy", epoch.validation->accuracy});
  }
  if (epoch.learning_rate.has_value()) {
    numbers.push_back({"epoch/learning_rate", *epoch.learning_rate});
  }
  return tensorboard_->WriteScalars(report_.epochs.back().steps, numbers);
}

absl::Status TrainWatch::ReadCounts(const Session& session) {
  if (!clip_scope_.empty()) {
    EVENGRAD_ASSIGN_OR_RETURN(clipping_,
                              ReadClippingReport(session, clip_scope_));
    report_.clipping->acted = clipping_.acted;
    report_.clipping->steps = clipping_.steps;
  }
  if (skips_) {
    EVENGRAD_ASSIGN_OR_RETURN(const Tensor skipped,
                              session.Read("skipped_steps"));
    report_.skipped_steps = static_cast<int64_t>(skipped.ToDoubles()[0]);
  }
  return absl::OkStatus();
}

absl::Status TrainWatch::PrintEnd(const Session& session) {
  table_.Clear();
  EVENGRAD_RETURN_IF_ERROR(ReadCounts(session));
  if (norms_ != nullptr) {
    const std::optional<ClipProposal> proposal = norms_->Proposal();
    std::printf("%s",
                proposal.has_value()
                    ? proposal->ToString().c_str()
                    : "no gradient was finite: there is nothing to propose\n");
  }
  if (statistics_ != nullptr && statistics_->latest().step > 0) {
    const std::string table = StatisticsTable(
        statistics_->latest(), statistics_->findings(), {.columns = 1000});
    std::printf("%s", table.c_str());
  }
  if (report_.clipping.has_value()) {
    std::printf(
        "--clip=%s acted in %s of %s steps; last gradient norm %s, "
        "clipped to %s\n",
        report_.clipping->rule.c_str(), StrCat(clipping_.acted).c_str(),
        StrCat(clipping_.steps).c_str(), ShortNumber(clipping_.norm).c_str(),
        ShortNumber(clipping_.clipped_norm).c_str());
  }
  if (skips_) {
    std::printf("skipped %s steps that were not finite\n",
                StrCat(report_.skipped_steps).c_str());
  }
  return absl::OkStatus();
}

absl::Status TrainWatch::WriteJson(const absl::Status& status,
                                   JsonLinesWriter& json) {
  for (const LoggedFinding& logged : log_.Sorted()) {
    EVENGRAD_RETURN_IF_ERROR(json.Write(ToJson(logged)));
  }
  if (norms_ != nullptr && norms_->Proposal().has_value()) {
    EVENGRAD_RETURN_IF_ERROR(json.Write(ToJson(*norms_->Proposal())));
  }
  if (report_.clipping.has_value()) {
    EVENGRAD_RETURN_IF_ERROR(
        json.Write(ToJson(report_.clipping->rule, clipping_)));
  }
  if (skips_) {
    EVENGRAD_RETURN_IF_ERROR(
        json.Write(JsonObject().Add("skipped_steps", report_.skipped_steps)));
  }
  if (report_.interrupted_after.has_value()) {
    EVENGRAD_RETURN_IF_ERROR(json.Write(JsonObject().Add(
        "interrupted_after_steps", *report_.interrupted_after)));
  }
  if (status.ok()) return absl::OkStatus();
  return json.Write(JsonObject().Add("error", Message(status)));
}

absl::Status TrainWatch::WriteReport() {
  EVENGRAD_RETURN_IF_ERROR(report_file_->Write(PrintTrainingReport(report_)));
  return report_file_->Commit();
}

absl::Status TrainWatch::Finish(const Session& session,
                                const absl::StatusOr<FitResult>& result,
                                const std::optional<double>& test_accuracy,
                                std::optional<JsonLinesWriter>& json) {
  const absl::Status& status = result.status();
  if (result.ok() && result->interrupted && !only_suggests()) {
    report_.interrupted_after = result->steps;
  }
  // Nothing to read where the program never ran.
  const absl::Status counted = ReadCounts(session);
  absl::Status written = status.ok() ? counted : absl::OkStatus();
  if (json.has_value()) written.Update(WriteJson(status, *json));
  if (report_file_.has_value()) {
    report_.error = std::string(Message(status));
    report_.test_accuracy = test_accuracy;
    report_.findings = log_.Sorted();
    written.Update(WriteReport());
  }
  // Of a run that failed before the first look there are no lines.
  const bool has_lines = status.ok() || has_records();
  if (csv_.has_value() && has_lines) written.Update(csv_->Finish());
  return written;
}

}  // namespace evengrad::tools
