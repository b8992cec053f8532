#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "evengrad/formats/html_page.h"
#include "evengrad/formats/report_charts.h"
#include "evengrad/formats/report_sections.h"
#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

struct KindText {
  std::string_view headline;
  bool severe = false;  // the run is lost, or hardly learns
};

KindText TextOf(FindingKind kind) {
  switch (kind) {
    case FindingKind::kNonFinite:
      return {"Numbers are no longer finite", true};
    case FindingKind::kZeroGradient:
      return {"Layers get no gradient at all", true};
    case FindingKind::kVanishing:
      return {"The gradient vanishes on its way to the input", true};
    case FindingKind::kExploding:
      return {"The gradient explodes on its way to the input", true};
    case FindingKind::kSaturated:
      return {"Units are saturated", false};
    case FindingKind::kDeadUnits:
      return {"Units are dead", false};
    case FindingKind::kGradientDrop:
      return {"The gradient drops at single layers", false};
    case FindingKind::kGradientJump:
      return {"The gradient jumps at single layers", false};
    case FindingKind::kLargeUpdates:
      return {"Steps are too large for the weights", false};
    case FindingKind::kSmallUpdates:
      return {"Layers hardly move", false};
  }
  return {};
}

// All findings of a kind that hold, or of one that do not.
struct Group {
  std::vector<const LoggedFinding*> findings;  // at least one
  const LoggedFinding& first() const { return *findings.front(); }
  FindingKind kind() const { return first().finding.kind; }
  bool holds() const { return first().holds; }
};

std::vector<Group> GroupsOf(const std::vector<LoggedFinding>& findings) {
  std::vector<Group> groups;
  for (const LoggedFinding& logged : findings) {
    const auto same = std::ranges::find_if(groups, [&](const Group& group) {
      return group.kind() == logged.finding.kind &&
             group.holds() == logged.holds;
    });
    if (same == groups.end()) {
      groups.push_back({{&logged}});
    } else {
      same->findings.push_back(&logged);
    }
  }
  return groups;
}

std::string Steps(const LoggedFinding& logged) {
  if (logged.holds) return StrCat("since step ", logged.first_step);
  return logged.first_step == logged.last_step
             ? StrCat("at step ", logged.first_step)
             : StrCat("from step ", logged.first_step, " to ",
                      logged.last_step);
}

// "hidden2, hidden3, … and 15 more".
std::string OtherLayers(const Group& group) {
  constexpr size_t kNamed = 3;
  std::string text;
  const size_t count = group.findings.size();
  for (size_t i = 1; i < count && i <= kNamed; ++i) {
    text += StrCat(i == 1 ? "" : ", ", group.findings[i]->finding.layer);
  }
  if (count > kNamed + 1) text += StrCat(" and ", count - 1 - kNamed, " more");
  return text;
}

std::string PrintGroup(const Group& group, const TrainingReport& report) {
  const KindText kind = TextOf(group.kind());
  const std::string_view level = !group.holds() ? "is-past"
                                 : kind.severe  ? "is-bad"
                                                : "is-warn";
  const std::string_view mark = !group.holds() ? "○" : kind.severe ? "✕" : "!";
  std::string html = StrCat("<li class=\"finding ", level,
                            "\"><span class=\"mark\" "
                            "aria-hidden=\"true\">",
                            mark, "</span><div><h3>", kind.headline, "<small>",
                            Steps(group.first()), "</small></h3><p>",
                            EscapedHtml(group.first().finding.text), ".</p>");
  const std::string others = OtherLayers(group);
  if (!others.empty()) {
    html += StrCat("<p class=\"more\">Likewise ", EscapedHtml(others), ".</p>");
  }
  html += StrCat("<p class=\"cure\"><b>What helps:</b> ",
                 EscapedHtml(group.first().finding.cure), ".</p>");
  const auto remedy =
      std::ranges::find(report.remedies, group.kind(), &ReportRemedy::kind);
  if (remedy != report.remedies.end() && !remedy->flags.empty()) {
    html += "<p class=\"try\"><b>Try:</b>";
    for (const std::string& flag : remedy->flags) {
      html += StrCat(" <code>", EscapedHtml(flag), "</code>");
    }
    html += "</p>";
  }
  return html + "</div></li>\n";
}

// ---- The headline -----------------------------------------------------------

struct Verdict {
  std::string_view level = {};  // of the style sheet
  std::string headline = {};
  std::string detail = {};
};

