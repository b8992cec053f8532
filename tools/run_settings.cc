#include "run_settings.h"

#include <algorithm>
#include <iterator>
#include <string_view>

#include "file_content.h"
#include "train_data.h"

namespace evengrad::tools {
namespace {

// Those that decide about no number, and those that DescribeRun tells by more
// than their text.
constexpr std::string_view kNotByText[] = {
    "help",        "data",         "model",
    "test",        "epochs",       "learning-rate",
    "momentum",    "weight-decay", "threads",
    "json",        "save-model",   "profile",
    "recompute",   "explain",      "checkpoint",
    "keep",        "resume",       "checkpoint-every",
    "top-k",       "confusion",    "check-numerics",
    "exempt",      "csv",          "statistics-every",
    "tensorboard", "report"};

}  // namespace

std::vector<ReportSetting> SettingsOf(const CLI::App& train) {
  std::vector<ReportSetting> settings;
  for (const CLI::Option* option : train.get_options()) {
    if (option->get_lnames().empty()) continue;
    const std::string& name = option->get_lnames()[0];
    if (name == "help") continue;
    const bool given = option->count() > 0;
    settings.push_back(
        {.name = name,
         .value = given ? option->results().back() : option->get_default_str(),
         .is_default = !given});
  }
  std::ranges::stable_sort(settings, {}, &ReportSetting::is_default);
  return settings;
}

std::string DescribeFlags(const CLI::App& train) {
  std::string run;
  for (const CLI::Option* option : train.get_options()) {
    if (option->get_lnames().empty()) continue;
    const std::string& name = option->get_lnames()[0];
    if (std::ranges::find(kNotByText, name) != std::end(kNotByText)) continue;
    run += StrCat(run.empty() ? "" : " ", "--", name, "=",
                  option->count() > 0 ? option->results().back()
                                      : option->get_default_str());
  }
  return run;
}

absl::StatusOr<std::string> DescribeRun(const TrainFlags& flags,
                                        const TrainOptions& options) {
  EVENGRAD_ASSIGN_OR_RETURN(const std::string data, DataContent(flags));
  std::string run = StrCat(flags.run, " ", options.optimizer.settings,
                           " --data=content:", data);
  if (!flags.model.empty()) {
    EVENGRAD_ASSIGN_OR_RETURN(const std::string model,
                              ContentOf({&flags.model, 1}));
    run += StrCat(" --model=content:", model);
  }
  if (options.schedule.spans_epochs) {
    run += StrCat(" --epochs=", flags.epochs);
  }
  return run;
}

absl::Status ExplainEpochs(const TrainFlags& flags, const TrainOptions& options,
                           const absl::Status& status) {
  if (status.ok() || !flags.resume || !options.schedule.spans_epochs ||
      Message(status).find("--epochs=") == std::string_view::npos) {
    return status;
  }
  return absl::Status(
      status.code(),
      StrCat(Message(status), ", and --schedule=", flags.schedule,
             " sets the rates by the number of all epochs"));
}

}  // namespace evengrad::tools
