#include <algorithm>
#include <cmath>

#include "evengrad/formats/html_page.h"
#include "evengrad/formats/report_chart_parts.h"
#include "evengrad/formats/report_charts.h"
#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

constexpr size_t kTableRows = 20;
constexpr size_t kMostDots = 40;  // more points run into a line

NumberRange RangeOf(const LineChart& chart) {
  NumberRange range;
  for (const ChartLine& line : chart.lines) {
    for (const auto* values : {&line.values, &line.minima, &line.maxima}) {
      for (const double value : *values) range.Include(value);
    }
  }
  if (range.empty()) range = {0, 1};
  if (range.high - range.low < 1e-9 * std::max(1.0, std::fabs(range.high))) {
    range.low -= 0.5;
    range.high += 0.5;
  }
  return range;
}

// The logarithms of round numbers: of powers of ten, or of 1, 2 and 5 times
// them where the range is short.
std::vector<double> PowerTicks(const NumberRange& range) {
  std::vector<double> ticks;
  if (range.high - range.low >= 2) {
    for (const double tick :
         LogTicks(std::pow(10, range.low), std::pow(10, range.high), 7)) {
      ticks.push_back(std::log10(tick));
    }
    return ticks;
  }
  for (double power = std::floor(range.low); power <= range.high; ++power) {
    for (const double factor : {1.0, 2.0, 5.0}) {
      const double tick = power + std::log10(factor);
      if (tick >= range.low && tick <= range.high) ticks.push_back(tick);
    }
  }
  return ticks;
}

class LinePlot {
 public:
  explicit LinePlot(const LineChart& chart)
      : chart_(chart), range_(RangeOf(chart)) {
    ticks_ = chart.unit == ChartUnit::kPowerOfTen
                 ? PowerTicks(range_)
                 : LinearTicks(range_.low, range_.high, 6);
    const double margin = 0.04 * (range_.high - range_.low);
    range_.low -= margin;
    range_.high += margin;
    first_ = chart.columns.empty() ? 0 : Step(0);
    last_ = chart.columns.empty() ? 1 : Step(chart.columns.size() - 1);
    if (last_ <= first_) {  // a point alone stands in the middle
      first_ -= 1;
      last_ += 1;
    }
  }

  std::string Print() const {
    std::string svg = StrCat(
        "<svg viewBox=\"0 0 1000 1000\" preserveAspectRatio=\"none\" "
        "role=\"img\" aria-label=\"",
        EscapedHtml(StrCat(chart_.title, ": ", chart_.summary)), "\">");
    std::string labels = "<div class=\"ys\" aria-hidden=\"true\">";
    for (const double tick : ticks_) {
      const double y = Y(tick);
      svg += StrCat("<path class=\"grid\" d=\"M0 ", SvgNumber(y), "h1000\"/>");
      labels += StrCat("<span style=\"top:", SvgNumber(y / 10), "%\">",
                       TickLabel(tick), "</span>");
    }
    for (size_t i = 0; i < chart_.lines.size(); ++i) svg += Line(i);
    std::vector<std::pair<double, int64_t>> ticks;
    for (const size_t i : SpreadPlaces(chart_.columns.size(), 6)) {
      ticks.emplace_back(X(i) / 1000, chart_.columns[i].second);
    }
    return StrCat(labels, "</div><div class=\"area\">", svg, "</svg></div>",
                  PrintStepAxis(ticks));
  }

 private:
  // With as many digits as tell one tick from the next.
  std::string TickLabel(double tick) const {
    if (chart_.unit == ChartUnit::kPowerOfTen || ticks_.size() < 2) {
      return InUnit(tick, chart_.unit);
    }
    const double scale = chart_.unit == ChartUnit::kPercent ? 100 : 1;
    const double step = scale * (ticks_[1] - ticks_[0]);
    if (step >= 1e5 || step < 1e-5) return InUnit(tick, chart_.unit);
    const int digits =
        std::max(0, static_cast<int>(-std::floor(std::log10(step) + 1e-9)));
    const std::string format = StrCat("%.", digits, "f");
    return StrCat(Printed(format.c_str(), scale * tick),
                  chart_.unit == ChartUnit::kPercent ? " %" : "");
  }
  double Step(size_t column) const {
    return static_cast<double>(chart_.columns[column].second);
  }
  double X(size_t column) const {
    return 1000 * (Step(column) - first_) / (last_ - first_);
  }
  double Y(double value) const { return 1000 * (1 - range_.Place(value)); }
  std::string Point(size_t column, double value) const {
    return StrCat(Printed("%.0f", X(column)), " ", Printed("%.0f", Y(value)));
  }

  std::string Line(size_t index) const {
    const ChartLine& line = chart_.lines[index];
    std::string band, path, dots;
    std::string back;
    bool open = false;
    for (size_t i = 0; i < line.values.size(); ++i) {
      if (!std::isfinite(line.values[i])) {
        open = false;
        continue;
      }
      path += StrCat(open ? "L" : "M", Point(i, line.values[i]));
      dots += StrCat("M", Point(i, line.values[i]), "h0");
      open = true;
      if (line.minima.empty() || !std::isfinite(line.minima[i])) continue;
      band += StrCat(band.empty() ? "M" : "L", Point(i, line.maxima[i]));
      back = StrCat("L", Point(i, line.minima[i]), back);
    }
    std::string svg;
    if (!band.empty()) {
      svg =
          StrCat("<path class=\"band l", index, "\" d=\"", band, back, "z\"/>");
    }
    svg += StrCat("<path class=\"line l", index, "\" d=\"", path, "\"/>");
    if (line.values.size() > kMostDots) return svg;
    return StrCat(svg, "<path class=\"dots l", index, "\" d=\"", dots, "\"/>");
  }

  const LineChart& chart_;
  NumberRange range_;
  std::vector<double> ticks_;
  double first_ = 0;
  double last_ = 1;
};

std::string LineLegend(const LineChart& chart) {
  std::string html;
  for (size_t i = 0; i < chart.lines.size(); ++i) {
    html += StrCat(
        "<span class=\"end\"><svg class=\"key\" viewBox=\"0 0 24 "
        "8\"><path class=\"line l",
        i, "\" d=\"M1 4h22\"/></svg>", EscapedHtml(chart.lines[i].name),
        "</span>");
  }
  return html;
}

std::string LineTable(const LineChart& chart) {
  std::string head = "<th scope=\"col\">steps</th>";
  for (const ChartLine& line : chart.lines) {
    head += StrCat("<th scope=\"col\">", EscapedHtml(line.name), "</th>");
  }
  std::vector<std::string> rows;
  for (const size_t column : SpreadPlaces(chart.columns.size(), kTableRows)) {
    std::string cells =
        StrCat("<th scope=\"row\">", StepsText(chart.columns[column]), "</th>");
    for (const ChartLine& line : chart.lines) {
      cells +=
          StrCat("<td>", CellText(line.values[column], chart.unit), "</td>");
    }
    rows.push_back(std::move(cells));
  }
  return PrintNumbers(chart.title, head, rows);
}

}  // namespace

std::string PrintLineChart(const LineChart& chart) {
  if (chart.columns.empty()) return "";
  std::vector<std::string> names;
  for (const ChartLine& line : chart.lines) names.push_back(line.name);
  return PrintFigure(
      chart.title, chart.summary,
      {.kind = "line",
       .plot = LinePlot(chart).Print(),
       .legend = LineLegend(chart),
       .table = LineTable(chart),
       .data = ChartData(chart.unit, chart.columns, names,
                         [&](size_t row, size_t column) {
                           return chart.lines[row].values[column];
                         })});
}

}  // namespace evengrad
