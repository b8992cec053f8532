#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "evengrad/formats/statistics_csv.h"
#include "evengrad/formats/text_file.h"
#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

// The columns, in the order of StatisticsCsvHeader.
enum Column {
  kStep,
  kLayer,
  kTensor,
  kElements,
  kMean,
  kDeviation,
  kMinimum,
  kMaximum,
  kNorm,
  kZeroShare,
  kNans,
  kInfinities,
  kSaturatedShare,
  kDeadUnits,
  kGradientRatio,
  kUpdateRatio,
  kNumColumns,
};
constexpr std::array<std::string_view, kNumColumns> kColumnNames = {
    "step",
    "layer",
    "tensor",
    "elements",
    "mean",
    "deviation",
    "minimum",
    "maximum",
    "norm",
    "zero_share",
    "nans",
    "infinities",
    "saturated_share",
    "dead_units",
    "gradient_ratio",
    "update_ratio"};

constexpr std::string_view kGradient = " gradient";
constexpr std::string_view kUpdate = " update";

// Takes the text apart into rows of cells.
class Cells {
 public:
  explicit Cells(std::string_view text) : text_(text) {}

  bool AtEnd() const { return at_ == text_.size(); }
  int line() const { return line_; }  // of the row that was read last

  // False for a quote that does not end.
  bool ReadRow(std::vector<std::string>& cells) {
    cells.clear();
    line_ = next_line_;
    while (true) {
      cells.emplace_back();
      if (!ReadCell(cells.back())) return false;
      if (AtEnd()) return true;
      const char separator = text_[at_++];
      if (separator == ',') continue;
      if (separator == '\r' && !AtEnd() && text_[at_] == '\n') ++at_;
      ++next_line_;
      return true;
    }
  }

 private:
  bool ReadCell(std::string& cell) {
    if (AtEnd() || text_[at_] != '"') {
      const size_t end =
          std::min(text_.find_first_of(",\r\n", at_), text_.size());
      cell = text_.substr(at_, end - at_);
      at_ = end;
      return true;
    }
    for (++at_; !AtEnd(); ++at_) {
      const char c = text_[at_];
      if (c == '"' && (at_ + 1 == text_.size() || text_[at_ + 1] != '"')) {
        ++at_;
        return AtEnd() || text_[at_] == ',' || text_[at_] == '\r' ||
               text_[at_] == '\n';
      }
      if (c == '"') ++at_;
      if (c == '\n') ++next_line_;
      cell += c;
    }
    return false;
  }

  std::string_view text_;
  size_t at_ = 0;
  int line_ = 1;
  int next_line_ = 1;
};

class Reader {
 public:
  Reader(const std::string& path, std::string_view text)
      : path_(path), rows_(text) {}

  absl::StatusOr<std::vector<StatisticsRecord>> Read() {
    std::string header = StatisticsCsvHeader();
    header.pop_back();
    std::string found;
    if (rows_.ReadRow(cells_)) {
      for (const std::string& cell : cells_) {
        found += (found.empty() ? "" : ",") + cell;
      }
    }
    if (found != header) {
      return InvalidArgument(path_,
                             ": is no statistics file: its first line is not "
                             "the one that evengrad train --csv writes");
    }
    while (!rows_.AtEnd()) {
      if (!rows_.ReadRow(cells_)) {
        return Error("a quote that does not end where the cell does");
      }
      EVENGRAD_RETURN_IF_ERROR(AddRow());
    }
    if (records_.empty()) {
      return InvalidArgument(path_, ": has no record of statistics");
    }
    return std::move(records_);
  }

 private:
  template <typename... T>
  absl::Status Error(const T&... parts) const {
    return InvalidArgument(path_, ": line ", rows_.line(), ": ", parts...);
  }

  // A number; nothing for an empty cell.
  absl::StatusOr<std::optional<double>> Number(Column column) const {
    const std::string& cell = cells_[column];
    if (cell.empty()) return std::optional<double>();
    double value = 0;
    const char* const end = cell.data() + cell.size();
    const auto [stop, error] = std::from_chars(cell.data(), end, value);
    if (error != std::errc() || stop != end) {
      return Error("column ", kColumnNames[column], ": '", cell.substr(0, 40),
                   "' is no number");
    }
    return std::optional<double>(value);
  }

  absl::StatusOr<double> NumberOrNan(Column column) const {
    EVENGRAD_ASSIGN_OR_RETURN(const std::optional<double> value,
                              Number(column));
    return value.value_or(std::numeric_limits<double>::quiet_NaN());
  }

  absl::StatusOr<int64_t> Count(Column column) const {
    EVENGRAD_ASSIGN_OR_RETURN(const std::optional<double> value,
                              Number(column));
    constexpr double kMost = 9e15;  // exact in a double
    if (!value.has_value() || !(*value >= 0 && *value <= kMost) ||
        *value != std::floor(*value)) {
      return Error("column ", kColumnNames[column], ": '",
                   cells_[column].substr(0, 40), "' is no count");
    }
    return static_cast<int64_t>(*value);
  }

