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

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr size_t kMostTableRows = 400;

std::vector<float> Series(const std::vector<RunColumn>& columns, size_t layer,
                          LayerQuantity quantity) {
  std::vector<float> values;
  for (size_t i = 0; i < columns.size(); ++i) {
    values.push_back(ColumnValue(columns[i], layer, 1, quantity));
  }
  return values;
}

std::string Cell(std::string_view text) {
  return StrCat("<td>", EscapedHtml(text), "</td>");
}

std::string NumberCell(const TensorSummary& tensor, double value) {
  return Cell(tensor.elements == 0 ? "–" : ReadableNumber(value));
}

std::string LayerRow(const LayerRecord& layer, size_t index,
                     const std::vector<RunColumn>& columns) {
  double update = kNaN;
  for (const ParameterRecord& p : layer.parameters) {
    if (!p.is_matrix || !p.update_ratio.has_value()) continue;
    update = std::isnan(update) ? *p.update_ratio
                                : std::max(update, *p.update_ratio);
  }
  std::string bad = "–";
  if (layer.saturated_share.has_value()) {
    bad = InUnit(*layer.saturated_share, ChartUnit::kPercent);
  } else if (layer.dead_units.has_value()) {
    bad = StrCat(*layer.dead_units, " of ", layer.units);
  }
  return StrCat(
      "<tr><th scope=\"row\">", EscapedHtml(layer.name), "</th>",
      Cell(layer.activation.empty() ? "–" : layer.activation),
      NumberCell(layer.output, layer.output.mean),
      NumberCell(layer.output, layer.output.deviation), Cell(bad),
      NumberCell(layer.output_gradient,
                 layer.output_gradient.root_mean_square()),
      "<td>",
      PrintSparkline(Series(columns, index, LayerQuantity::kOutputGradient),
                     StrCat("gradient of ", layer.name, " over the run")),
      "</td>",
      Cell(layer.gradient_ratio.has_value()
               ? ReadableNumber(*layer.gradient_ratio)
               : "–"),
      Cell(std::isnan(update) ? "–" : ReadableNumber(update)), "<td>",
      PrintSparkline(Series(columns, index, LayerQuantity::kDeviation),
                     StrCat("deviation of ", layer.name, " over the run")),
      "</td></tr>\n");
}

}  // namespace

std::string PrintLayerTable(const TrainingReport& report) {
  const StatisticsRecord& latest = report.history.latest();
  if (latest.layers.empty()) return "";
  const std::vector<RunColumn> columns =
      MergedColumns(report.history.columns(), 40);
  std::string html = StrCat(
      "<section aria-labelledby=\"last\"><h2 id=\"last\">Layers at step ",
      latest.step,
      "</h2>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" "
      "aria-labelledby=\"last\"><table class=\"layers\"><thead><tr>");
  for (const char* head :
       {"layer", "activation", "mean", "deviation", "saturated / dead",
        "gradient", "over the run", "/ next layer's", "update / weights",
        "deviation over the run"}) {
    html += StrCat("<th scope=\"col\">", head, "</th>");
  }
  html += "</tr></thead><tbody>\n";
  const size_t shown = std::min(latest.layers.size(), kMostTableRows);
  for (size_t i = 0; i < shown; ++i) {
    html += LayerRow(latest.layers[i], i, columns);
  }
  html += "</tbody></table></div>";
  if (shown < latest.layers.size()) {
    html += StrCat("<p class=\"note\">… and ", latest.layers.size() - shown,
                   " more layers.</p>");
  }
  return html + "</section>\n";
}

std::string PrintSettings(const TrainingReport& report) {
  if (report.settings.empty()) return "";
  std::string html =
      "<section aria-labelledby=\"settings\"><h2 "
      "id=\"settings\">Settings</h2>\n<dl class=\"settings\">";
  for (const ReportSetting& setting : report.settings) {
    html += StrCat("<div class=\"", setting.is_default ? "default" : "given",
                   "\"><dt>", EscapedHtml(setting.name), "</dt><dd>",
                   EscapedHtml(setting.value.empty() ? "–" : setting.value),
                   "</dd></div>");
  }
  return html + "</dl></section>\n";
}

}  // namespace evengrad
