// What a run of `evengrad train` is: its flags for the report, and what must be
// the same when it goes on.
#ifndef EVENGRAD_TOOLS_RUN_SETTINGS_H_
#define EVENGRAD_TOOLS_RUN_SETTINGS_H_

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "evengrad/evengrad.h"
#include "train_options.h"

namespace evengrad::tools {

// Every flag with its value, for the report.
std::vector<ReportSetting> SettingsOf(const CLI::App& train);

// The flags that decide about the numbers of a run by their text alone, as
// "--name=value" with spaces between.
std::string DescribeFlags(const CLI::App& train);

// flags.run, and the rest that decides: the optimizer's numbers, given or not,
// the content of the data and of --model, whatever they are called, and
// --epochs where the schedule depends on it. Error: a file cannot be read.
absl::StatusOr<std::string> DescribeRun(const TrainFlags& flags,
                                        const TrainOptions& options);

// `status` of a run that may have gone on, and why --epochs had to stay where
// the complaint is about it.
absl::Status ExplainEpochs(const TrainFlags& flags, const TrainOptions& options,
                           const absl::Status& status);

}  // namespace evengrad::tools

#endif  // EVENGRAD_TOOLS_RUN_SETTINGS_H_
