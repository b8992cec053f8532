// What all HTML pages of Evengrad share: one file that opens offline, in light
// and dark, without anything beside it; and the escaping that keeps text of the
// user's from becoming a part of the page.
//
//   HtmlPage page = {.title = "mnist.eg: plan",
//                    .styles = {EmbeddedFile("graph_view.css")},
//                    .body = "<main id=\"view\"></main>",
//                    .data = {{"graph", json}},
//                    .scripts = {EmbeddedFile("graph_view.js")}};
//   std::string file = PrintHtmlPage(page);
//
// The look stands in formats/html/page.css: colours, fonts and sizes are custom
// properties (--surface, --text, --forward, --gradient …) with values for light
// and dark, and pages use nothing else. formats/html/page.js holds what scripts
// of pages share (object `page`): elements, digits, ticks, colour scales.
#ifndef EVENGRAD_FORMATS_HTML_PAGE_H_
#define EVENGRAD_FORMATS_HTML_PAGE_H_

#include <string>
#include <string_view>
#include <vector>

namespace evengrad {

struct PageData {
  std::string id = {};    // of the element that holds it
  std::string json = {};  // one JSON value
};

struct HtmlPage {
  std::string title = {};                      // plain text
  std::vector<std::string_view> styles = {};   // CSS, after page.css
  std::string body = {};                       // HTML, escaped where it must be
  std::vector<PageData> data = {};             // page.data(id) in scripts
  std::vector<std::string_view> scripts = {};  // JavaScript, after page.js
};

// The whole file. Its policy (Content-Security-Policy) forbids every load from
// elsewhere.
std::string PrintHtmlPage(const HtmlPage& page);

// `text` for an element's text or an attribute in quotes, in HTML and SVG:
// & < > " and ' are escaped; bytes that are no UTF-8, and control characters
// other than tab and line feed, become U+FFFD.
std::string EscapedHtml(std::string_view text);

// `json` for a script element: still the same JSON value, without any '<'
// (which could end the element), in UTF-8.
std::string EscapedScriptJson(std::string_view json);

// A coordinate with at most two decimals: "12.5", "3"; "0" where it is not
// finite.
std::string SvgNumber(double number);

// At most four significant digits for people: "0.01234", "1.5e-7", "12,300",
// "inf", "nan".
std::string ReadableNumber(double number);

// Round numbers from `low` to `high`, at most `most` of them (at least 2): for
// the axis of a chart. Empty unless low < high and both are finite.
std::vector<double> LinearTicks(double low, double high, int most);
// Powers of ten from `low` to `high`, every n-th so that there are at most
// `most`. Empty unless 0 < low < high and both are finite.
std::vector<double> LogTicks(double low, double high, int most);

}  // namespace evengrad

#endif  // EVENGRAD_FORMATS_HTML_PAGE_H_
