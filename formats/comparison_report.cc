#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <set>

#include "evengrad/formats/comparison.h"
#include "evengrad/formats/embedded_files.h"
#include "evengrad/formats/html_page.h"
#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

std::string Printed(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof(text), format, value);
  return text;
}
std::string Percent(double share) { return Printed("%.1f", 100 * share); }

std::string OrDash(const std::optional<double>& value, const char* format) {
  return value.has_value() ? Printed(format, *value) : "–";
}

// "85.0 ± 1.0"; `none` for what a single run, or a failed one, does not have.
std::string AccuracyText(const ComparisonRow& row, std::string_view plus_minus,
                         std::string_view none) {
  if (row.finished() == 0) return std::string(none);
  return StrCat(Percent(row.accuracy), " ",
                row.deviation.has_value()
                    ? StrCat(plus_minus, " ", Percent(*row.deviation))
                    : std::string(none));
}

std::string RankText(const ComparisonRow& row, std::string_view none) {
  return row.rank > 0 ? StrCat(row.rank) : std::string(none);
}

// Why the ranking leaves rows out; "" where it does not.
std::string LeftOutText(std::span<const ComparisonRow> rows) {
  const auto left_out = std::ranges::count_if(
      rows,
      [](const ComparisonRow& row) { return !row.deviation.has_value(); });
  if (left_out == 0) return "";
  return StrCat(left_out, " of ", rows.size(),
                " networks are not ranked: that takes two seeds at least whose "
                "runs come to their end.");
}

// What rows of a comparison differ in, besides activation and depth:
// "he_normal, batch norm before, clip value:1".
std::string OtherChoices(const ComparedChoice& choice) {
  std::string text;
  auto add = [&](const std::string& part) {
    text += StrCat(text.empty() ? "" : ", ", part);
  };
  if (choice.initializer != "auto") add(choice.initializer);
  if (choice.batch_norm != "none") {
    add(StrCat("batch norm ", choice.batch_norm));
  }
  if (choice.clip != "none") add(StrCat("clip ", choice.clip));
  return text;
}

std::string SettingName(const ComparedChoice& choice) {
  const std::string others = OtherChoices(choice);
  return StrCat(choice.depth, choice.depth == 1 ? " layer" : " layers",
                others.empty() ? "" : ", ", others);
}

std::string PairText(const RankingPair& pair) {
  return StrCat(pair.better, " (", Percent(pair.better_accuracy), " %) ",
                pair.holds == RankingHolds::kYes  ? "beats "
                : pair.holds == RankingHolds::kNo ? "loses to "
                                                  : "and ",
                pair.worse, " (", Percent(pair.worse_accuracy), " %)");
}

// ---- HTML -------------------------------------------------------------------

// Rows of one depth and setting, as points with their range on one scale.
std::string PrintRanking(std::span<const ComparisonRow> rows) {
  std::string html = StrCat(
      "<figure class=\"chart ranking\"><figcaption><h3>",
      EscapedHtml(SettingName(rows[0].choice)),
      "</h3><p>Validation accuracy: mean and range of the seeds, from 0 to 100 "
      "%.</p></figcaption><table><thead class=\"visually-hidden\"><tr><th "
      "scope=\"col\">rank</th><th scope=\"col\">activation</th><th "
      "scope=\"col\">range</th><th scope=\"col\">accuracy</th></tr></thead>"
      "<tbody>");
  for (const ComparisonRow& row : rows) {
    html += StrCat("<tr><td class=\"rank\">", RankText(row, "–"),
                   row.rank > 0 ? "." : "", "</td><th scope=\"row\">",
                   EscapedHtml(row.choice.activation),
                   "</th><td class=\"range\"><div class=\"track\" role=\"img\" "
                   "aria-label=\"",
                   Percent(row.least), " to ", Percent(row.most),
                   " %\"><i style=\"left:", SvgNumber(100 * row.least),
                   "%;width:", SvgNumber(100 * (row.most - row.least)),
                   "%\"></i><b style=\"left:", SvgNumber(100 * row.accuracy),
                   "%\"></b></div></td><td>",
                   row.finished() == 0 ? "failed" : AccuracyText(row, "±", "–"),
                   "</td></tr>");
  }
  return html + "</tbody></table></figure>\n";
}

std::string PrintRankings(const std::vector<ComparisonRow>& rows) {
  std::string html;
  for (size_t start = 0; start < rows.size();) {
    size_t end = start;
    while (end < rows.size() &&
           SettingName(rows[end].choice) == SettingName(rows[start].choice)) {
      ++end;
    }
    html += PrintRanking(std::span(rows).subspan(start, end - start));
    start = end;
  }
  return html;
}

