#include "evengrad/formats/comparison.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "evengrad/formats/json_reader.h"
#include "evengrad/formats/text_file.h"
#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

constexpr double kLeastDifference = 0.005;
constexpr double kStandardErrors = 2;

void AddOptional(std::string_view name, const std::optional<double>& value,
                 JsonObject& object) {
  if (value.has_value()) {
    object.Add(name, *value);
  } else {
    object.AddNull(name);
  }
}

absl::Status ReadOptional(JsonReader& json, std::optional<double>& value) {
  if (json.TakeNull()) return absl::OkStatus();
  EVENGRAD_ASSIGN_OR_RETURN(value, json.Number());
  return absl::OkStatus();
}

absl::Status ReadMember(const std::string& name, JsonReader& json,
                        ComparedRun& run) {
  const std::pair<std::string_view, std::string*> texts[] = {
      {"activation", &run.choice.activation},
      {"initializer", &run.choice.initializer},
      {"batch_norm", &run.choice.batch_norm},
      {"clip", &run.choice.clip},
      {"shared", &run.shared},
      {"finding", &run.finding},
      {"error", &run.error}};
  for (const auto& [member, text] : texts) {
    if (name != member) continue;
    EVENGRAD_ASSIGN_OR_RETURN(*text, json.String());
    return absl::OkStatus();
  }
  const std::pair<std::string_view, int64_t*> integers[] = {
      {"depth", &run.choice.depth}, {"seed", &run.seed}};
  for (const auto& [member, integer] : integers) {
    if (name != member) continue;
    EVENGRAD_ASSIGN_OR_RETURN(*integer, json.Integer());
    return absl::OkStatus();
  }
  const std::pair<std::string_view, double*> numbers[] = {
      {"accuracy", &run.accuracy},
      {"step_microseconds", &run.step_microseconds}};
  for (const auto& [member, number] : numbers) {
    if (name != member) continue;
    EVENGRAD_ASSIGN_OR_RETURN(*number, json.Number());
    return absl::OkStatus();
  }
  if (name == "first_flow") return ReadOptional(json, run.first_flow);
  if (name == "last_flow") return ReadOptional(json, run.last_flow);
  if (name == "epochs_to_target") {
    if (json.TakeNull()) return absl::OkStatus();
    EVENGRAD_ASSIGN_OR_RETURN(run.epochs_to_target, json.Integer());
    return absl::OkStatus();
  }
  return json.Error("unknown member '", name, "'");
}

// ---- Means ------------------------------------------------------------------

double Mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

std::optional<double> Deviation(const std::vector<double>& values) {
  if (values.size() < 2) return std::nullopt;
  const double mean = Mean(values);
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

std::optional<double> GeometricMean(
    std::span<const ComparedRun* const> runs,
    std::optional<double> ComparedRun::*member) {
  std::vector<double> logarithms;
  for (const ComparedRun* run : runs) {
    const std::optional<double>& value = run->*member;
    if (value.value_or(0) > 0) logarithms.push_back(std::log(*value));
  }
  if (logarithms.empty()) return std::nullopt;
  return std::exp(Mean(logarithms));
}

std::string MostFrequent(std::span<const ComparedRun* const> runs) {
  std::map<std::string, int> counts;
  for (const ComparedRun* run : runs) {
    ++counts[run->error.empty() ? run->finding : "failed"];
  }
  return std::ranges::max_element(
             counts, {}, [](const auto& entry) { return entry.second; })
      ->first;
}

ComparisonRow RowOf(std::span<const ComparedRun* const> runs) {
  ComparisonRow row = {
      .choice = runs[0]->choice,
      .runs = std::ssize(runs),
      .first_flow = GeometricMean(runs, &ComparedRun::first_flow),
      .last_flow = GeometricMean(runs, &ComparedRun::last_flow),
      .finding = MostFrequent(runs)};
  std::vector<double> accuracies, epochs, times;
  for (const ComparedRun* run : runs) {
    if (run->error.empty()) {
      accuracies.push_back(run->accuracy);
    } else {
      ++row.failed;
    }
    if (run->step_microseconds > 0) times.push_back(run->step_microseconds);
    if (run->epochs_to_target.has_value()) {
      epochs.push_back(static_cast<double>(*run->epochs_to_target));
    }
  }
  row.accuracy = Mean(accuracies);
  row.deviation = Deviation(accuracies);
  if (!accuracies.empty()) {
    row.least = *std::ranges::min_element(accuracies);
    row.most = *std::ranges::max_element(accuracies);
  }
  row.reached = std::ssize(epochs);
  if (!epochs.empty()) row.epochs_to_target = Mean(epochs);
  if (!times.empty()) row.step_microseconds = *std::ranges::min_element(times);
  return row;
}

// All but the activation.
auto Setting(const ComparedChoice& choice) {
  return std::tie(choice.depth, choice.initializer, choice.batch_norm,
                  choice.clip);
}

// Positive where a is better, negative where b is, 0 where the runs do not
// tell.
struct Measured {
  double accuracy = 0;
  double squared_error = 0;  // of that mean
};
int Compare(const Measured& a, const Measured& b) {
  const double difference = a.accuracy - b.accuracy;
  const double error = std::sqrt(a.squared_error + b.squared_error);
  if (std::fabs(difference) <=
      std::max(kLeastDifference, kStandardErrors * error)) {
    return 0;
  }
  return difference > 0 ? 1 : -1;
}

// Of a row with a deviation.
Measured MeasuredOf(const ComparisonRow& row) {
  return {row.accuracy, *row.deviation * *row.deviation /
                            static_cast<double>(row.finished())};
}

// Whether `row` has the rank of `leader`, the first that has it.
bool HasRankOf(const ComparisonRow& leader, const ComparisonRow& row) {
  if (row.finished() == 0) return leader.finished() == 0;
  return leader.deviation.has_value() && row.deviation.has_value() &&
         Compare(MeasuredOf(leader), MeasuredOf(row)) == 0;
}

void SetRanks(std::vector<ComparisonRow>& rows) {
  size_t start = 0;                       // of the rows of this setting
  const ComparisonRow* leader = nullptr;  // the first of the current rank
  for (size_t i = 0; i < rows.size(); ++i) {
    ComparisonRow& row = rows[i];
    if (i == 0 || Setting(rows[i - 1].choice) != Setting(row.choice)) {
      start = i;
      leader = nullptr;
    }
    if (row.finished() == 1) continue;
    if (leader == nullptr || !HasRankOf(*leader, row)) {
      row.rank = static_cast<int64_t>(i - start) + 1;
      leader = &row;
    }
    row.rank = leader->rank;
  }
}

}  // namespace

