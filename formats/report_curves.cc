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
constexpr int64_t kMostPoints = 240;  // of a curve

ChartLine RunLine(const std::vector<RunColumn>& columns, RunQuantity quantity,
                  std::string name) {
  ChartLine line = {.name = std::move(name)};
  bool ranges = false;
  for (const RunColumn& column : columns) {
    const RunCell& cell = column.run[static_cast<size_t>(quantity)];
    const bool any = cell.count > 0;
    line.values.push_back(any ? cell.mean() : kNaN);
    line.minima.push_back(any ? cell.minimum : kNaN);
    line.maxima.push_back(any ? cell.maximum : kNaN);
    ranges |= cell.count > 1;
  }
  if (!ranges) {
    line.minima.clear();
    line.maxima.clear();
  }
  return line;
}

// Epochs of long runs, evenly thinned.
std::vector<ReportEpoch> ShownEpochs(const std::vector<ReportEpoch>& epochs) {
  std::vector<ReportEpoch> shown;
  const size_t group = (epochs.size() + kMostPoints - 1) / kMostPoints;
  for (size_t i = 0; i < epochs.size(); ++i) {
    if (i % group == 0 || i + 1 == epochs.size()) shown.push_back(epochs[i]);
  }
  return shown;
}

ChartSteps StepsOf(const std::vector<ReportEpoch>& epochs) {
  ChartSteps steps;
  for (const ReportEpoch& epoch : epochs) {
    steps.emplace_back(epoch.steps, epoch.steps);
  }
  return steps;
}

std::string Last(const ChartLine& line, ChartUnit unit) {
  for (size_t i = line.values.size(); i-- > 0;) {
    if (std::isfinite(line.values[i])) return InUnit(line.values[i], unit);
  }
  return "not finite";
}

std::string PrintStepLoss(const std::vector<RunColumn>& columns) {
  if (columns.empty()) return "";
  LineChart chart = {.title = "Loss of the steps", .columns = StepsOf(columns)};
  chart.lines.push_back(RunLine(columns, RunQuantity::kLoss, "batch loss"));
  chart.summary = StrCat("Of the batch, at each look; the last ",
                         Last(chart.lines[0], chart.unit),
                         chart.lines[0].minima.empty()
                             ? "."
                             : ". The band is the range of merged looks.");
  return PrintLineChart(chart);
}

std::string PrintEpochCurves(const std::vector<ReportEpoch>& epochs) {
  if (epochs.empty()) return "";
  LineChart loss = {.title = "Loss of the epochs", .columns = StepsOf(epochs)};
  LineChart accuracy = {.title = "Accuracy of the epochs",
                        .unit = ChartUnit::kPercent,
                        .columns = StepsOf(epochs)};
  for (LineChart* chart : {&loss, &accuracy}) {
    chart->lines = {{.name = "training"}, {.name = "validation"}};
  }
  for (const ReportEpoch& epoch : epochs) {
    loss.lines[0].values.push_back(epoch.train_loss);
    loss.lines[1].values.push_back(epoch.validation_loss.value_or(kNaN));
    accuracy.lines[0].values.push_back(epoch.train_accuracy);
    accuracy.lines[1].values.push_back(
        epoch.validation_accuracy.value_or(kNaN));
  }
  std::string html;
  for (LineChart* chart : {&loss, &accuracy}) {
    chart->summary = StrCat("After the last epoch ",
                            Last(chart->lines[0], chart->unit), " in training");
    if (epochs.back().validation_loss.has_value()) {
      chart->summary +=
          StrCat(", ", Last(chart->lines[1], chart->unit), " in validation.");
    } else {
      chart->lines.pop_back();
      chart->summary += ".";
    }
    html += PrintLineChart(*chart);
  }
  return html;
}

std::string PrintNorms(const std::vector<RunColumn>& columns,
                       const TrainingReport& report) {
  if (columns.empty()) return "";
  LineChart chart = {.title = "Gradient norm",
                     .unit = ChartUnit::kPowerOfTen,
                     .columns = StepsOf(columns)};
  chart.lines.push_back(
      RunLine(columns, RunQuantity::kGradientNorm, "as derived"));
  if (report.clipping.has_value()) {
    const ReportClipping& clipping = *report.clipping;
    chart.title = "Gradient norm, before and after clipping";
    chart.lines[0].name = "before";
    chart.lines.push_back(RunLine(columns, RunQuantity::kClippedNorm, "after"));
    chart.summary = StrCat(clipping.rule, " acted in ", clipping.acted, " of ",
                           clipping.steps, " steps; the last norm ",
                           Last(chart.lines[0], chart.unit), ", clipped to ",
                           Last(chart.lines[1], chart.unit), ".");
  } else {
    chart.summary = StrCat(
        "Of all parameters together, without clipping; the "
        "last ",
        Last(chart.lines[0], chart.unit), ".");
  }
  return PrintLineChart(chart);
}

}  // namespace

std::string PrintCurves(const TrainingReport& report) {
  const std::vector<RunColumn> columns =
      MergedColumns(report.history.columns(), kMostPoints);
  const std::string charts =
      StrCat(PrintNorms(columns, report), PrintStepLoss(columns),
             PrintEpochCurves(ShownEpochs(report.epochs)));
  if (charts.empty()) return "";
  return StrCat(
      "<section aria-labelledby=\"curves\"><h2 id=\"curves\">The "
      "run</h2>\n<div class=\"charts\">\n",
      charts, "</div></section>\n");
}

}  // namespace evengrad
