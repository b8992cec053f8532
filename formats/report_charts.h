// Charts of a report as HTML with inline SVG: legible at any width, in light
// and dark; read by a screen reader as a sentence and a table, and number by
// number with the arrow keys.
#ifndef EVENGRAD_FORMATS_REPORT_CHARTS_H_
#define EVENGRAD_FORMATS_REPORT_CHARTS_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace evengrad {

// How the numbers of a chart are written.
enum class ChartUnit : uint8_t {
  kNumber,      // 0.123
  kPercent,     // of a share: 12 %
  kPowerOfTen,  // of a logarithm: 3.1e-05
};
std::string InUnit(double value, ChartUnit unit);

// First and last step of each column.
using ChartSteps = std::vector<std::pair<int64_t, int64_t>>;

// Colours by value: below bounds[0] the first one, and so on. The prefix names
// the classes of the style sheet: "d" diverges from a neutral middle (11
// colours), "s" rises to alarm (8), "m" rises (9).
struct HeatScale {
  char prefix = 'm';
  std::vector<double> bounds = {};
  std::string low_end = {};   // what the ends of the scale mean: "vanishing"
  std::string high_end = {};  // "exploding"
};

struct HeatMap {
  std::string title = {};
  std::string summary = {};  // a sentence
  ChartUnit unit = ChartUnit::kNumber;
  HeatScale scale = {};
  std::vector<std::string> rows = {};  // names, from the top
  ChartSteps columns = {};
  // rows x columns; NaN: no value; infinity: a NaN or an infinity.
  std::vector<float> values = {};
};
std::string PrintHeatMap(const HeatMap& map);

struct ChartLine {
  std::string name = {};
  std::vector<double> values = {};  // by column; NaN: none
  // The range of the values in a column; empty for none.
  std::vector<double> minima = {}, maxima = {};
};
struct LineChart {
  std::string title = {};
  std::string summary = {};
  ChartUnit unit = ChartUnit::kNumber;
  ChartSteps columns = {};
  std::vector<ChartLine> lines = {};  // at most 4
};
// Columns stand at their last step.
std::string PrintLineChart(const LineChart& chart);

// A small line without axes; `label` says what it shows.
std::string PrintSparkline(std::span<const float> values,
                           std::string_view label);

}  // namespace evengrad

#endif  // EVENGRAD_FORMATS_REPORT_CHARTS_H_
