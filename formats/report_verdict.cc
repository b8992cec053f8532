#include <algorithm>
#include <cctype>
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

// " <code>--activation=selu</code> …"; empty where there is nothing to try.
std::string Flags(FindingKind kind, const TrainingReport& report) {
  const auto remedy =
      std::ranges::find(report.remedies, kind, &ReportRemedy::kind);
  std::string html;
  if (remedy == report.remedies.end()) return html;
  for (const std::string& flag : remedy->flags) {
    html += StrCat(" <code>", EscapedHtml(flag), "</code>");
  }
  return html;
}

// A sentence of its own: "vanishing gradient: the gradient …" begins with the
// gradient, since the headline says the rest.
std::string Sentence(std::string text) {
  for (const std::string_view prefix :
       {"vanishing gradient: ", "exploding gradient: "}) {
    if (!text.starts_with(prefix)) continue;
    text.erase(0, prefix.size());
    text.replace(0, 1, 1, static_cast<char>(std::toupper(text[0])));
  }
  return text + ".";
}

std::string PrintGroup(const Group& group, const TrainingReport& report) {
  const KindText kind = TextOf(group.kind());
  const std::string_view level = !group.holds() ? "is-past"
                                 : kind.severe  ? "is-bad"
                                                : "is-warn";
  const std::string_view mark = !group.holds() ? "○" : kind.severe ? "✕" : "!";
  std::string html =
      StrCat("<li class=\"finding ", level,
             "\"><span class=\"mark\" "
             "aria-hidden=\"true\">",
             mark, "</span><div><h3>", kind.headline, "<small>",
             Steps(group.first()), "</small></h3><p>",
             EscapedHtml(Sentence(group.first().finding.text)), "</p>");
  const std::string others = OtherLayers(group);
  if (!others.empty()) {
    html += StrCat("<p class=\"more\">Likewise ", EscapedHtml(others), ".</p>");
  }
  html += StrCat("<p class=\"cure\"><b>What helps:</b> ",
                 EscapedHtml(group.first().finding.cure), ".</p>");
  // Small steps follow from what is wrong with the whole network: no larger
  // rate cures it.
  const bool follows =
      group.kind() == FindingKind::kSmallUpdates &&
      std::ranges::any_of(report.findings, [](const LoggedFinding& logged) {
        return logged.holds &&
               (logged.finding.kind == FindingKind::kVanishing ||
                logged.finding.kind == FindingKind::kExploding);
      });
  const std::string flags = follows ? "" : Flags(group.kind(), report);
  if (!flags.empty()) {
    html += StrCat("<p class=\"try\"><b>Try:</b>", flags, "</p>");
  }
  return html + "</div></li>\n";
}

// ---- The headline -----------------------------------------------------------

struct Verdict {
  std::string_view level = {};  // of the style sheet
  std::string headline = {};
  std::string detail = {};
  std::string advice = {};  // HTML
};

// "In step 7", "In steps 1,201 to 1,300".
std::string StepsOf(const RunColumn& column) {
  const std::string last = StrCat(column.last_step);
  if (column.first_step == column.last_step) return StrCat("In step ", last);
  return StrCat("In steps ", column.first_step, " to ", last);
}

// The gradient at the first layer as a multiple of that at the last one, in
// words, when it was seen last.
std::string FlowText(const RunHistory& history) {
  if (history.columns().empty() || history.layers().size() < 2) return "";
  const auto& cells = history.columns().back().layers.front();
  const RunCell& ratio =
      cells[static_cast<size_t>(LayerQuantity::kGradientRatio)];
  if (ratio.count == 0) return "";
  return StrCat(StepsOf(history.columns().back()), " the gradient at ",
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
  if (found) {
    const Finding& finding = groups[0].first().finding;
    verdict.detail = StrCat(Sentence(finding.text), " It has been so ",
                            Steps(groups[0].first()), ".");
    const std::string others = OtherLayers(groups[0]);
    if (!others.empty()) verdict.detail += StrCat(" Likewise ", others, ".");
    const std::string flags = Flags(finding.kind, report);
    verdict.advice = StrCat(
        "<p class=\"advice\"><b>What helps:</b> ", EscapedHtml(finding.cure),
        ".",
        flags.empty()
            ? ""
            : StrCat(" <span class=\"try\"><b>Try</b>", flags, "</span>"),
        "</p>");
  }
  if (report.interrupted_after.has_value()) {
    verdict.detail = StrCat("Its user ended the run after step ",
                            *report.interrupted_after, ". ", verdict.detail);
  }
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
      "</p>", verdict.advice, "</section>\n", Tiles(report), "\n");
  const std::vector<Group> groups = GroupsOf(report.findings);
  auto print = [&](bool holds, std::string_view title, std::string_view id) {
    std::string items;
    for (size_t i = 0; i < groups.size(); ++i) {
      const Group& group = groups[i];
      if (i == 0 && group.holds()) continue;  // that is the verdict
      if (group.holds() == holds) items += PrintGroup(group, report);
    }
    if (items.empty()) return std::string();
    return StrCat("<section aria-labelledby=\"", id, "\"><h2 id=\"", id, "\">",
                  title, "</h2>\n<ul class=\"findings\">", items,
                  "</ul></section>\n");
  };
  html += print(true, "Also found", "findings");
  html += print(false, "Earlier in the run", "earlier");
  return html;
}

}  // namespace evengrad
