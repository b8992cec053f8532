// Trainings that differ in a few choices, side by side: what each came to, the
// means over seeds, and what they say about the classical ranking of
// activation functions.
#ifndef EVENGRAD_FORMATS_COMPARISON_H_
#define EVENGRAD_FORMATS_COMPARISON_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "absl/status/statusor.h"
#include "evengrad/formats/json_lines.h"
#include "evengrad/graph/export.h"

namespace evengrad {

// What a network is but for its seed.
struct ComparedChoice {
  std::string activation = {};
  std::string initializer = {};
  int64_t depth = 0;  // hidden layers
  std::string batch_norm = {};
  std::string clip = {};

  auto Key() const {
    return std::tie(depth, initializer, batch_norm, clip, activation);
  }
  bool operator==(const ComparedChoice& other) const {
    return Key() == other.Key();
  }
};

// One training.
struct ComparedRun {
  ComparedChoice choice = {};
  int64_t seed = 0;
  // All that the runs of a comparison share, as text: two comparisons do not
  // mix.
  std::string shared = {};
  // On the validation part after the last epoch; 0 where an error ended the
  // run. And the first epoch that reached the target; nothing where none did.
  double accuracy = 0;
  std::optional<int64_t> epochs_to_target = {};
  double step_microseconds = 0;
  // Root mean square of the gradient at the first layer's output / at the last
  // one's, at the first and the last look; nothing where they are 0 or not
  // finite.
  std::optional<double> first_flow = {};
  std::optional<double> last_flow = {};
  std::string finding = {};  // the worst kind at the last look; "" for none
  std::string error = {};    // that ended the run; "" where none did
};

EVENGRAD_EXPORT JsonObject ToJson(const ComparedRun& run);
// Reads what ToJson wrote. Errors name the file and the place.
EVENGRAD_EXPORT absl::StatusOr<ComparedRun> ReadComparedRun(
    const std::string& path);

// The runs of a choice.
struct ComparisonRow {
  ComparedChoice choice = {};
  int64_t runs = 0;
  int64_t failed = 0;  // that ended with an error
  // Of the runs that came to their end; 0 where none did.
  double accuracy = 0;
  std::optional<double> deviation = {};  // nothing for less than two
  double least = 0;
  double most = 0;
  // Mean over the runs that reached the target.
  std::optional<double> epochs_to_target = {};
  int64_t reached = 0;
  double step_microseconds = 0;  // the smallest
  // Geometric means.
  std::optional<double> first_flow = {};
  std::optional<double> last_flow = {};
  std::string finding = {};  // the most frequent
  // Among the rows that differ in the activation alone, from 1; rows whose
  // spread does not tell them from the first of a rank have it, too, and those
  // that all failed have the last one. 0 where a single run tells of no spread.
  int64_t rank = 0;

  int64_t finished() const { return runs - failed; }
};

// By depth and then the other choices, and by accuracy within them; what failed
// in all runs stands last.
EVENGRAD_EXPORT std::vector<ComparisonRow> Summarize(
    std::span<const ComparedRun> runs);

// A neighbourhood of the classical ranking (A. Géron, Hands-On Machine
// Learning: SELU > ELU > leaky ReLU and its variants > ReLU > tanh > logistic)
// that the rows confirm, contradict, or cannot decide.
enum class RankingHolds : uint8_t { kYes, kNo, kUndecided };
struct RankingPair {
  ComparedChoice choice = {};  // without its activation
  std::string better = {};     // "leaky_relu, rrelu and prelu"
  std::string worse = {};
  double better_accuracy = 0;  // the mean of the group
  double worse_accuracy = 0;
  RankingHolds holds = RankingHolds::kUndecided;
};
// For each choice but the activation, neighbours in the ranking that were
// trained in two runs at least that came to their end. A difference counts when
// it is above twice its standard error, and above half a percent.
EVENGRAD_EXPORT std::vector<RankingPair> CheckClassicalRanking(
    std::span<const ComparisonRow> rows);

// The same in sentences: one a choice, and what holds for all of them.
EVENGRAD_EXPORT std::vector<std::string> RankingInWords(
    std::span<const RankingPair> pairs);

struct Comparison {
  std::string title = {};
  std::string shared = {};  // "width 100, 5 epochs, momentum …"
  double target = 0;        // accuracy
  std::vector<ComparedRun> runs = {};
  int64_t missing = 0;  // runs of the grid that are not done
};
EVENGRAD_EXPORT std::string PrintComparisonTable(const Comparison& comparison);
// One HTML file that opens offline.
EVENGRAD_EXPORT std::string PrintComparisonReport(const Comparison& comparison);

}  // namespace evengrad

#endif  // EVENGRAD_FORMATS_COMPARISON_H_
