#include "evengrad/train/statistics_table.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>
#include <string_view>

#include "evengrad/graph/status.h"
#include "evengrad/train/terminal.h"

namespace evengrad {
namespace {

constexpr std::string_view kYellow = "\x1b[33m";
constexpr std::string_view kPlain = "\x1b[0m";
constexpr int kLiveRows = 12;

std::string Number(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof(text), format, value);
  return text;
}

std::string OrDash(const char* format, const std::optional<double>& value) {
  return value.has_value() ? Number(format, *value) : "-";
}

// `text` at the right of `width` columns, and apart from what stands before.
std::string Right(const std::string& text, size_t width) {
  const size_t spaces = text.size() < width ? width - text.size() : 1;
  return std::string(spaces, ' ') + text;
}

// `text` at the left; its end is cut where it is longer.
std::string Left(std::string_view text, size_t width) {
  std::string result(text.substr(0, width));
  result.resize(width, ' ');
  return result;
}

// The largest relative change of a matrix.
std::optional<double> LargestUpdate(const LayerRecord& layer) {
  std::optional<double> largest;
  for (const ParameterRecord& p : layer.parameters) {
    if (!p.is_matrix || !p.update_ratio.has_value()) continue;
    largest = std::max(largest.value_or(0), *p.update_ratio);
  }
  return largest;
}

std::optional<double> BadShare(const LayerRecord& layer) {
  if (layer.saturated_share.has_value()) return layer.saturated_share;
  if (!layer.dead_units.has_value() || layer.units == 0) return std::nullopt;
  return static_cast<double>(*layer.dead_units) /
         static_cast<double>(layer.units);
}

std::string Head(size_t name_width) {
  return StrCat(Left("layer", name_width), Right("mean", 9), Right("dev.", 9),
                Right("sat/dead", 9), Right("gradient", 10), Right("ratio", 9),
                Right("update", 9));
}

std::string Row(const LayerRecord& layer, size_t name_width) {
  std::optional<double> gradient;
  if (layer.output_gradient.elements > 0) {
    gradient = layer.output_gradient.root_mean_square();
  }
  std::optional<double> share = BadShare(layer);
  if (share.has_value()) *share *= 100;
  return StrCat(
      Left(layer.name, name_width), Right(Number("%.3g", layer.output.mean), 9),
      Right(Number("%.3g", layer.output.deviation), 9),
      Right(OrDash("%.0f%%", share), 9), Right(OrDash("%.2e", gradient), 10),
      Right(OrDash("%.3g", layer.gradient_ratio), 9),
      Right(OrDash("%.1e", LargestUpdate(layer)), 9));
}

bool HasFinding(std::span<const Finding> findings, const std::string& layer) {
  return std::ranges::any_of(
      findings, [&](const Finding& finding) { return finding.layer == layer; });
}

// A line for each kind of finding, and its cure.
template <typename AddLine>
void AddFindings(std::span<const Finding> findings, const AddLine& add) {
  for (size_t i = 0; i < findings.size(); ++i) {
    const Finding& finding = findings[i];
    const auto same = [&](const Finding& other) {
      return other.kind == finding.kind;
    };
    if (std::ranges::any_of(findings.first(i), same)) continue;
    const auto others = std::ranges::count_if(findings, same) - 1;
    std::string line = StrCat("! ", finding.text);
    if (finding.since < finding.step) {
      line += StrCat(", since step ", finding.since);
    }
    if (others > 0) {
      line += StrCat("; likewise ", others,
                     others > 1 ? " more layers" : " more layer");
    }
    add(line, true);
    add(StrCat("  cure: ", finding.cure), false);
  }
}

}  // namespace

std::string StatisticsTable(const StatisticsRecord& record,
                            std::span<const Finding> findings,
                            const StatisticsTableOptions& options) {
  std::string text;
  auto add = [&](std::string_view line, bool marked) {
    const auto room = static_cast<size_t>(std::max(options.columns - 1, 20));
    const bool color = marked && options.color;
    text += StrCat(color ? kYellow : "", line.substr(0, room),
                   color ? kPlain : "", "\n");
  };
  size_t name_width = 8;
  for (const LayerRecord& layer : record.layers) {
    name_width = std::clamp(layer.name.size() + 1, name_width, size_t{24});
  }
  std::string head =
      StrCat("step ", record.step, ": loss ", Number("%.4g", record.loss),
             ", gradient norm ", Number("%.4g", record.gradient_norm));
  if (std::fabs(record.clipped_norm - record.gradient_norm) >
      1e-4 * record.gradient_norm) {
    head += StrCat(", clipped to ", Number("%.4g", record.clipped_norm));
  }
  add(head, false);
  add(Head(name_width), false);
  const auto count = static_cast<int>(record.layers.size());
  const bool folds = options.max_rows > 0 && count > options.max_rows;
  const int first = folds ? options.max_rows / 2 : count;
  const int last = folds ? count - (options.max_rows - first) : count;
  for (int i = 0; i < count; ++i) {
    if (i == first && folds) {
      add(StrCat("… ", last - first, " more"), false);
    }
    if (i >= first && i < last) continue;
    const LayerRecord& layer = record.layers[static_cast<size_t>(i)];
    add(Row(layer, name_width), HasFinding(findings, layer.name));
  }
  AddFindings(findings, add);
  return text;
}

LiveTable::LiveTable() : visible_(CanMoveCursor()), color_(WantsColor()) {}

LiveTable::~LiveTable() { Clear(); }

void LiveTable::Show(const StatisticsRecord& record,
                     std::span<const Finding> findings) {
  if (!visible_) return;
  Clear();
  const std::string text = StatisticsTable(
      record, findings,
      {.columns = TerminalColumns(), .max_rows = kLiveRows, .color = color_});
  WriteToTerminal(text);
  lines_ = static_cast<int>(std::count(text.begin(), text.end(), '\n'));
}

void LiveTable::Clear() {
  if (lines_ == 0) return;
  WriteToTerminal(StrCat("\r\x1b[", lines_, "A\x1b[J"));
  lines_ = 0;
}

}  // namespace evengrad
