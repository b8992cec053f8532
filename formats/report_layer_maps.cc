#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>
#include <utility>

#include "evengrad/formats/html_page.h"
#include "evengrad/formats/report_charts.h"
#include "evengrad/formats/report_sections.h"
#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

// Bounds on what a file holds.
constexpr int64_t kMostCells = 9600;  // of a map
constexpr size_t kMostRows = 200;
constexpr int64_t kMostColumns = 240;

// The middle is within a factor of 2; then 10, 100, 1,000 and a million.
const std::vector<double> kDecades = {-6,    -3, -2, -1, -0.301,
                                      0.301, 1,  2,  3,  6};

// Every so many neighbouring layers are a row.
size_t LayersInRow(const RunHistory& history) {
  return std::max<size_t>(
      1, (history.layers().size() + kMostRows - 1) / kMostRows);
}

std::vector<std::string> RowNames(const RunHistory& history) {
  const std::vector<RunLayer>& layers = history.layers();
  const size_t group = LayersInRow(history);
  std::vector<std::string> names;
  for (size_t i = 0; i < layers.size(); i += group) {
    const size_t last = std::min(i + group, layers.size()) - 1;
    names.push_back(last == i
                        ? layers[i].name
                        : StrCat(layers[i].name, " … ", layers[last].name));
  }
  return names;
}

class LayerMaps {
 public:
  explicit LayerMaps(const RunHistory& history)
      : history_(history), rows_(RowNames(history)) {
    const int64_t most = std::max<int64_t>(
        2, kMostCells / std::max<int64_t>(1, std::ssize(rows_)));
    columns_ = MergedColumns(history.columns(), std::min(most, kMostColumns));
  }

  HeatMap Map(LayerQuantity quantity) const {
    HeatMap map = {.rows = rows_, .columns = StepsOf(columns_)};
    const size_t group = LayersInRow(history_);
    for (size_t row = 0; row < rows_.size(); ++row) {
      for (size_t column = 0; column < columns_.size(); ++column) {
        map.values.push_back(
            ColumnValue(columns_[column], row * group, group, quantity));
      }
    }
    return map;
  }

 private:
  const RunHistory& history_;
  std::vector<std::string> rows_;
  std::vector<RunColumn> columns_;
};

bool HasValues(const HeatMap& map) {
  return std::ranges::any_of(map.values,
                             [](float value) { return !std::isnan(value); });
}

// The first and the last finite value of the last column, with their layers.
std::string EndsText(const HeatMap& map) {
  const size_t columns = map.columns.size();
  std::string first, last;
  for (size_t row = 0; row < map.rows.size(); ++row) {
    const float value = map.values[row * columns + columns - 1];
    if (!std::isfinite(value)) continue;
    last = StrCat(InUnit(value, map.unit), " at ", map.rows[row]);
    if (first.empty()) first = last;
  }
  if (first.empty()) return "no finite value in the last steps";
  return first == last ? StrCat("at the end ", first)
                       : StrCat("at the end ", first, ", ", last);
}

// Equal colours over the range of the values.
HeatScale MagnitudeScale(const HeatMap& map) {
  double low = HUGE_VAL, high = -HUGE_VAL;
  for (const float value : map.values) {
    if (!std::isfinite(value)) continue;
    low = std::min<double>(low, value);
    high = std::max<double>(high, value);
  }
  if (low > high) return {};
  // Whole decades, as few as cover the range; every colour is as many.
  low = std::floor(low);
  const double colors = 9;
  const double step = std::max(0.5, std::ceil((high - low) / colors));
  HeatScale scale = {.prefix = 'm', .low_end = "small", .high_end = "large"};
  for (int i = 1; i < colors; ++i) scale.bounds.push_back(low + i * step);
  return scale;
}