// The gradient at the first layer as a multiple of that at the last one, in
// words.
std::string FlowText(const RunHistory& history) {
  if (history.columns().empty() || history.layers().size() < 2) return "";
  const auto& cells = history.columns().back().layers.front();
  const RunCell& ratio =
      cells[static_cast<size_t>(LayerQuantity::kGradientRatio)];
  if (ratio.count == 0) return "";
  return StrCat("In the last steps the gradient at ",
                history.layers().front().name, " is ",
                InUnit(ratio.mean(), ChartUnit::kPowerOfTen), " times that at ",
                history.layers().back().name, ".");
}

Verdict VerdictOf(const TrainingReport& report) {
  const std::vector<Group> groups = GroupsOf(report.findings);
  const bool found = !groups.empty() && groups[0].holds();
  Verdict verdict = {.level = "is-good"};
  if (found) {
    const KindText kind = TextOf(groups[0].kind());
    verdict = {.level = kind.severe ? "is-bad" : "is-warn",
               .headline = std::string(kind.headline)};
  } else if (report.history.records() == 0) {
    verdict.headline = "No statistics were taken";
    verdict.detail = "Layers were not watched in this run.";
  } else {
    verdict.headline = "Healthy: no trouble found";
    verdict.detail = FlowText(report.history);
  }
  if (found) verdict.detail = StrCat(groups[0].first().finding.text, ".");
  if (!report.error.empty()) {
    verdict.level = "is-bad";
    verdict.detail = StrCat("The run stopped: ", report.error);
    if (!found) verdict.headline = "The run stopped with an error";
  }
  return verdict;
}

std::string Tile(std::string_view value, std::string_view label) {
  return StrCat("<div class=\"tile\"><b>", EscapedHtml(value), "</b><span>",
                EscapedHtml(label), "</span></div>");
}

std::string Tiles(const TrainingReport& report) {
  std::string html;
  if (report.test_accuracy.has_value()) {
    html += Tile(StrCat(ReadableNumber(100 * *report.test_accuracy), " %"),
                 "test accuracy");
  }
  if (!report.epochs.empty()) {
    const ReportEpoch& last = report.epochs.back();
    if (last.validation_accuracy.has_value()) {
      html +=
          Tile(StrCat(ReadableNumber(100 * *last.validation_accuracy), " %"),
               "validation accuracy");
    }
    html += Tile(ReadableNumber(last.train_loss), "training loss");
    html += Tile(ReadableNumber(static_cast<double>(last.steps)), "steps");
  }
  const RunHistory& history = report.history;
  if (!history.columns().empty() && history.layers().size() > 1) {
    const RunCell& ratio =
        history.columns()
            .back()
            .layers.front()[static_cast<size_t>(LayerQuantity::kGradientRatio)];
    if (ratio.count > 0) {
      html += Tile(InUnit(ratio.mean(), ChartUnit::kPowerOfTen),
                   "gradient, first / last layer");
    }
  }
  if (report.clipping.has_value() && report.clipping->steps > 0) {
    html += Tile(InUnit(static_cast<double>(report.clipping->acted) /
                            static_cast<double>(report.clipping->steps),
                        ChartUnit::kPercent),
                 "of steps clipped");
  }
  if (report.skipped_steps > 0) {
    html += Tile(ReadableNumber(static_cast<double>(report.skipped_steps)),
                 "steps skipped");
  }
  return html.empty() ? html : StrCat("<div class=\"tiles\">", html, "</div>");
}

}  // namespace

std::string PrintVerdict(const TrainingReport& report) {
  const Verdict verdict = VerdictOf(report);
  std::string html = StrCat(
      "<section class=\"verdict ", verdict.level,
      "\" aria-labelledby=\"verdict\"><h2 id=\"verdict\">",
      EscapedHtml(verdict.headline), "</h2><p>", EscapedHtml(verdict.detail),
      "</p></section>\n", Tiles(report), "\n");
  const std::vector<Group> groups = GroupsOf(report.findings);
  auto print = [&](bool holds, std::string_view title, std::string_view id) {
    std::string items;
    for (const Group& group : groups) {
      if (group.holds() == holds) items += PrintGroup(group, report);
    }
    if (items.empty()) return std::string();
    return StrCat("<section aria-labelledby=\"", id, "\"><h2 id=\"", id, "\">",
                  title, "</h2>\n<ul class=\"findings\">", items,
                  "</ul></section>\n");
  };
  html += print(true, "What was found, and what helps", "findings");
  html += print(false, "Earlier in the run", "earlier");
  return html;
}

}  // namespace evengrad
