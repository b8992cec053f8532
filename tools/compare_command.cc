// evengrad compare: trains a grid of networks and says which is best.
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "commands.h"
#include "compare_grid.h"
#include "compare_run.h"
#include "evengrad/evengrad.h"
#include "interrupt.h"
#include "train_data.h"
#include "train_flags.h"

namespace evengrad::tools {
namespace {

absl::Status WriteReport(const std::string& path, const std::string& html) {
  EVENGRAD_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
  EVENGRAD_RETURN_IF_ERROR(file.Write(html));
  return file.Commit();
}

// Error: none of the runs came to its end.
absl::Status CheckThatOneWentWell(const std::vector<ComparedRun>& runs) {
  for (const ComparedRun& run : runs) {
    if (run.error.empty()) return absl::OkStatus();
  }
  return absl::DataLossError(
      runs.size() == 1
          ? StrCat("the only run failed: ", runs[0].error)
          : StrCat("all ", runs.size(),
                   " runs failed, the first with: ", runs[0].error));
}

absl::Status Compare(CompareFlags flags,
                     const std::vector<CompareCell>& cells) {
  EVENGRAD_ASSIGN_OR_RETURN(flags.data_content, DataContent(flags.train));
  EVENGRAD_RETURN_IF_ERROR(ReadRuns(cells, flags).status());
  EVENGRAD_RETURN_IF_ERROR(TrainMissing(cells, flags, Interrupted()));
  Comparison comparison = {
      .title = "Comparison of networks",
      .shared = StrCat(SharedText(flags), " (", flags.train.data, ")"),
      .target = flags.target};
  EVENGRAD_ASSIGN_OR_RETURN(comparison.runs, ReadRuns(cells, flags));
  comparison.missing = std::ssize(cells) - std::ssize(comparison.runs);
  if (comparison.missing > 0) {
    std::printf("%s of %s runs are done; the same command goes on\n",
                StrCat(comparison.runs.size()).c_str(),
                StrCat(cells.size()).c_str());
  }
  if (comparison.runs.empty()) return absl::OkStatus();
  std::printf("%s", PrintComparisonTable(comparison).c_str());
  const std::string report = StrCat(flags.folder, "/report.html");
  EVENGRAD_RETURN_IF_ERROR(
      WriteReport(report, PrintComparisonReport(comparison)));
  std::printf("report: %s\n", report.c_str());
  return comparison.missing > 0 ? absl::OkStatus()
                                : CheckThatOneWentWell(comparison.runs);
}

int RunCompare(const CompareFlags& flags) {
  const absl::StatusOr<std::vector<CompareCell>> cells = MakeGrid(flags);
  if (!cells.ok()) return Complain(cells.status(), kBadUsage);
  EndAfterStep();
  const absl::Status status = Compare(flags, *cells);
  return status.ok() ? kSuccess : Complain(status, kFailure);
}

void AddGridFlags(CLI::App& command, CompareFlags& flags) {
  auto add = [&](const char* name, auto& values, const char* text) {
    command.add_option(name, values, text)
        ->delimiter(',')
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->allow_extra_args(false)
        ->capture_default_str();
  };
  add("--activations", flags.activations, "As --activation of train");
  add("--initializers", flags.initializers, "As --initializer");
  add("--depths", flags.depths, "Numbers of hidden layers");
  add("--batch-norms", flags.batch_norms, "As --batch-norm");
  add("--clips", flags.clips, "As --clip");
  command.add_option("--seeds", flags.seeds, "Runs of each, with other seeds")
      ->capture_default_str();
  command.add_option("--width", flags.width, "Units of each hidden layer")
      ->capture_default_str();
  command
      .add_option("--target", flags.target,
                  "The accuracy whose first epoch is told")
      ->capture_default_str();
  command
      .add_option("--out", flags.folder,
                  "Folder of the finished runs and the report; a comparison "
                  "goes on where it was")
      ->capture_default_str();
  command.add_option("--jobs", flags.jobs, "Runs at once; 0 for one a core")
      ->capture_default_str();
}

}  // namespace

Command AddCompareCommand(CLI::App& app) {
  CLI::App* command = app.add_subcommand(
      "compare",
      "Train a grid of networks, several at once, and tell which is best");
  command->option_defaults()->multi_option_policy(
      CLI::MultiOptionPolicy::TakeLast);
  auto flags = std::make_shared<CompareFlags>();
  flags->train.epochs = 5;
  AddGridFlags(*command, *flags);
  AddOptimizerFlags(*command, flags->train.optimizer);
  TrainFlags& train = flags->train;
  command->add_option("--data", train.data, "As of train")
      ->capture_default_str();
  command->add_option("--classes", train.classes, "Labels are 0 … N-1")
      ->capture_default_str();
  command->add_option("--validation", train.validation, "As of train")
      ->capture_default_str();
  command->add_option("--scale", train.scale, "As of train")
      ->capture_default_str();
  command->add_option("--batch-size", train.batch_size, "Images a step")
      ->capture_default_str();
  command->add_option("--epochs", train.epochs, "Passes over the training part")
      ->capture_default_str();
  return [flags] { return RunCompare(*flags); };
}

}  // namespace evengrad::tools