std::string PrintGradientMaps(const LayerMaps& maps) {
  HeatMap ratio = maps.Map(LayerQuantity::kGradientRatio);
  ratio.title = "Gradient flow";
  ratio.unit = ChartUnit::kPowerOfTen;
  ratio.scale = {.prefix = 'd',
                 .bounds = kDecades,
                 .low_end = "vanishing",
                 .high_end = "exploding"};
  ratio.summary = StrCat(
      "Gradient of each layer's output (root mean square) as a multiple of the "
      "last layer's, by layer and step. Pale is even; ",
      EndsText(ratio), ".");
  HeatMap norm = maps.Map(LayerQuantity::kParameterGradient);
  norm.title = "Gradient norm of the weights";
  norm.unit = ChartUnit::kPowerOfTen;
  norm.scale = MagnitudeScale(norm);
  norm.summary = StrCat("Norm of the gradients of each layer's parameters; ",
                        EndsText(norm), ".");
  return StrCat(PrintHeatMap(ratio), PrintHeatMap(norm));
}

std::string PrintActivationMaps(const LayerMaps& maps,
                                const RunHistory& history) {
  std::string html;
  HeatMap deviation = maps.Map(LayerQuantity::kDeviation);
  if (HasValues(deviation)) {
    deviation.title = "Activations: standard deviation";
    deviation.unit = ChartUnit::kPowerOfTen;
    deviation.scale = {.prefix = 'd',
                       .bounds = kDecades,
                       .low_end = "signal dies",
                       .high_end = "signal grows"};
    deviation.summary =
        StrCat("Of each layer's output. Near 1 a layer hands its signal on; ",
               EndsText(deviation), ".");
    html += PrintHeatMap(deviation);
  }
  HeatMap bad = maps.Map(LayerQuantity::kBadShare);
  if (HasValues(bad)) {
    const bool saturates =
        std::ranges::any_of(history.layers(), &RunLayer::saturates);
    const bool dies = std::ranges::any_of(history.layers(), &RunLayer::can_die);
    bad.title = saturates && dies ? "Saturated or dead units"
                : saturates       ? "Saturated units"
                                  : "Dead units";
    bad.unit = ChartUnit::kPercent;
    bad.scale = {.prefix = 's',
                 .bounds = {0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98},
                 .low_end = "few",
                 .high_end = "all"};
    bad.summary =
        StrCat(saturates ? "Share of each layer's output near an end "
                           "of the activation's range, where hardly "
                           "any gradient passes; "
                         : "Share of each layer's units that have not "
                           "been positive for some looks; ",
               EndsText(bad), ".");
    html += PrintHeatMap(bad);
  }
  HeatMap update = maps.Map(LayerQuantity::kUpdateRatio);
  if (HasValues(update)) {
    update.title = "Updates";
    update.unit = ChartUnit::kPowerOfTen;
    update.scale = {.prefix = 'd',
                    .bounds = {-7, -6, -5, -4.3, -3.7, -2.3, -2, -1.7, -1, 0},
                    .low_end = "stands still",
                    .high_end = "too large"};
    update.summary = StrCat(
        "The largest change of a weight matrix in a step, relative to "
        "its norm; about 1/1000 is usual; ",
        EndsText(update), ".");
    html += PrintHeatMap(update);
  }
  return html;
}

}  // namespace

ChartSteps StepsOf(const std::vector<RunColumn>& columns) {
  ChartSteps steps;
  for (const RunColumn& column : columns) {
    steps.emplace_back(column.first_step, column.last_step);
  }
  return steps;
}

float ColumnValue(const RunColumn& column, size_t first, size_t count,
                  LayerQuantity quantity) {
  double sum = 0;
  double records = 0;
  const size_t last = std::min(first + count, column.layers.size());
  for (size_t i = first; i < last; ++i) {
    const RunCell& cell = column.layers[i][static_cast<size_t>(quantity)];
    if (cell.not_finite > 0) return std::numeric_limits<float>::infinity();
    sum += cell.sum;
    records += cell.count;
  }
  return records == 0 ? std::numeric_limits<float>::quiet_NaN()
                      : static_cast<float>(sum / records);
}

std::string PrintLayerMaps(const TrainingReport& report) {
  if (report.history.columns().empty()) return "";
  const LayerMaps maps(report.history);
  return StrCat(
      "<section aria-labelledby=\"layers\"><h2 id=\"layers\">Layer "
      "by layer</h2>\n<p class=\"note\">Rows are layers from input "
      "(top) to output, columns are steps.</p><div class=\"charts "
      "wide\">\n",
      PrintGradientMaps(maps), PrintActivationMaps(maps, report.history),
      "</div></section>\n");
}

}  // namespace evengrad
