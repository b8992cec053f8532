// How the command line reads the texts of its flags, and complains about them.
#ifndef EVENGRAD_TOOLS_FLAG_TEXT_H_
#define EVENGRAD_TOOLS_FLAG_TEXT_H_

#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "evengrad/graph/status.h"

namespace evengrad::tools {

// All of `text` as a number; empty where it is none.
template <typename T>
std::optional<T> ParseNumber(std::string_view text) {
  T value;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

// The same, and finite.
std::optional<double> ParseFinite(std::string_view text);

// "--flag=given: message".
template <typename... T>
absl::Status BadFlag(std::string_view flag, std::string_view given,
                     const T&... message) {
  return InvalidArgument("--", flag, "=", given, ": ", message...);
}

// "--flag=given: expected a, b or c; did you mean 'b'?", where `name` is the
// part of `given` that is none of `known`.
absl::Status UnknownName(std::string_view flag, std::string_view given,
                         std::string_view name,
                         const std::vector<std::string_view>& known);

// Error: a number of --threads below 0 or above 256.
absl::Status CheckThreads(int threads);

// The parts of `text` between `separator`s.
std::vector<std::string_view> SplitAt(std::string_view text, char separator);

// "a, b or c".
std::string Listed(const std::vector<std::string_view>& names);

// The shortest digits that read back as the same number.
std::string Digits(double value);

// Three significant digits.
std::string ShortNumber(double value);

}  // namespace evengrad::tools

#endif  // EVENGRAD_TOOLS_FLAG_TEXT_H_
