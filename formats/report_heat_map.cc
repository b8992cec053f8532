#include <algorithm>
#include <cmath>
#include <map>

#include "evengrad/formats/html_page.h"
#include "evengrad/formats/report_chart_parts.h"
#include "evengrad/formats/report_charts.h"
#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

constexpr size_t kMostLabels = 12;  // on the axis of the layers
constexpr size_t kTableColumns = 6;

size_t Level(double value, const HeatScale& scale) {
  return static_cast<size_t>(std::ranges::upper_bound(scale.bounds, value) -
                             scale.bounds.begin());
}

// The cells of one colour as horizontal strokes of width 1.
using Strokes = std::map<std::string, std::string>;

Strokes CellsByColor(const HeatMap& map) {
  Strokes strokes;
  const size_t columns = map.columns.size();
  for (size_t row = 0; row < map.rows.size(); ++row) {
    for (size_t column = 0; column < columns;) {
      auto color = [&](size_t at) {
        const float value = map.values[row * columns + at];
        if (std::isnan(value)) return std::string();
        if (std::isinf(value)) return std::string("broken");
        return StrCat(std::string(1, map.scale.prefix),
                      Level(value, map.scale));
      };
      const std::string here = color(column);
      const size_t start = column;
      while (column < columns && color(column) == here) ++column;
      if (here.empty()) continue;
      strokes[here] += StrCat("M", start, " ", row, ".5h", column - start);
    }
  }
  return strokes;
}

std::string RowLabels(const std::vector<std::string>& rows) {
  std::string html = "<div class=\"ys\" aria-hidden=\"true\">";
  for (const size_t row : SpreadPlaces(rows.size(), kMostLabels)) {
    const double place =
        (static_cast<double>(row) + 0.5) / static_cast<double>(rows.size());
    html += StrCat("<span style=\"top:", Printed("%.2f", 100 * place), "%\">",
                   EscapedHtml(rows[row]), "</span>");
  }
  return html + "</div>";
}

// A bound of the scale: "10⁻⁶", "0.1", "50 %"; empty where there is no room for
// it.
std::string BoundLabel(double bound, ChartUnit unit) {
  if (unit != ChartUnit::kPowerOfTen) return InUnit(bound, unit);
  const double power = std::round(bound);
  if (std::fabs(bound - power) > 1e-6) {
    return std::fabs(bound) < 0.5 ? InUnit(bound, unit) : "";
  }
  if (std::fabs(power) < 3) return InUnit(bound, unit);
  constexpr std::string_view kDigits[] = {"⁰", "¹", "²", "³", "⁴",
                                          "⁵", "⁶", "⁷", "⁸", "⁹"};
  std::string label = power < 0 ? "10⁻" : "10";
  for (const char digit : StrCat(static_cast<int>(std::fabs(power)))) {
    label += kDigits[digit - '0'];
  }
  return label;
}

std::string HeatLegend(const HeatMap& map) {
  std::string html;
  if (!map.scale.low_end.empty()) {
    html += StrCat("<span class=\"end\">", EscapedHtml(map.scale.low_end),
                   "</span>");
  }
  html += "<span class=\"ramp\">";
  for (size_t level = 0; level <= map.scale.bounds.size(); ++level) {
    html += StrCat("<i class=\"", std::string(1, map.scale.prefix), level,
                   "\"></i>");
    if (level == map.scale.bounds.size()) break;
    html += StrCat("<b><span>", BoundLabel(map.scale.bounds[level], map.unit),
                   "</span></b>");
  }
  html += "</span>";
  if (!map.scale.high_end.empty()) {
    html += StrCat("<span class=\"end\">", EscapedHtml(map.scale.high_end),
                   "</span>");
  }
  const bool broken = std::ranges::any_of(
      map.values, [](float value) { return std::isinf(value); });
  if (broken) {
    html +=
        "<span class=\"ramp one\"><i class=\"broken\"></i></span><span "
        "class=\"end\">NaN or infinite</span>";
  }
  return html;
}

std::string HeatTable(const HeatMap& map) {
  const std::vector<size_t> shown =
      SpreadPlaces(map.columns.size(), kTableColumns);
  std::string head = "<th scope=\"col\">layer</th>";
  for (const size_t column : shown) {
    head +=
        StrCat("<th scope=\"col\">", StepsText(map.columns[column]), "</th>");
  }
  std::vector<std::string> rows;
  for (size_t row = 0; row < map.rows.size(); ++row) {
    std::string cells =
        StrCat("<th scope=\"row\">", EscapedHtml(map.rows[row]), "</th>");
    for (const size_t column : shown) {
      const float value = map.values[row * map.columns.size() + column];
      cells += StrCat("<td>", CellText(value, map.unit), "</td>");
    }
    rows.push_back(std::move(cells));
  }
  return PrintNumbers(map.title, head, rows);
}

}  // namespace

std::string PrintHeatMap(const HeatMap& map) {
  const size_t rows = map.rows.size();
  const size_t columns = map.columns.size();
  if (rows == 0 || columns == 0) return "";
  std::string svg =
      StrCat("<svg viewBox=\"0 0 ", columns, " ", rows,
             "\" preserveAspectRatio=\"none\" shape-rendering=\"crispEdges\" "
             "role=\"img\" aria-label=\"",
             EscapedHtml(StrCat(map.title, ": ", map.summary)), "\">");
  for (const auto& [color, path] : CellsByColor(map)) {
    svg += StrCat("<path class=\"", color, "\" d=\"", path, "\"/>");
  }
  std::vector<std::pair<double, int64_t>> ticks;
  for (const size_t i : SpreadPlaces(columns, 6)) {
    ticks.emplace_back(
        (static_cast<double>(i) + 0.5) / static_cast<double>(columns),
        map.columns[i].second);
  }
  const size_t height = std::clamp(rows * 14, size_t{84}, size_t{420});
  return PrintFigure(
      map.title, map.summary,
      {.kind = "heat",
       .plot = StrCat(RowLabels(map.rows),
                      "<div class=\"area heat\" style=\"height:", height,
                      "px\">", svg, "</svg></div>", PrintStepAxis(ticks)),
       .legend = HeatLegend(map),
       .table = HeatTable(map),
       .data = ChartData(
           map.unit, map.columns, map.rows, [&](size_t row, size_t column) {
             return static_cast<double>(map.values[row * columns + column]);
           })});
}

}  // namespace evengrad
