#include "evengrad/train/training_position.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <string_view>
#include <system_error>

#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

constexpr std::string_view kFormat = "evengrad checkpoint";
constexpr int64_t kVersion = 1;

// The shortest digits that read back as the same number.
std::string Digits(double value) {
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
  return {digits, end};
}

// Reads entries, and keeps the first error.
class MetadataReader {
 public:
  explicit MetadataReader(const SafetensorsMetadata& metadata)
      : metadata_(metadata) {}

  // The number under `name`, from `least` on. 0 after an error.
  template <typename T>
  T Number(std::string_view name, T least) {
    const auto entry = metadata_.find(name);
    if (entry == metadata_.end()) {
      Fail(InvalidArgument("the metadata has no '", name, "'"));
      return T();
    }
    const std::string_view text = entry->second;
    const char* const end = text.data() + text.size();
    T value = {};
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || stop != end || value < least) {
      Fail(InvalidArgument("the metadata '", name, "' is '", Shortened(text),
                           "', expected a number from ", least, " on"));
      return T();
    }
    return value;
  }
  const absl::Status& status() const { return status_; }

 private:
  static std::string_view Shortened(std::string_view text) {
    return text.substr(0, 40);
  }
  void Fail(absl::Status status) {
    if (status_.ok()) status_ = std::move(status);
  }

  const SafetensorsMetadata& metadata_;
  absl::Status status_;
};

// The words of `text` that are not words of `other`.
std::string WordsNotIn(std::string_view text, std::string_view other) {
  auto words = [](std::string_view all) {
    std::vector<std::string_view> list;
    while (!all.empty()) {
      const size_t end = std::min(all.find(' '), all.size());
      if (end > 0) list.push_back(all.substr(0, end));
      all.remove_prefix(std::min(end + 1, all.size()));
    }
    return list;
  };
  const std::vector<std::string_view> others = words(other);
  std::string result;
  for (std::string_view word : words(text)) {
    if (std::ranges::find(others, word) != others.end()) continue;
    result += StrCat(result.empty() ? "" : " ", word);
  }
  return result.empty() ? "none" : result;
}

}  // namespace

SafetensorsMetadata FormatCheckpointMetadata(const TrainingPosition& position,
                                             const RandomCounters& counters) {
  return {{"format", std::string(kFormat)},
          {"version", std::to_string(kVersion)},
          {"random_seed", std::to_string(counters.seed)},
          {"random_step", std::to_string(counters.step)},
          {"epoch", std::to_string(position.epoch)},
          {"batch", std::to_string(position.batch)},
          {"steps", std::to_string(position.steps)},
          {"loss_sum", Digits(position.loss_sum)},
          {"correct", std::to_string(position.correct)},
          {"examples", std::to_string(position.examples)},
          {"batch_size", std::to_string(position.plan.batch_size)},
          {"shuffle", std::to_string(position.plan.shuffle ? 1 : 0)},
          {"data_seed", std::to_string(position.plan.seed)},
          {"data_size", std::to_string(position.plan.data_size)},
          {"run", position.plan.run}};
}

absl::StatusOr<CheckpointMetadata> ParseCheckpointMetadata(
    const SafetensorsMetadata& metadata) {
  const auto format = metadata.find("format");
  if (format == metadata.end() || format->second != kFormat) {
    return InvalidArgument("it is no checkpoint of Evengrad");
  }
  MetadataReader reader(metadata);
  const auto version = reader.Number<int64_t>("version", 1);
  if (version > kVersion) {
    return InvalidArgument("its format has version ", version,
                           ", this program reads versions up to ", kVersion);
  }
  CheckpointMetadata result;
  result.counters.seed = reader.Number<uint64_t>("random_seed", 0);
  result.counters.step = reader.Number<int64_t>("random_step", 0);
  TrainingPosition& position = result.position;
  position.epoch = reader.Number<int64_t>("epoch", 1);
  position.batch = reader.Number<int64_t>("batch", 0);
  position.steps = reader.Number<int64_t>("steps", 0);
  position.loss_sum = reader.Number<double>(
      "loss_sum", -std::numeric_limits<double>::infinity());
  position.correct = reader.Number<int64_t>("correct", 0);
  position.examples = reader.Number<int64_t>("examples", 0);
  position.plan.batch_size = reader.Number<int64_t>("batch_size", 0);
  position.plan.shuffle = reader.Number<int64_t>("shuffle", 0) != 0;
  position.plan.seed = reader.Number<uint64_t>("data_seed", 0);
  position.plan.data_size = reader.Number<int64_t>("data_size", 0);
  EVENGRAD_RETURN_IF_ERROR(reader.status());
  if (const auto run = metadata.find("run"); run != metadata.end()) {
    position.plan.run = run->second;
  }
  return result;
}

absl::Status CheckSamePlan(const TrainingPlan& saved,
                           const TrainingPlan& plan) {
  if (saved == plan) return absl::OkStatus();
  std::string_view what = "options";
  std::string before = WordsNotIn(saved.run, plan.run);
  std::string now = WordsNotIn(plan.run, saved.run);
  auto compare = [&](std::string_view name, auto old_value, auto new_value) {
    if (old_value == new_value) return;
    what = name;
    before = StrCat(old_value);
    now = StrCat(new_value);
  };
  compare("shuffling", saved.shuffle ? "on" : "off",
          plan.shuffle ? "on" : "off");
  compare("seed of the data's order", saved.seed, plan.seed);
  compare("batch size", saved.batch_size, plan.batch_size);
  compare("number of examples", saved.data_size, plan.data_size);
  return InvalidArgument("the checkpoint was saved by a run with the ", what,
                         " ", before, ", this one has ", now,
                         "; a run goes on with what it was started with");
}

}  // namespace evengrad
