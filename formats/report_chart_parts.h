// Pieces that all charts of a report are made of.
#ifndef EVENGRAD_FORMATS_REPORT_CHART_PARTS_H_
#define EVENGRAD_FORMATS_REPORT_CHART_PARTS_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "evengrad/formats/report_charts.h"

namespace evengrad {

// The range of some numbers; those that are not finite are left out.
struct NumberRange {
  double low = HUGE_VAL;
  double high = -HUGE_VAL;
  void Include(double value) {
    if (!std::isfinite(value)) return;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  bool empty() const { return low > high; }
  double Place(double value) const { return (value - low) / (high - low); }
};

// A number as printf's `format` writes it.
std::string Printed(const char* format, double value);

// "step 400", "steps 400 to 450".
std::string StepsText(const std::pair<int64_t, int64_t>& steps);

// "3.1e-05"; "–" for NaN, "not finite" for an infinity.
std::string CellText(double value, ChartUnit unit);

// About `most` places of `count`, evenly spaced but for the last, the first and
// last among them.
std::vector<size_t> SpreadPlaces(size_t count, size_t most);

// What stands inside a figure, and what around it.
struct ChartParts {
  std::string_view kind = {};  // "heat" or "line", for the script
  std::string plot = {};       // HTML: axes and area
  std::string legend = {};     // HTML
  std::string table = {};      // HTML: the same in numbers
  std::string data = {};       // JSON, for the script
};
// The plot takes the focus, so that keys can move in it.
std::string PrintFigure(std::string_view title, std::string_view summary,
                        const ChartParts& parts);

// The steps below the plot, each at its place from 0 to 1.
std::string PrintStepAxis(const std::vector<std::pair<double, int64_t>>& ticks);

// The numbers of a chart as a table that opens on demand. `head` and `rows` are
// HTML of whole cells.
std::string PrintNumbers(std::string_view title, std::string_view head,
                         const std::vector<std::string>& rows);

// What the script reads aloud: names of rows, steps, and rows x columns values.
std::string ChartData(
    ChartUnit unit, const ChartSteps& columns,
    const std::vector<std::string>& rows,
    const std::function<double(size_t row, size_t column)>& values);

}  // namespace evengrad

#endif  // EVENGRAD_FORMATS_REPORT_CHART_PARTS_H_