JsonObject ToJson(const ComparedRun& run) {
  JsonObject object;
  object.Add("activation", run.choice.activation)
      .Add("initializer", run.choice.initializer)
      .Add("depth", run.choice.depth)
      .Add("batch_norm", run.choice.batch_norm)
      .Add("clip", run.choice.clip)
      .Add("seed", run.seed)
      .Add("shared", run.shared)
      .Add("accuracy", run.accuracy);
  if (run.epochs_to_target.has_value()) {
    object.Add("epochs_to_target", *run.epochs_to_target);
  } else {
    object.AddNull("epochs_to_target");
  }
  object.Add("step_microseconds", run.step_microseconds);
  AddOptional("first_flow", run.first_flow, object);
  AddOptional("last_flow", run.last_flow, object);
  return object.Add("finding", run.finding).Add("error", run.error);
}

absl::StatusOr<ComparedRun> ReadComparedRun(const std::string& path) {
  constexpr int64_t kLongest = 1 << 20;
  EVENGRAD_ASSIGN_OR_RETURN(const std::string text,
                            ReadWholeFile(path, kLongest));
  JsonReader json(text);
  ComparedRun run;
  absl::Status status = json.Object(
      [&](const std::string& name) { return ReadMember(name, json, run); });
  if (status.ok()) status = json.ExpectEnd();
  if (status.ok() && run.choice.activation.empty()) {
    status = InvalidArgument("names no activation");
  }
  if (!status.ok()) {
    return Prefixed(status, StrCat(path, ": is no run of a comparison: "));
  }
  return run;
}

std::vector<ComparisonRow> Summarize(std::span<const ComparedRun> runs) {
  std::map<std::string, std::vector<const ComparedRun*>> groups;
  for (const ComparedRun& run : runs) {
    const ComparedChoice& choice = run.choice;
    groups[StrCat(choice.depth, "\n", choice.initializer, "\n",
                  choice.batch_norm, "\n", choice.clip, "\n",
                  choice.activation)]
        .push_back(&run);
  }
  std::vector<ComparisonRow> rows;
  for (const auto& [key, group] : groups) rows.push_back(RowOf(group));
  std::ranges::stable_sort(rows,
                           [](const ComparisonRow& a, const ComparisonRow& b) {
                             const auto left = Setting(a.choice);
                             const auto right = Setting(b.choice);
                             if (left != right) return left < right;
                             return std::pair(a.finished() > 0, a.accuracy) >
                                    std::pair(b.finished() > 0, b.accuracy);
                           });
  SetRanks(rows);
  return rows;
}

// ---- The classical ranking --------------------------------------------------

std::vector<RankingPair> CheckClassicalRanking(
    std::span<const ComparisonRow> rows) {
  static const std::vector<std::vector<std::string_view>> kRanking = {
      {"selu"}, {"elu"},  {"leaky_relu", "rrelu", "prelu"},
      {"relu"}, {"tanh"}, {"sigmoid"}};
  struct Group {
    std::string names = {};
    Measured measured = {};
  };
  std::vector<RankingPair> pairs;
  for (size_t start = 0; start < rows.size();) {
    size_t end = start;
    while (end < rows.size() &&
           Setting(rows[end].choice) == Setting(rows[start].choice)) {
      ++end;
    }
    std::vector<Group> groups;
    for (const auto& names : kRanking) {
      Group group;
      double count = 0;
      for (size_t i = start; i < end; ++i) {
        if (!rows[i].deviation.has_value()) continue;
        const std::string& activation = rows[i].choice.activation;
        const std::string_view name =
            std::string_view(activation).substr(0, activation.find(':'));
        if (std::ranges::find(names, name) == names.end()) continue;
        group.names += StrCat(group.names.empty() ? "" : ", ", activation);
        group.measured.accuracy += rows[i].accuracy;
        group.measured.squared_error += MeasuredOf(rows[i]).squared_error;
        ++count;
      }
      if (count == 0) continue;
      group.measured.accuracy /= count;
      group.measured.squared_error /= count * count;
      groups.push_back(std::move(group));
    }
    for (size_t i = 0; i + 1 < groups.size(); ++i) {
      const int sign = Compare(groups[i].measured, groups[i + 1].measured);
      pairs.push_back({.choice = rows[start].choice,
                       .better = groups[i].names,
                       .worse = groups[i + 1].names,
                       .better_accuracy = groups[i].measured.accuracy,
                       .worse_accuracy = groups[i + 1].measured.accuracy,
                       .holds = sign > 0   ? RankingHolds::kYes
                                : sign < 0 ? RankingHolds::kNo
                                           : RankingHolds::kUndecided});
      pairs.back().choice.activation.clear();
    }
    start = end;
  }
  return pairs;
}

}  // namespace evengrad
