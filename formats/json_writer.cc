#include "evengrad/formats/json_writer.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "evengrad/formats/json_lines.h"
#include "evengrad/formats/json_reader.h"

namespace evengrad {

void JsonWriter::Separate() {
  if (!first_) text_ += ',';
  if (line_) text_ += '\n';
  first_ = false;
  line_ = false;
}

JsonWriter& JsonWriter::Raw(std::string_view text) {
  Separate();
  text_ += text;
  return *this;
}

JsonWriter& JsonWriter::Open(char bracket) {
  Separate();
  text_ += bracket;
  first_ = true;
  return *this;
}

JsonWriter& JsonWriter::Close(char bracket) {
  if (line_) text_ += '\n';
  text_ += bracket;
  first_ = false;
  line_ = false;
  return *this;
}

JsonWriter& JsonWriter::Name(std::string_view name) {
  Value(name);
  text_ += ':';
  first_ = true;
  return *this;
}

JsonWriter& JsonWriter::Value(std::string_view text) {
  return Raw(QuotedJson(IsUtf8(text) ? std::string(text) : ValidUtf8(text)));
}

JsonWriter& JsonWriter::Value(double number) {
  if (std::isnan(number)) return Value("nan");
  if (std::isinf(number)) return Value(number > 0 ? "inf" : "-inf");
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof(digits), number).ptr;
  return Raw(std::string_view(digits, end - digits));
}

JsonWriter& JsonWriter::Line() {
  line_ = true;
  return *this;
}

std::string ValidUtf8(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    size_t length = 1;
    const size_t most = std::min<size_t>(4, text.size());
    while (length <= most && !IsUtf8(text.substr(0, length))) ++length;
    if (length <= most) {
      result += text.substr(0, length);
      text.remove_prefix(length);
    } else {
      result += "\xef\xbf\xbd";
      text.remove_prefix(1);
    }
  }
  return result;
}

}  // namespace evengrad
