#include "evengrad/formats/text_scanner.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace evengrad {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";

bool IsLetterOrDigit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9');
}
bool IsWordCharacter(char c) {
  return IsLetterOrDigit(c) || c == '_' || c == '.' || c == '/' || c == '-';
}
bool IsNumberCharacter(char c) {
  return IsLetterOrDigit(c) || c == '.' || c == '-' || c == '+' || c == '_';
}
bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

void AppendEscaped(char c, std::string& out) {
  switch (c) {
    case '"':
    case '\\':
      out += {'\\', c};
      return;
    case '\n':
      out += "\\n";
      return;
    case '\t':
      out += "\\t";
      return;
    case '\r':
      out += "\\r";
      return;
    default:
      break;
  }
  const auto byte = static_cast<unsigned char>(c);
  if (byte >= 0x20 && byte != 0x7f) {
    out += c;
  } else {
    out += {'\\', 'x', kHexDigits[byte >> 4], kHexDigits[byte & 15]};
  }
}

std::optional<int> HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

// The character for which "\<c>" stands; empty where it is no escape.
std::optional<char> Escaped(char c) {
  switch (c) {
    case '"':
    case '\\':
      return c;
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case 'r':
      return '\r';
    default:
      return std::nullopt;
  }
}

}  // namespace

size_t TextScanner::Position() {
  while (offset_ < text_.size()) {
    if (IsSpace(text_[offset_])) {
      ++offset_;
    } else if (text_[offset_] == '#') {
      offset_ = std::min(text_.find('\n', offset_), text_.size());
    } else {
      break;
    }
  }
  return offset_;
}

char TextScanner::Peek() { return AtEnd() ? '\0' : text_[offset_]; }

std::string_view TextScanner::PeekWord() {
  size_t end = Position();
  while (end < text_.size() && IsWordCharacter(text_[end])) ++end;
  return text_.substr(offset_, end - offset_);
}

bool TextScanner::Take(char c) {
  if (AtEnd() || text_[offset_] != c) return false;
  ++offset_;
  return true;
}

bool TextScanner::TakeWord(std::string_view word) {
  if (PeekWord() != word) return false;
  offset_ += word.size();
  return true;
}

absl::Status TextScanner::Expect(char c, std::string_view context) {
  if (Take(c)) return absl::OkStatus();
  return Expected(StrCat("'", std::string(1, c), "' ", context));
}

absl::StatusOr<std::string> TextScanner::ReadWord(std::string_view what) {
  if (Peek() == '"') return ReadString(what);
  const std::string_view word = PeekWord();
  if (word.empty()) return Expected(what);
  offset_ += word.size();
  return std::string(word);
}

absl::StatusOr<std::string> TextScanner::ReadString(std::string_view what) {
  const size_t start = Position();
  if (!Take('"')) return Expected(StrCat(what, " in double quotes"));
  std::string result;
  while (offset_ < text_.size()) {
    const size_t place = offset_;
    const char c = text_[offset_++];
    if (c == '"') return result;
    if (c == '\n') {
      return ErrorAt(start, "the string has no end in its line: expected '\"'");
    }
    if (c != '\\') {
      result += c;
      continue;
    }
    const std::string_view rest = text_.substr(offset_);
    if (rest.size() >= 3 && rest[0] == 'x' && HexDigit(rest[1]) &&
        HexDigit(rest[2])) {
      result += static_cast<char>(*HexDigit(rest[1]) * 16 + *HexDigit(rest[2]));
      offset_ += 3;
    } else if (const auto escaped =
                   rest.empty() ? std::nullopt : Escaped(rest[0])) {
      result += *escaped;
      ++offset_;
    } else {
      return ErrorAt(
          place,
          "expected one of the escapes \\\" \\\\ \\n \\t \\r and \\x "
          "with two hexadecimal digits");
    }
  }
  return ErrorAt(start, "the string has no end: expected '\"'");
}

absl::StatusOr<int64_t> TextScanner::ReadInteger(std::string_view what) {
  const size_t start = Position();
  const std::string_view digits = ReadNumber();
  int64_t value = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value);
  if (error == std::errc::result_out_of_range) {
    return ErrorAt(start, what, " does not fit 64 bits");
  }
  if (digits.empty() || error != std::errc() || stop != end) {
    offset_ = start;
    return Expected(StrCat(what, " (an integer)"));
  }
  return value;
}

std::string_view TextScanner::ReadNumber() {
  const size_t start = Position();
  while (offset_ < text_.size() && IsNumberCharacter(text_[offset_])) {
    ++offset_;
  }
  return text_.substr(start, offset_ - start);
}

absl::Status TextScanner::Expected(std::string_view what) {
  return ErrorAt(Position(), "expected ", what, ", found ", Found());
}

std::string TextScanner::Found() {
  constexpr size_t kShown = 40;
  if (AtEnd()) return "the end of the text";
  const std::string_view word = PeekWord();
  if (word.empty()) {
    const char c = text_[offset_];
    if (c == '"') return "a string";
    if (static_cast<unsigned char>(c) >= 0x80) {
      return "a character beyond ASCII (write it in a string)";
    }
    std::string shown;
    AppendEscaped(c, shown);
    return StrCat("'", shown, "'");
  }
  if (word.size() <= kShown) return StrCat("'", word, "'");
  return StrCat("'", word.substr(0, kShown), "…'");
}

std::string TextScanner::PlaceOf(size_t offset) const {
  const size_t before = text_.substr(0, offset).rfind('\n');
  const size_t column =
      before == std::string_view::npos ? offset + 1 : offset - before;
  return StrCat(file_, ":", LineOf(offset), ":", column);
}

int64_t TextScanner::LineOf(size_t offset) const {
  return 1 + std::count(text_.begin(),
                        text_.begin() + static_cast<ptrdiff_t>(offset), '\n');
}

std::string QuotedText(std::string_view text) {
  std::string quoted = "\"";
  for (char c : text) AppendEscaped(c, quoted);
  return quoted + "\"";
}

void AppendWord(std::string_view text, std::string& out) {
  if (!text.empty() && std::all_of(text.begin(), text.end(), IsWordCharacter)) {
    out += text;
  } else {
    out += QuotedText(text);
  }
}

}  // namespace evengrad
