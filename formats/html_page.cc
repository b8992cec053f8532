#include "evengrad/formats/html_page.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>

#include "evengrad/formats/embedded_files.h"
#include "evengrad/formats/json_writer.h"
#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

// Appends `text` character by character: `escape(c)` is what stands for an
// ASCII character, or empty for itself.
template <typename Escape>
std::string Escaped(std::string_view text, const Escape& escape) {
  std::string result;
  result.reserve(text.size() + text.size() / 8);
  for (const char c : ValidUtf8(text)) {
    const std::string_view replaced =
        static_cast<unsigned char>(c) < 0x80 ? escape(c) : std::string_view();
    if (replaced.empty()) {
      result += c;
    } else {
      result += replaced;
    }
  }
  return result;
}

std::string_view HtmlEscape(char c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    case '\t':
    case '\n':
      return {};
    default:
      return c < 0x20 || c == 0x7f ? kReplacement : std::string_view();
  }
}

// The digits of a number in scientific notation without zeros at the end:
// "1.5e-7".
std::string Scientific(double number) {
  std::array<char, 32> digits;
  const auto result =
      std::to_chars(digits.data(), digits.data() + digits.size(), number,
                    std::chars_format::scientific, 2);
  std::string text(digits.data(), result.ptr);
  const size_t e = text.find('e');
  std::string mantissa = text.substr(0, e);
  mantissa.erase(mantissa.find_last_not_of('0') + 1);
  if (mantissa.ends_with('.')) mantissa.pop_back();
  int exponent = 0;
  const char* const begin = text.data() + e + (text[e + 1] == '+' ? 2 : 1);
  std::from_chars(begin, text.data() + text.size(), exponent);
  return StrCat(mantissa, "e", exponent);
}

// 1, 2 or 5 times a power of ten, at least `step`.
double RoundStep(double step) {
  const double power = std::pow(10, std::floor(std::log10(step)));
  for (double factor : {1, 2, 5}) {
    if (factor * power >= step * (1 - 1e-9)) return factor * power;
  }
  return 10 * power;
}

}  // namespace

std::string EscapedHtml(std::string_view text) {
  return Escaped(text, HtmlEscape);
}

std::string EscapedScriptJson(std::string_view json) {
  return Escaped(json, [](char c) {
    return c == '<' ? std::string_view("\\u003c") : std::string_view();
  });
}

std::string SvgNumber(double number) {
  if (!std::isfinite(number)) return "0";
  std::array<char, 400> digits;
  const auto result =
      std::to_chars(digits.data(), digits.data() + digits.size(), number,
                    std::chars_format::fixed, 2);
  std::string text(digits.data(), result.ptr);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text == "-0" ? "0" : text;
}

std::string ReadableNumber(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number > 0 ? "inf" : "-inf";
  const double size = std::fabs(number);
  if (size == 0) return "0";
  if (size < 1e-3 || size >= 1e6) return Scientific(number);
  std::array<char, 32> text;
  const int digits = static_cast<int>(std::floor(std::log10(size))) + 1;
  std::snprintf(text.data(), text.size(), "%.*f", std::max(0, 4 - digits),
                number);
  std::string result = text.data();
  if (result.find('.') != std::string::npos) {
    result.erase(result.find_last_not_of('0') + 1);
    if (result.ends_with('.')) result.pop_back();
  }
  const size_t whole = std::min(result.find('.'), result.size());
  const size_t first = number < 0 ? 1 : 0;
  for (size_t at = whole; at > first + 3; at -= 3)
    result.insert(at - 3, 1, ',');
  return result;
}

std::vector<double> LinearTicks(double low, double high, int most) {
  std::vector<double> ticks;
  if (!(low < high) || !std::isfinite(high - low)) return ticks;
  const double step = RoundStep((high - low) / std::max(1, most - 1));
  const auto first = static_cast<int64_t>(std::ceil(low / step - 1e-9));
  for (int64_t i = first; static_cast<double>(i) * step <= high + step * 1e-9;
       ++i) {
    ticks.push_back(static_cast<double>(i) * step);
  }
  return ticks;
}

std::vector<double> LogTicks(double low, double high, int most) {
  std::vector<double> ticks;
  if (!(0 < low && low < high) || !std::isfinite(high)) return ticks;
  const int first = static_cast<int>(std::ceil(std::log10(low) - 1e-9));
  const int last = static_cast<int>(std::floor(std::log10(high) + 1e-9));
  const int gaps = std::max(1, most - 1);
  const int step = std::max(1, (last - first + gaps - 1) / gaps);
  for (int power = first; power <= last; power += step) {
    ticks.push_back(std::pow(10.0, power));
  }
  return ticks;
}

std::string PrintHtmlPage(const HtmlPage& page) {
  std::string text = StrCat(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src "
      "'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src "
      "data:\">\n<meta name=\"viewport\" "
      "content=\"width=device-width,initial-scale=1\">\n<title>",
      EscapedHtml(page.title), "</title>\n<style>\n", EmbeddedFile("page.css"),
      "@media (prefers-color-scheme: dark) {\n"
      ":root:not([data-theme=\"light\"]) {\n",
      EmbeddedFile("dark.css"), "}\n}\n:root[data-theme=\"dark\"] {\n",
      EmbeddedFile("dark.css"), "}\n");
  for (std::string_view style : page.styles) text += style;
  text += StrCat("</style>\n</head>\n<body>\n", page.body, "\n");
  for (const PageData& data : page.data) {
    text +=
        StrCat("<script type=\"application/json\" id=\"", EscapedHtml(data.id),
               "\">", EscapedScriptJson(data.json), "</script>\n");
  }
  text += StrCat("<script>\n", EmbeddedFile("page.js"));
  for (std::string_view script : page.scripts) text += script;
  text += "</script>\n</body>\n</html>\n";
  return text;
}

}  // namespace evengrad
