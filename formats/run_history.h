// The records of a whole run in bounded memory, for a report: when the room is
// used up, neighbouring records are merged.
//
//   RunHistory history;
//   … LayerStatisticsOptions{.on_record = [&](const StatisticsRecord& record) {
//       history.Add(record);
//       return absl::OkStatus();
//     }}
#ifndef EVENGRAD_FORMATS_RUN_HISTORY_H_
#define EVENGRAD_FORMATS_RUN_HISTORY_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "evengrad/graph/export.h"
#include "evengrad/runtime/hooks/layer_records.h"

namespace evengrad {

// A number that is followed over a run. Of logarithms (base 10) the mean is
// that of the logarithms; zero counts as 10^-45, the smallest f32.
enum class RunQuantity : uint8_t {
  kLoss,
  kGradientNorm,  // log: the global norm as derived
  kClippedNorm,   // log: and as hooks left it
};
inline constexpr int kNumRunQuantities = 3;

enum class LayerQuantity : uint8_t {
  kOutputGradient,  // log: root mean square of the gradient of the output
  kGradientRatio,   // log: that, divided by the last layer's of the same step
  kParameterGradient,  // log: norm of the gradients of the parameters
  kDeviation,          // log: standard deviation of the output
  kMean,               // of the output
  kBadShare,           // saturated elements, or dead units, of all
  kZeroShare,          // elements of the output that are 0
  kUpdateRatio,        // log: the largest relative change of a matrix
};
inline constexpr int kNumLayerQuantities = 8;

// The values of one number in neighbouring records.
struct RunCell {
  double mean() const { return sum / count; }

  double sum = 0;
  float minimum = std::numeric_limits<float>::infinity();
  float maximum = -std::numeric_limits<float>::infinity();
  uint32_t count = 0;       // records with a finite value
  uint32_t not_finite = 0;  // records with another
};

// Some neighbouring records.
struct RunColumn {
  int64_t first_step = 0;
  int64_t last_step = 0;
  std::array<RunCell, kNumRunQuantities> run = {};
  // By layer.
  std::vector<std::array<RunCell, kNumLayerQuantities>> layers = {};
};

struct RunLayer {
  std::string name = {};
  std::string activation = {};
  bool saturates = false;  // so that kBadShare is the share of saturated ones
  bool can_die = false;    // and of dead units
};

class EVENGRAD_EXPORT RunHistory {
 public:
  // Keeps at most `max_columns` columns (at least 2) of at most `max_cells`
  // layers in all, and half of that at least once it was full.
  RunHistory() = default;
  explicit RunHistory(int64_t max_columns, int64_t max_cells = kMostCells)
      : max_columns_(max_columns), max_cells_(max_cells) {}

  // Records come in ascending order of steps, all of the same layers.
  void Add(const StatisticsRecord& record);

  // From input to output.
  const std::vector<RunLayer>& layers() const { return layers_; }
  const std::vector<RunColumn>& columns() const { return columns_; }
  // The last record; its step is 0 before the first.
  const StatisticsRecord& latest() const { return latest_; }
  int64_t records() const { return records_; }

 private:
  void Halve();

  static constexpr int64_t kMostCells = 100'000;

  int64_t max_columns_ = 240;
  int64_t max_cells_ = kMostCells;
  std::vector<RunLayer> layers_;
  std::vector<RunColumn> columns_;
  StatisticsRecord latest_;
  int64_t records_ = 0;
  int64_t records_a_column_ = 1;
  int64_t records_in_last_ = 0;
};

// Neighbouring columns merged until there are at most `most`.
EVENGRAD_EXPORT std::vector<RunColumn> MergedColumns(
    const std::vector<RunColumn>& columns, int64_t most);

}  // namespace evengrad

#endif  // EVENGRAD_FORMATS_RUN_HISTORY_H_