std::string PrintRows(const Comparison& comparison,
                      const std::vector<ComparisonRow>& rows) {
  std::string html =
      "<div class=\"scroll\" tabindex=\"0\" role=\"region\" "
      "aria-labelledby=\"rows\"><table class=\"layers\"><thead><tr>";
  const std::string reach =
      StrCat("epochs to ", ReadableNumber(100 * comparison.target), " %");
  for (const std::string& head :
       {std::string("layers"), std::string("rank"), std::string("activation"),
        std::string("also"), std::string("accuracy"), std::string("range"),
        reach, std::string("µs a step (CPU)"),
        std::string("gradient, first / last layer: at the start"),
        std::string("at the end"), std::string("finding")}) {
    html += StrCat("<th scope=\"col\">", EscapedHtml(head), "</th>");
  }
  html += "</tr></thead><tbody>\n";
  for (const ComparisonRow& row : rows) {
    html += StrCat("<tr><td>", row.choice.depth, "</td><td>",
                   RankText(row, "–"), "</td><th scope=\"row\">",
                   EscapedHtml(row.choice.activation), "</th>");
    const std::string others = OtherChoices(row.choice);
    const std::string reached =
        row.reached == 0
            ? "–"
            : StrCat(OrDash(row.epochs_to_target, "%.1f"),
                     row.reached < row.runs
                         ? StrCat(" (", row.reached, " of ", row.runs, ")")
                         : "");
    for (const std::string& cell :
         {others.empty() ? std::string("–") : others,
          AccuracyText(row, "±", "–"),
          row.finished() == 0
              ? std::string("–")
              : StrCat(Percent(row.least), " to ", Percent(row.most)),
          reached, Printed("%.0f", row.step_microseconds),
          row.first_flow.has_value() ? ReadableNumber(*row.first_flow) : "–",
          row.last_flow.has_value() ? ReadableNumber(*row.last_flow) : "–",
          row.finding.empty() ? std::string("–") : row.finding}) {
      html += StrCat("<td>", EscapedHtml(cell), "</td>");
    }
    html += "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

std::string PrintPairs(const std::vector<RankingPair>& pairs) {
  std::string html = "<ul class=\"findings\">";
  for (const RankingPair& pair : pairs) {
    const bool holds = pair.holds == RankingHolds::kYes;
    const bool fails = pair.holds == RankingHolds::kNo;
    html += StrCat("<li class=\"finding ",
                   holds   ? "is-good"
                   : fails ? "is-bad"
                           : "is-past",
                   "\"><span class=\"mark\" aria-hidden=\"true\">",
                   holds   ? "✓"
                   : fails ? "✕"
                           : "≈",
                   "</span><div><h3>",
                   holds   ? "As in the textbook"
                   : fails ? "The other way round"
                           : "No difference beyond the spread",
                   "<small>", EscapedHtml(SettingName(pair.choice)),
                   "</small></h3><p>", EscapedHtml(PairText(pair)),
                   ".</p></div></li>\n");
  }
  return html + "</ul>";
}

}  // namespace

std::vector<std::string> RankingInWords(std::span<const RankingPair> pairs) {
  std::vector<std::string> sentences;
  int64_t all = 0, held = 0, failed = 0;
  for (size_t start = 0; start < pairs.size();) {
    size_t end = start;
    std::string yes, no, open;
    int64_t count = 0;
    for (; end < pairs.size() && pairs[end].choice == pairs[start].choice;
         ++end) {
      std::string& list = pairs[end].holds == RankingHolds::kYes  ? yes
                          : pairs[end].holds == RankingHolds::kNo ? no
                                                                  : open;
      list += StrCat(list.empty() ? "" : "; ", PairText(pairs[end]));
      held += pairs[end].holds == RankingHolds::kYes;
      failed += pairs[end].holds == RankingHolds::kNo;
      ++count;
    }
    all += count;
    std::string text = StrCat(SettingName(pairs[start].choice), ":");
    if (!yes.empty()) text += StrCat(" as in the textbook, ", yes, ".");
    if (!no.empty()) text += StrCat(" The other way round, ", no, ".");
    if (!open.empty()) {
      text += StrCat(" No difference beyond the spread: ", open, ".");
    }
    sentences.push_back(std::move(text));
    start = end;
  }
  if (all > 0) {
    sentences.insert(
        sentences.begin(),
        StrCat("Of ", all, " neighbours in the classical ranking, ", held,
               held == 1 ? " stands" : " stand",
               " on this data as in the textbook, ", failed,
               failed == 1 ? " stands" : " stand", " the other way round, and ",
               all - held - failed, " cannot be told apart."));
  }
  return sentences;
}

std::string PrintComparisonTable(const Comparison& comparison) {
  const std::vector<ComparisonRow> rows = Summarize(comparison.runs);
  // As wide as what stands in them.
  size_t activations = 14, others = 4;
  for (const ComparisonRow& row : rows) {
    activations = std::max(activations, row.choice.activation.size());
    others = std::max(others, OtherChoices(row.choice).size());
  }
  auto left = [](std::string text, size_t width) {
    text.resize(std::max(width, text.size()), ' ');
    return text;
  };
  auto right = [](const std::string& text, size_t width) {
    return StrCat(" ", std::string(width - std::min(width, text.size()), ' '),
                  text);
  };
  std::string text = StrCat(
      comparison.shared, "\n", "layers rank  ", left("activation", activations),
      "  ", left("also", others), right("accuracy", 11), right("epochs", 8),
      right("us/step", 8), right("flow", 9), right("at end", 9), "  finding\n");
  for (const ComparisonRow& row : rows) {
    text +=
        StrCat(right(StrCat(row.choice.depth), 5), right(RankText(row, "-"), 4),
               "  ", left(row.choice.activation, activations), "  ",
               left(OtherChoices(row.choice), others),
               right(AccuracyText(row, "+-", "-"), 11),
               right(row.epochs_to_target.has_value()
                         ? Printed("%.1f", *row.epochs_to_target)
                         : "-",
                     8),
               right(Printed("%.0f", row.step_microseconds), 8));
    for (const std::optional<double>& flow : {row.first_flow, row.last_flow}) {
      text += right(flow.has_value() ? Printed("%.1e", *flow) : "-", 9);
    }
    text += StrCat("  ", row.finding.empty() ? "-" : row.finding, "\n");
  }
  for (const std::string& sentence :
       RankingInWords(CheckClassicalRanking(rows))) {
    text += sentence + "\n";
  }
  const std::string left_out = LeftOutText(rows);
  return left_out.empty() ? text : StrCat(text, left_out, "\n");
}

std::string PrintComparisonReport(const Comparison& comparison) {
  const std::vector<ComparisonRow> rows = Summarize(comparison.runs);
  const std::vector<RankingPair> pairs = CheckClassicalRanking(rows);
  const std::vector<std::string> words = RankingInWords(pairs);
  std::string body = StrCat(
      "<header class=\"head\"><h1>", EscapedHtml(comparison.title), "</h1><p>",
      EscapedHtml(comparison.shared), "</p></header>\n<main>\n");
  const auto held =
      std::ranges::count(pairs, RankingHolds::kYes, &RankingPair::holds);
  const std::string head = pairs.empty()
                               ? StrCat(comparison.runs.size(), " runs")
                               : StrCat("The textbook ranking holds for ", held,
                                        " of ", pairs.size(), " neighbours");
  const bool all = held == std::ssize(pairs);
  body += StrCat("<section class=\"verdict ", all ? "is-good" : "is-warn",
                 "\" aria-labelledby=\"verdict\"><h2 id=\"verdict\">", head,
                 "</h2><p>", words.empty() ? "" : EscapedHtml(words[0]));
  if (const std::string left_out = LeftOutText(rows); !left_out.empty()) {
    body += StrCat(words.empty() ? "" : " ", left_out);
  }
  if (comparison.missing > 0) {
    body +=
        StrCat(" ", comparison.missing, " runs of the grid are not done yet.");
  }
  body += StrCat(
      "</p></section>\n<section aria-labelledby=\"ranking\"><h2 "
      "id=\"ranking\">Ranking</h2><div class=\"charts\">",
      PrintRankings(rows), "</div></section>\n");
  if (!pairs.empty()) {
    body += StrCat(
        "<section aria-labelledby=\"pairs\"><h2 id=\"pairs\">The "
        "textbook's neighbours, one by one</h2>",
        PrintPairs(pairs), "</section>\n");
  }
  body += StrCat(
      "<section aria-labelledby=\"rows\"><h2 id=\"rows\">All "
      "networks</h2>",
      PrintRows(comparison, rows),
      "</section>\n</main>\n<footer>Evengrad</footer>");
  return PrintHtmlPage({.title = comparison.title,
                        .styles = {EmbeddedFile("report.css")},
                        .body = std::move(body),
                        .scripts = {EmbeddedFile("report.js")}});
}

}  // namespace evengrad
