#include "evengrad/formats/report_charts.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "evengrad/formats/html_page.h"
#include "evengrad/formats/json_lines.h"
#include "evengrad/formats/report_chart_parts.h"
#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

constexpr double kLeastSparkRange = 0.1;

std::string_view Name(ChartUnit unit) {
  switch (unit) {
    case ChartUnit::kNumber:
      return "number";
    case ChartUnit::kPercent:
      return "percent";
    case ChartUnit::kPowerOfTen:
      return "power";
  }
  return "";
}

std::string JsonNumber(double value) {
  if (std::isnan(value)) return "null";
  if (std::isinf(value)) return "\"x\"";
  return Printed("%.3g", value);
}

}  // namespace

std::string Printed(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof(text), format, value);
  return text;
}

std::string StepsText(const std::pair<int64_t, int64_t>& steps) {
  return steps.first == steps.second
             ? StrCat("step ", steps.first)
             : StrCat("steps ", steps.first, " to ", steps.second);
}

std::vector<size_t> SpreadPlaces(size_t count, size_t most) {
  std::vector<size_t> places;
  const size_t stride = (count + most - 1) / std::max<size_t>(most, 1);
  for (size_t i = 0; i < count; i += stride) places.push_back(i);
  if (places.empty() || places.back() + 1 == count) return places;
  // The last one takes the place of one that is too near.
  if (4 * (count - 1 - places.back()) < 3 * stride && places.size() > 1) {
    places.pop_back();
  }
  places.push_back(count - 1);
  return places;
}

std::string CellText(double value, ChartUnit unit) {
  if (std::isnan(value)) return "–";
  return std::isinf(value) ? "not finite" : InUnit(value, unit);
}

std::string PrintFigure(std::string_view title, std::string_view summary,
                        const ChartParts& parts) {
  return StrCat(
      "<figure class=\"chart\" data-kind=\"", parts.kind, "\"><figcaption><h3>",
      EscapedHtml(title), "</h3><p>", EscapedHtml(summary),
      "</p></figcaption>\n<div class=\"plot\" tabindex=\"0\" "
      "role=\"application\" aria-roledescription=\"chart\" aria-label=\"",
      EscapedHtml(title), ". Arrow keys read single values.\">", parts.plot,
      "</div>\n<p class=\"readout\" aria-live=\"polite\"></p>"
      "<div class=\"legend\" aria-hidden=\"true\">",
      parts.legend, "</div>\n", parts.table,
      "<script type=\"application/json\">", EscapedScriptJson(parts.data),
      "</script>\n</figure>\n");
}

std::string PrintStepAxis(
    const std::vector<std::pair<double, int64_t>>& ticks) {
  std::string html = "<div class=\"xs\" aria-hidden=\"true\">";
  for (const auto& [place, step] : ticks) {
    html += StrCat("<span style=\"left:", Printed("%.2f", 100 * place), "%\">",
                   step, "</span>");
  }
  return html + "</div>";
}

std::string PrintNumbers(std::string_view title, std::string_view head,
                         const std::vector<std::string>& rows) {
  std::string html = StrCat(
      "<details class=\"numbers\"><summary>Numbers<span "
      "class=\"visually-hidden\">: ",
      EscapedHtml(title),
      "</span></summary><div class=\"scroll\" tabindex=\"0\" role=\"region\" "
      "aria-label=\"Table: ",
      EscapedHtml(title), "\"><table><thead><tr>", head,
      "</tr></thead><tbody>");
  for (const std::string& row : rows) html += StrCat("<tr>", row, "</tr>");
  return html + "</tbody></table></div></details>\n";
}

std::string ChartData(
    ChartUnit unit, const ChartSteps& columns,
    const std::vector<std::string>& rows,
    const std::function<double(size_t row, size_t column)>& values) {
  std::string json = StrCat("{\"unit\":\"", Name(unit), "\",\"columns\":[");
  for (size_t i = 0; i < columns.size(); ++i) {
    json += StrCat(i == 0 ? "" : ",", "[", columns[i].first, ",",
                   columns[i].second, "]");
  }
  json += "],\"rows\":[";
  for (size_t i = 0; i < rows.size(); ++i) {
    json += StrCat(i == 0 ? "" : ",", QuotedJson(rows[i]));
  }
  json += "],\"values\":[";
  for (size_t row = 0; row < rows.size(); ++row) {
    json += row == 0 ? "[" : ",[";
    for (size_t i = 0; i < columns.size(); ++i) {
      json += StrCat(i == 0 ? "" : ",", JsonNumber(values(row, i)));
    }
    json += "]";
  }
  return json + "]}";
}

std::string InUnit(double value, ChartUnit unit) {
  switch (unit) {
    case ChartUnit::kNumber:
      return Printed("%.4g", value);
    case ChartUnit::kPercent:
      return Printed(value != 0 && value < 0.0995 ? "%.1f %%" : "%.0f %%",
                     100 * value);
    case ChartUnit::kPowerOfTen: {
      if (value <= -44.9) return "0";
      const double number = std::pow(10, value);
      if (number >= 99.5 && number < 1000) return Printed("%.0f", number);
      if (number >= 0.0095 && number < 1000) return Printed("%.2g", number);
      // "5.6e-13", "1e-6": no zero that says nothing.
      std::string text = Printed("%.1e", number);
      const size_t exponent = text.find_first_of("+-", 1) + 1;
      while (text[exponent] == '0' && exponent + 1 < text.size()) {
        text.erase(exponent, 1);
      }
      if (text[exponent - 1] == '+') text.erase(exponent - 1, 1);
      const size_t zero = text.find(".0e");
      if (zero != std::string::npos) text.erase(zero, 2);
      return text;
    }
  }
  return "";
}

std::string PrintSparkline(std::span<const float> values,
                           std::string_view label) {
  NumberRange range;
  for (const float value : values) range.Include(value);
  if (range.empty()) return "";
  // What hardly moves is drawn as flat.
  const double margin = (kLeastSparkRange - (range.high - range.low)) / 2;
  if (margin > 0) range = {range.low - margin, range.high + margin};
  std::string path;
  bool open = false;
  const double last =
      std::max<double>(1, static_cast<double>(values.size()) - 1);
  for (size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) {
      open = false;
      continue;
    }
    path += StrCat(open ? "L" : "M",
                   Printed("%.0f", 2 + 96 * static_cast<double>(i) / last), " ",
                   Printed("%.1f", 18 - 16 * range.Place(values[i])));
    if (!open) path += "h0";
    open = true;
  }
  return StrCat(
      "<svg class=\"spark\" viewBox=\"0 0 100 20\" role=\"img\" "
      "aria-label=\"",
      EscapedHtml(label), "\"><path class=\"line\" d=\"", path, "\"/></svg>");
}

}  // namespace evengrad
