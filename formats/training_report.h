// A training run as one HTML file that opens offline: what is wrong and what
// helps, in words; gradients, activations and updates by layer and step; loss,
// accuracy and clipping; the settings.
#ifndef EVENGRAD_FORMATS_TRAINING_REPORT_H_
#define EVENGRAD_FORMATS_TRAINING_REPORT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "evengrad/formats/run_history.h"
#include "evengrad/graph/export.h"
#include "evengrad/runtime/hooks/finding_log.h"

namespace evengrad {

struct ReportEpoch {
  int64_t epoch = 0;
  int64_t steps = 0;  // of the run when it ended
  double train_loss = 0;
  double train_accuracy = 0;
  std::optional<double> validation_loss = {};
  std::optional<double> validation_accuracy = {};
};

struct ReportSetting {
  std::string name = {};  // "activation"
  std::string value = {};
  bool is_default = false;
};

// What clipping did in a run.
struct ReportClipping {
  std::string rule = {};  // "global_norm:1"
  int64_t acted = 0;      // steps in which it changed a gradient
  int64_t steps = 0;
};

// What to try about a kind of finding, for the user of the command line.
struct ReportRemedy {
  FindingKind kind = FindingKind::kNonFinite;
  std::vector<std::string> flags = {};  // "--activation=selu"
};

struct TrainingReport {
  std::string title = {};
  std::string network = {};  // "20x100, selu: 271410 parameters"
  std::vector<ReportSetting> settings = {};
  // The error that ended the run; empty where it came to its end.
  std::string error = {};
  // The steps of a run that its user ended before its last epoch.
  std::optional<int64_t> interrupted_after = {};
  std::vector<ReportEpoch> epochs = {};
  std::optional<double> test_accuracy = {};
  RunHistory history = {};
  std::vector<LoggedFinding> findings = {};
  std::vector<ReportRemedy> remedies = {};
  std::optional<ReportClipping> clipping = {};
  int64_t skipped_steps = 0;
};

// The whole file, below 2 MB whatever the run's length and depth.
EVENGRAD_EXPORT std::string PrintTrainingReport(const TrainingReport& report);

}  // namespace evengrad

#endif  // EVENGRAD_FORMATS_TRAINING_REPORT_H_
