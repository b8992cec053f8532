#include "flag_text.h"

#include <cmath>
#include <cstdio>

#include "evengrad/graph/suggest.h"

namespace evengrad::tools {

std::optional<double> ParseFinite(std::string_view text) {
  const std::optional<double> number = ParseNumber<double>(text);
  return number.has_value() && std::isfinite(*number) ? number : std::nullopt;
}

absl::Status UnknownName(std::string_view flag, std::string_view given,
                         std::string_view name,
                         const std::vector<std::string_view>& known) {
  return BadFlag(flag, given, "expected ", Listed(known),
                 DidYouMean(name, known));
}

absl::Status CheckThreads(int threads) {
  if (threads >= 0 && threads <= 256) return absl::OkStatus();
  return BadFlag("threads", StrCat(threads),
                 "expected 1 to 256, or 0 for one a core");
}

std::vector<std::string_view> SplitAt(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (size_t end; (end = text.find(separator)) != std::string_view::npos;
       text.remove_prefix(end + 1)) {
    parts.push_back(text.substr(0, end));
  }
  parts.push_back(text);
  return parts;
}

std::string Listed(const std::vector<std::string_view>& names) {
  std::string list;
  for (size_t i = 0; i < names.size(); ++i) {
    const bool last = i + 1 == names.size();
    list += StrCat(i == 0 ? "" : last ? " or " : ", ", names[i]);
  }
  return list;
}

std::string Digits(double value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof(text), value).ptr;
  return {text, end};
}

std::string ShortNumber(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.3g", value);
  return text;
}

}  // namespace evengrad::tools
