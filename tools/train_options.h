// The flags of `evengrad train`, as given and as understood.
#ifndef EVENGRAD_TOOLS_TRAIN_OPTIONS_H_
#define EVENGRAD_TOOLS_TRAIN_OPTIONS_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "evengrad/evengrad.h"

namespace evengrad::tools {

// As given on the command line, with their defaults.
struct TrainFlags {
  std::string data = "/usr/share/datasets/fashion-mnist";
  std::string hidden = "20x100";
  std::string activation = "selu";
  std::string initializer = "auto";
  std::string optimizer = "momentum";
  std::optional<double> learning_rate;
  std::optional<double> momentum;
  int64_t batch_size = 32;
  int64_t epochs = 10;
  int64_t classes = 10;
  std::string validation = "first:5000";
  std::string scale = "standardize";
  std::string clip = "none";
  std::string non_finite = "error";
  bool check_numerics = false;
  int64_t statistics_every = 0;  // 0: none
  std::string csv;
  uint64_t seed = 42;
  int threads = 0;
  std::string json;
};

enum class Scale : uint8_t { kUnit, kStandardize };

// As understood.
struct TrainOptions {
  std::vector<int64_t> hidden = {};  // the widths of the hidden layers
  std::function<Value(const Value&)> activation = {};
  Initializer initializer = {};
  Optimizer optimizer = {};
  ValidationOptions validation = {};
  Scale scale = Scale::kStandardize;
  std::vector<std::shared_ptr<Hook>> hooks = {};
  // The scope of the clipping hook's report; "" without one.
  std::string clip_scope = {};
  // Steps after which a threshold for clipping is proposed; 0: none is.
  int64_t suggest_steps = 0;
  NonFinitePolicy non_finite = NonFinitePolicy::kError;
};

// Errors name the flag, what was given and what was expected: bad usage.
absl::StatusOr<TrainOptions> ParseTrainFlags(const TrainFlags& flags);

}  // namespace evengrad::tools

#endif  // EVENGRAD_TOOLS_TRAIN_OPTIONS_H_
