// What `evengrad train` shows of a run while and after it trains: statistics of
// the layers, clipping, skipped steps, a proposal for clipping; on the screen,
// in files, and in a report.
#ifndef EVENGRAD_TOOLS_TRAIN_WATCH_H_
#define EVENGRAD_TOOLS_TRAIN_WATCH_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "clip_proposal.h"
#include "evengrad/evengrad.h"
#include "train_options.h"

namespace evengrad::tools {

// The hooks of a run and what they have to say.
class TrainWatch {
 public:
  // Opens the files that are asked for.
  static absl::StatusOr<std::unique_ptr<TrainWatch>> Create(
      const TrainFlags& flags, const TrainOptions& options);

  // Those of the options and those of the watch.
  const std::vector<std::shared_ptr<Hook>>& hooks() const { return hooks_; }
  // Enough steps have been seen for --clip=suggest.
  bool done() const { return norms_ != nullptr && norms_->done(); }
  bool has_records() const { return log_.records() > 0; }
  bool only_suggests() const { return norms_ != nullptr; }

  // Before the first step. `network`: "20x100, selu: 271410 parameters".
  void Start(std::string network, int64_t steps_an_epoch);
  // An epoch that was trained before the run went on, and one that just ended.
  void AddEarlierEpoch(const EpochReport& epoch);
  absl::Status EndEpoch(const EpochReport& epoch);
  // Removes the live table, so that other output can take its place.
  void ClearScreen() { table_.Clear(); }
  // Prints the last statistics and what clipping did.
  absl::Status PrintEnd(const Session& session);
  // Finishes the files, `json` but for its end, and the others where one
  // cannot be written; the first error. The run ended with `result`.
  absl::Status Finish(const Session& session,
                      const absl::StatusOr<FitResult>& result,
                      const std::optional<double>& test_accuracy,
                      std::optional<JsonLinesWriter>& json);

  // Removes the progress line before the table is drawn.
  std::function<void()> clear_progress = {};

 private:
  TrainWatch() = default;
  absl::Status Receive(const StatisticsRecord& record);
  absl::Status ReadCounts(const Session& session);
  absl::Status WriteReport();
  absl::Status WriteJson(const absl::Status& status, JsonLinesWriter& json);

  std::vector<std::shared_ptr<Hook>> hooks_;
  std::shared_ptr<LayerStatistics> statistics_;
  std::shared_ptr<NormRecorder> norms_;
  std::optional<StatisticsCsvWriter> csv_;
  std::optional<TensorBoardWriter> tensorboard_;
  std::optional<AtomicFile> report_file_;
  FindingLog log_;
  TrainingReport report_;
  std::string clip_scope_;
  ClippingReport clipping_;
  bool skips_ = false;
  int64_t steps_an_epoch_ = 0;
  LiveTable table_;
};

}  // namespace evengrad::tools

#endif  // EVENGRAD_TOOLS_TRAIN_WATCH_H_
