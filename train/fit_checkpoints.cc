#include "evengrad/train/fit_checkpoints.h"

#include <algorithm>
#include <span>
#include <string_view>

#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

// The completed epochs, under this name: f64 [epochs, kColumns].
constexpr std::string_view kEpochs = "epochs";
constexpr int64_t kColumns = 8;

absl::StatusOr<Tensor> ToTensor(const std::vector<EpochReport>& epochs) {
  EVENGRAD_ASSIGN_OR_RETURN(
      Tensor tensor,
      Tensor::Zeros(F64({static_cast<int64_t>(epochs.size()), kColumns})));
  auto* row = static_cast<double*>(tensor.mutable_data());
  for (const EpochReport& report : epochs) {
    row[0] = report.train_loss;
    row[1] = report.train_accuracy;
    if (report.validation.has_value()) {
      row[2] = 1;
      row[3] = report.validation->loss;
      row[4] = report.validation->accuracy;
      row[5] = static_cast<double>(report.validation->examples);
    }
    if (report.learning_rate.has_value()) {
      row[6] = 1;
      row[7] = *report.learning_rate;
    }
    row += kColumns;
  }
  return tensor;
}

absl::StatusOr<std::vector<EpochReport>> ToEpochs(const Tensor& tensor) {
  EVENGRAD_ASSIGN_OR_RETURN(const std::span<const double> values,
                            tensor.values<double>());
  if (tensor.rank() != 2 || tensor.sizes()[1] != kColumns) {
    return InvalidArgument("the epochs of the checkpoint have type ",
                           tensor.ToString());
  }
  std::vector<EpochReport> epochs;
  for (int64_t i = 0; i < tensor.sizes()[0]; ++i) {
    const double* row = values.data() + i * kColumns;
    EpochReport& report = epochs.emplace_back();
    report.epoch = i + 1;
    report.train_loss = row[0];
    report.train_accuracy = row[1];
    if (row[2] != 0) {
      report.validation.emplace();
      report.validation->loss = row[3];
      report.validation->accuracy = row[4];
      report.validation->examples = static_cast<int64_t>(row[5]);
    }
    if (row[6] != 0) report.learning_rate = row[7];
  }
  return epochs;
}

}  // namespace

absl::StatusOr<FitCheckpoints> FitCheckpoints::Open(
    const CheckpointOptions& options, Session& session,
    const Program& program) {
  FitCheckpoints checkpoints(options, session, program);
  if (options.directory.empty()) {
    if (options.resume || options.every != 0) {
      return InvalidArgument(
          "checkpoints are asked for, but no directory for them is given");
    }
    return checkpoints;
  }
  EVENGRAD_ASSIGN_OR_RETURN(CheckpointDirectory directory,
                            CheckpointDirectory::Open(options));
  checkpoints.directory_.emplace(std::move(directory));
  return checkpoints;
}

absl::StatusOr<TrainingPosition> FitCheckpoints::Start(
    const TrainingPlan& plan, std::vector<EpochReport>& epochs) {
  TrainingPosition position;
  if (directory_.has_value() && options_.resume) {
    EVENGRAD_ASSIGN_OR_RETURN(
        std::optional<TrainingPosition> loaded,
        directory_->LoadNewest(*session_, *program_, &plan));
    resumed_ = loaded.has_value();
    if (resumed_) position = *std::move(loaded);
  }
  if (!resumed_) {
    position.plan = plan;
    return position;
  }
  for (const NamedTensor& kept : position.kept) {
    if (kept.name != kEpochs) continue;
    absl::StatusOr<std::vector<EpochReport>> restored = ToEpochs(kept.tensor);
    if (!restored.ok()) {
      return Prefixed(restored.status(), StrCat(options_.directory, ": "));
    }
    epochs = *std::move(restored);
  }
  saved_ = {position.epoch, position.batch};
  return position;
}

absl::Status FitCheckpoints::AfterStep(const TrainingPosition& position,
                                       const std::vector<EpochReport>& epochs) {
  if (options_.every == 0 || position.steps % options_.every != 0) {
    return absl::OkStatus();
  }
  return AtEnd(position, epochs);
}

absl::Status FitCheckpoints::AfterEpoch(
    const TrainingPosition& position, const std::vector<EpochReport>& epochs) {
  return options_.every == 0 ? AtEnd(position, epochs) : absl::OkStatus();
}

absl::Status FitCheckpoints::AtEnd(const TrainingPosition& position,
                                   const std::vector<EpochReport>& epochs) {
  const std::pair<int64_t, int64_t> place = {position.epoch, position.batch};
  if (!directory_.has_value() || place == saved_) return absl::OkStatus();
  TrainingPosition saved = position;
  std::erase_if(saved.kept, [](const NamedTensor& tensor) {
    return tensor.name == kEpochs;
  });
  EVENGRAD_ASSIGN_OR_RETURN(Tensor history, ToTensor(epochs));
  saved.kept.push_back({std::string(kEpochs), std::move(history)});
  EVENGRAD_ASSIGN_OR_RETURN(newest_,
                            directory_->Save(*session_, *program_, saved));
  saved_ = place;
  return absl::OkStatus();
}

}  // namespace evengrad