  absl::Status AddRow() {
    if (cells_.size() == 1 && cells_[0].empty()) return absl::OkStatus();
    if (cells_.size() != kNumColumns) {
      return Error("expected ", static_cast<int>(kNumColumns), " cells, found ",
                   cells_.size());
    }
    EVENGRAD_ASSIGN_OR_RETURN(const int64_t step, Count(kStep));
    const std::string& tensor = cells_[kTensor];
    if (cells_[kLayer].empty() && cells_[kElements].empty()) {
      return AddNumber(step, tensor);
    }
    if (records_.empty() || records_.back().step != step) {
      return Error("a layer of step ", step, " before that step's loss");
    }
    std::vector<LayerRecord>& layers = records_.back().layers;
    if (layers.empty() || layers.back().name != cells_[kLayer]) {
      layers.push_back({.name = cells_[kLayer]});
    }
    return AddTensor(tensor, layers.back());
  }

  // The loss begins a record.
  absl::Status AddNumber(int64_t step, const std::string& name) {
    if (name == "loss") {
      records_.push_back({.step = step});
      EVENGRAD_ASSIGN_OR_RETURN(records_.back().loss, NumberOrNan(kMean));
      return absl::OkStatus();
    }
    const bool clipped = name == "clipped gradient";
    if ((name != "gradient" && !clipped) || records_.empty() ||
        records_.back().step != step) {
      return Error("'", name.substr(0, 40), "' of no layer");
    }
    StatisticsRecord& record = records_.back();
    EVENGRAD_ASSIGN_OR_RETURN(
        (clipped ? record.clipped_norm : record.gradient_norm),
        NumberOrNan(kNorm));
    return absl::OkStatus();
  }

  absl::StatusOr<TensorSummary> ReadTensor() const {
    TensorSummary summary;
    EVENGRAD_ASSIGN_OR_RETURN(summary.elements, Count(kElements));
    EVENGRAD_ASSIGN_OR_RETURN(summary.mean, NumberOrNan(kMean));
    EVENGRAD_ASSIGN_OR_RETURN(summary.deviation, NumberOrNan(kDeviation));
    EVENGRAD_ASSIGN_OR_RETURN(summary.minimum, NumberOrNan(kMinimum));
    EVENGRAD_ASSIGN_OR_RETURN(summary.maximum, NumberOrNan(kMaximum));
    EVENGRAD_ASSIGN_OR_RETURN(summary.norm, NumberOrNan(kNorm));
    EVENGRAD_ASSIGN_OR_RETURN(summary.zero_share, NumberOrNan(kZeroShare));
    EVENGRAD_ASSIGN_OR_RETURN(summary.nans, Count(kNans));
    EVENGRAD_ASSIGN_OR_RETURN(summary.infinities, Count(kInfinities));
    return summary;
  }

  absl::Status AddTensor(const std::string& name, LayerRecord& layer) {
    EVENGRAD_ASSIGN_OR_RETURN(const TensorSummary summary, ReadTensor());
    // A parameter may be called "output", too: it comes later.
    const bool before = layer.parameters.empty();
    if (before && name == "output" && layer.output.elements == 0 &&
        layer.output_gradient.elements == 0) {
      layer.output = summary;
      EVENGRAD_ASSIGN_OR_RETURN(layer.saturated_share, Number(kSaturatedShare));
      EVENGRAD_ASSIGN_OR_RETURN(const std::optional<double> dead,
                                Number(kDeadUnits));
      if (dead.has_value()) {
        EVENGRAD_ASSIGN_OR_RETURN(layer.dead_units, Count(kDeadUnits));
      }
      return absl::OkStatus();
    }
    if (before && name == "output gradient" &&
        layer.output_gradient.elements == 0) {
      layer.output_gradient = summary;
      EVENGRAD_ASSIGN_OR_RETURN(layer.gradient_ratio, Number(kGradientRatio));
      return absl::OkStatus();
    }
    // "weights", "weights gradient" or "weights update".
    std::string_view parameter = name;
    const bool is_gradient = parameter.ends_with(kGradient);
    const bool is_update = parameter.ends_with(kUpdate);
    if (is_gradient) parameter.remove_suffix(kGradient.size());
    if (is_update) parameter.remove_suffix(kUpdate.size());
    const std::string full = layer.name.empty()
                                 ? std::string(parameter)
                                 : StrCat(layer.name, "/", parameter);
    if (before || layer.parameters.back().name != full) {
      layer.parameters.push_back({.name = full});
    }
    ParameterRecord& record = layer.parameters.back();
    if (is_update) {
      record.update = summary;
      EVENGRAD_ASSIGN_OR_RETURN(record.update_ratio, Number(kUpdateRatio));
    } else {
      (is_gradient ? record.gradient : record.value) = summary;
    }
    return absl::OkStatus();
  }

  const std::string& path_;
  Cells rows_;
  std::vector<std::string> cells_;
  std::vector<StatisticsRecord> records_;
};

}  // namespace

absl::StatusOr<std::vector<StatisticsRecord>> ReadStatisticsCsv(
    const std::string& path, int64_t max_bytes) {
  EVENGRAD_ASSIGN_OR_RETURN(const std::string text,
                            ReadWholeFile(path, max_bytes));
  return Reader(path, text).Read();
}

}  // namespace evengrad
