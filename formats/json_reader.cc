#include "evengrad/formats/json_reader.h"

#include <charconv>
#include <system_error>

namespace evengrad {
namespace {

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

void AppendUtf8(uint32_t code, std::string& text) {
  auto append = [&](uint32_t byte) { text += static_cast<char>(byte); };
  if (code < 0x80) {
    append(code);
  } else if (code < 0x800) {
    append(0xc0 | (code >> 6));
    append(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    append(0xe0 | (code >> 12));
    append(0x80 | ((code >> 6) & 0x3f));
    append(0x80 | (code & 0x3f));
  } else {
    append(0xf0 | (code >> 18));
    append(0x80 | ((code >> 12) & 0x3f));
    append(0x80 | ((code >> 6) & 0x3f));
    append(0x80 | (code & 0x3f));
  }
}

// The length of the character that starts with `lead`; 0 for no such byte.
size_t Utf8Length(uint8_t lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead < 0xe0) return 2;
  if (lead >= 0xe0 && lead < 0xf0) return 3;
  if (lead >= 0xf0 && lead < 0xf5) return 4;
  return 0;
}

}  // namespace

bool IsUtf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<uint8_t>(text[i]);
    const size_t length = Utf8Length(lead);
    if (length == 0 || length > text.size() - i) return false;
    for (size_t k = 1; k < length; ++k) {
      if ((static_cast<uint8_t>(text[i + k]) & 0xc0) != 0x80) return false;
    }
    // Overlong forms, surrogates and what lies beyond U+10FFFF.
    const auto next = length > 1 ? static_cast<uint8_t>(text[i + 1]) : 0;
    if ((lead == 0xe0 && next < 0xa0) || (lead == 0xed && next >= 0xa0) ||
        (lead == 0xf0 && next < 0x90) || (lead == 0xf4 && next >= 0x90)) {
      return false;
    }
    i += length;
  }
  return true;
}

size_t JsonReader::position() {
  while (position_ < text_.size() && IsSpace(text_[position_])) ++position_;
  return position_;
}

bool JsonReader::Take(char c) {
  if (position() == text_.size() || text_[position_] != c) return false;
  ++position_;
  return true;
}

absl::Status JsonReader::Expect(char c) {
  if (Take(c)) return absl::OkStatus();
  return Error("expected '", std::string(1, c), "'");
}

absl::StatusOr<uint32_t> JsonReader::HexDigits() {
  uint32_t value = 0;
  const std::string_view digits = text_.substr(position_, 4);
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value, 16);
  if (digits.size() != 4 || error != std::errc() || stop != end) {
    return Error("expected four hexadecimal digits after \\u");
  }
  position_ += 4;
  return value;
}

// The escape sequence after a backslash.
absl::Status JsonReader::Escape(std::string& result) {
  constexpr std::string_view kLetters = "\"\\/bfnrt";
  constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
  const char letter = position_ < text_.size() ? text_[position_] : '\0';
  if (const size_t i = kLetters.find(letter); i != std::string_view::npos) {
    ++position_;
    result += kMeanings[i];
    return absl::OkStatus();
  }
  if (letter != 'u') return Error("unknown escape sequence in a string");
  ++position_;
  EVENGRAD_ASSIGN_OR_RETURN(uint32_t code, HexDigits());
  if (code >= 0xdc00 && code < 0xe000) return Error("half a surrogate pair");
  if (code >= 0xd800 && code < 0xdc00) {
    if (text_.substr(position_, 2) != "\\u") {
      return Error("half a surrogate pair");
    }
    position_ += 2;
    EVENGRAD_ASSIGN_OR_RETURN(const uint32_t low, HexDigits());
    if (low < 0xdc00 || low >= 0xe000) return Error("half a surrogate pair");
    code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
  }
  AppendUtf8(code, result);
  return absl::OkStatus();
}

absl::StatusOr<std::string> JsonReader::String() {
  if (!Take('"')) return Error("expected a string");
  std::string result;
  while (true) {
    const size_t start = position_;
    while (position_ < text_.size() && text_[position_] != '"' &&
           text_[position_] != '\\' &&
           static_cast<uint8_t>(text_[position_]) >= 0x20) {
      ++position_;
    }
    const std::string_view plain = text_.substr(start, position_ - start);
    if (!IsUtf8(plain)) return Error("a string is not UTF-8");
    result += plain;
    if (position_ == text_.size()) return Error("a string does not end");
    const char c = text_[position_];
    if (c != '"' && c != '\\') return Error("a control character in a string");
    ++position_;
    if (c == '"') return result;
    EVENGRAD_RETURN_IF_ERROR(Escape(result));
  }
}

absl::StatusOr<double> JsonReader::Number() {
  const std::string_view rest = text_.substr(position());
  const std::string_view text =
      rest.substr(0, rest.find_first_not_of("-+.eE0123456789"));
  const bool starts = text.starts_with('-') ? text.size() > 1 : !text.empty();
  const char first = starts ? text[text.starts_with('-') ? 1 : 0] : '\0';
  double value = 0;
  const auto [stop, error] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (first < '0' || first > '9' || stop != text.data() + text.size() ||
      error != std::errc()) {
    return Error("expected a number");
  }
  position_ += text.size();
  return value;
}

bool JsonReader::TakeNull() {
  if (text_.substr(position(), 4) != "null") return false;
  position_ += 4;
  return true;
}

absl::StatusOr<int64_t> JsonReader::Integer() {
  const char* const begin = text_.data() + position();
  const char* const end = text_.data() + text_.size();
  int64_t value = 0;
  const auto [stop, error] = std::from_chars(begin, end, value);
  if (begin == end || *begin < '0' || *begin > '9' || error != std::errc() ||
      (*begin == '0' && stop - begin > 1) ||
      (stop != end && (*stop == '.' || *stop == 'e' || *stop == 'E'))) {
    return Error("expected a whole number from 0 to 2^63 - 1");
  }
  position_ += static_cast<size_t>(stop - begin);
  return value;
}

absl::Status JsonReader::ExpectEnd() {
  if (position() == text_.size()) return absl::OkStatus();
  return Error("more text after the end");
}

}  // namespace evengrad
