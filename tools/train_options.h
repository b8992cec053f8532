// The flags of `evengrad train`, as given and as understood.
#ifndef EVENGRAD_TOOLS_TRAIN_OPTIONS_H_
#define EVENGRAD_TOOLS_TRAIN_OPTIONS_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "clip_flag.h"
#include "evengrad/evengrad.h"
#include "optimizer_flags.h"
#include "schedule_flags.h"

namespace evengrad::tools {

// As given on the command line, with their defaults.
struct TrainFlags {
  std::string data = "/usr/share/datasets/fashion-mnist";
  std::string model;  // a file; empty: the network that the flags describe
  std::string hidden = "20x100";
  std::string activation = "selu";
  std::string initializer = "auto";
  std::string batch_norm = "none";
  bool batch_norm_input = false;
  double dropout = 0;
  double alpha_dropout = 0;
  std::string loss = "cross_entropy";
  OptimizerFlags optimizer;
  std::string schedule = "constant";
  double warm_up = 0;
  std::optional<int64_t> early_stopping;
  int64_t batch_size = 32;
  int64_t accumulate = 1;
  int64_t recompute = 0;
  int64_t epochs = 10;
  int64_t classes = 10;
  std::string validation = "first:5000";
  std::string scale = "standardize";
  std::string clip = "none";
  std::string non_finite = "error";
  bool check_numerics = false;
  std::vector<std::string> exempt;
  int64_t statistics_every = 0;  // 0: none
  std::string csv;
  std::string tensorboard;
  std::string report;
  int64_t top_k = 0;
  bool confusion = false;
  uint64_t seed = 42;
  int threads = 0;
  std::string precision = "f32";
  std::string json;
  std::string save_model;
  std::string profile;
  bool explain = false;
  std::string test;
  std::string checkpoint;
  int64_t checkpoint_every = 0;
  std::optional<int64_t> keep;  // 3
  bool resume = false;
  // Those flags that a run must share with the one it goes on with, as text.
  std::string run;
  // All flags with their values, for the report.
  std::vector<ReportSetting> settings;
};

enum class Scale : uint8_t { kUnit, kStandardize };

// Where a hidden layer normalizes its batch, as seen from its activation.
enum class BatchNormPlace : uint8_t { kNone, kBefore, kAfter };

// As understood.
struct TrainOptions {
  std::vector<int64_t> hidden = {};  // the widths of the hidden layers
  std::function<Value(const Value&)> activation = {};
  LayerInitializers initializers = {};
  BatchNormPlace batch_norm_place = BatchNormPlace::kNone;
  BatchNormOptions batch_norm = {};
  bool batch_norm_input = false;
  // After each hidden layer; 0 for none. One of them at most.
  double dropout = 0;
  double alpha_dropout = 0;
  // The loss of logits[batch, classes] and labels i32[batch].
  std::function<Value(const Value& logits, const Value& labels)> loss = {};
  OptimizerChoice optimizer = {};
  ScheduleChoice schedule = {};
  std::optional<EarlyStopping> early_stopping = {};
  ValidationOptions validation = {};
  Scale scale = Scale::kStandardize;
  Precision precision = Precision::kF32;
  std::vector<std::shared_ptr<Hook>> hooks = {};
  ClipChoice clip = {};  // its hook is one of `hooks`
  NonFiniteOptions non_finite = {};
};

// "celu, elu, … or tanh"; the names of the losses.
std::string ActivationNames();
std::string LossNames();

// Errors name the flag, what was given and what was expected: bad usage.
absl::StatusOr<TrainOptions> ParseTrainFlags(const TrainFlags& flags);

}  // namespace evengrad::tools

#endif  // EVENGRAD_TOOLS_TRAIN_OPTIONS_H_
