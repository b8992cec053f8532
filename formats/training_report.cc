#include "evengrad/formats/training_report.h"

#include "evengrad/formats/embedded_files.h"
#include "evengrad/formats/html_page.h"
#include "evengrad/formats/report_sections.h"
#include "evengrad/graph/status.h"

namespace evengrad {

std::string PrintTrainingReport(const TrainingReport& report) {
  std::string body =
      StrCat("<header class=\"head\"><h1>", EscapedHtml(report.title),
             "</h1><p>", EscapedHtml(report.network), "</p></header>\n",
             "<main>\n", PrintVerdict(report), PrintLayerMaps(report),
             PrintCurves(report), PrintLayerTable(report),
             PrintSettings(report), "</main>\n<footer>Evengrad</footer>");
  return PrintHtmlPage({.title = report.title,
                        .styles = {EmbeddedFile("report.css")},
                        .body = std::move(body),
                        .scripts = {EmbeddedFile("report.js")}});
}

}  // namespace evengrad
