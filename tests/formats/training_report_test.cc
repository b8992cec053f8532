#include "evengrad/formats/training_report.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

// Layers whose gradient falls by a factor of 10 each, from the last to the
// first.
StatisticsRecord Record(int64_t step, int layers) {
  StatisticsRecord record = {
      .step = step, .loss = 2.3, .gradient_norm = 1, .clipped_norm = 0.5};
  for (int i = 0; i < layers; ++i) {
    const double gradient = std::pow(10.0, i - layers) *
                            (1 + 0.5 * std::sin(static_cast<double>(step + i)));
    record.layers.push_back(
        {.name = StrCat("layer<", i, ">"),
         .activation = "sigmoid",
         .output = {.elements = 100, .mean = 0.5, .deviation = 0.1},
         .output_gradient = {.elements = 100, .norm = 10 * gradient},
         .parameters = {{.name = StrCat("layer<", i, ">/weights"),
                         .is_matrix = true,
                         .value = {.elements = 100, .norm = 1},
                         .gradient = {.elements = 100, .norm = gradient},
                         .update_ratio = 1e-3 * gradient}},
         .saturated_share = std::fabs(std::sin(static_cast<double>(i)))});
  }
  return record;
}

TrainingReport Report(int64_t steps, int layers) {
  TrainingReport report = {.title = "a & b", .network = "<net>"};
  FindingLog log;
  for (int64_t step = 1; step <= steps; ++step) {
    const StatisticsRecord record = Record(step, layers);
    report.history.Add(record);
    if (step == steps || step == 1) log.Add(step, FindingsOf(record));
  }
  report.findings = log.Sorted();
  report.remedies = {{FindingKind::kVanishing, {"--activation=selu"}}};
  report.settings = {{.name = "clip", .value = "<1>"}};
  report.epochs = {{.epoch = 1, .steps = 10, .train_loss = 1},
                   {.epoch = 2, .steps = 20, .train_loss = 0.5}};
  return report;
}

// Every element that is opened is closed, in order; void elements aside.
void ExpectBalanced(const std::string& html) {
  std::vector<std::string> open;
  for (size_t at = 0; (at = html.find('<', at)) != std::string::npos; ++at) {
    if (html.compare(at, 2, "<!") == 0) continue;
    const size_t end = html.find('>', at);
    ASSERT_NE(end, std::string::npos);
    const bool closes = html[at + 1] == '/';
    const size_t name = at + (closes ? 2 : 1);
    const std::string tag =
        html.substr(name, html.find_first_of(" >/\n", name) - name);
    if (closes) {
      ASSERT_FALSE(open.empty()) << tag;
      ASSERT_EQ(open.back(), tag) << html.substr(at, 100);
      open.pop_back();
    } else if (html[end - 1] != '/' && tag != "meta") {
      open.push_back(tag);
      // Their contents are no markup.
      if (tag == "script" || tag == "style") {
        at = html.find("</" + tag, end) - 1;
      }
    }
  }
  EXPECT_TRUE(open.empty()) << open.back();
}

TEST(TrainingReportTest, SaysWhatIsWrongAndWhatHelps) {
  const std::string html = PrintTrainingReport(Report(30, 6));
  ExpectBalanced(html);
  EXPECT_TRUE(html.starts_with("<!DOCTYPE html>"));
  for (const char* text :
       {"<h2 id=\"verdict\">The gradient vanishes",
        "The gradient at layer&lt;0&gt; is 1/",
        "<code>--activation=selu</code>", "a &amp; b", "&lt;net&gt;",
        "<dd>&lt;1&gt;</dd>", "<h3>Gradient flow</h3>",
        "<h3>Saturated units</h3>", "<h3>Loss of the epochs</h3>",
        "Likewise layer&lt;"}) {
    EXPECT_NE(html.find(text), std::string::npos) << text;
  }
  for (const char* text : {"layer<0", "layer<1"}) {
    EXPECT_EQ(html.find(text), std::string::npos) << text;
  }
  // Nothing is loaded from elsewhere; the namespace of SVG is no address.
  const std::string svg = "http://www.w3.org/2000/svg";
  for (size_t at = 0; (at = html.find("http", at)) != std::string::npos; ++at) {
    const std::string_view before = std::string_view(html).substr(at - 6, 6);
    EXPECT_TRUE(html.compare(at, svg.size(), svg) == 0 || before == "<meta ")
        << html.substr(at, 60);
  }
  for (const char* text : {" src=", "@import", "url("}) {
    EXPECT_EQ(html.find(text), std::string::npos) << text;
  }
}

TEST(TrainingReportTest, AHealthyRunAndAnErrorAndNothing) {
  TrainingReport report = Report(5, 2);
  report.findings.clear();
  EXPECT_NE(PrintTrainingReport(report).find("Healthy"), std::string::npos);
  report.error = "step 4: <nan>";
  const std::string stopped = PrintTrainingReport(report);
  EXPECT_EQ(stopped.find("Healthy"), std::string::npos);
  EXPECT_NE(stopped.find("The run stopped: step 4: &lt;nan&gt;"),
            std::string::npos);
  ExpectBalanced(PrintTrainingReport({.title = "none"}));
}

TEST(TrainingReportTest, NumbersThatAreNotFinite) {
  TrainingReport report = {.title = "bad"};
  StatisticsRecord record = Record(1, 3);
  record.loss = std::nan("");
  record.gradient_norm = HUGE_VAL;
  record.layers[1].output.nans = 3;
  record.layers[2].output_gradient.infinities = 1;
  report.history.Add(record);
  const std::string html = PrintTrainingReport(report);
  ExpectBalanced(html);
  EXPECT_NE(html.find("class=\"broken\" d=\"M0 1.5h1\""), std::string::npos);
  EXPECT_EQ(html.find(">nan<"), std::string::npos);
}

// Of a deep network as of a long run.
TEST(TrainingReportTest, TheFileStaysSmall) {
  EXPECT_LT(PrintTrainingReport(Report(2000, 100)).size(), 2'000'000u);
  EXPECT_LT(PrintTrainingReport(Report(40, 3000)).size(), 2'000'000u);
}

}  // namespace
}  // namespace evengrad
