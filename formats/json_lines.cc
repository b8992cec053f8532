#include "evengrad/formats/json_lines.h"

#include <charconv>
#include <cmath>
#include <utility>

#include "evengrad/graph/status.h"

namespace evengrad {
std::string QuotedJson(std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string quoted = "\"";
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (byte < 0x20) {
      quoted += "\\u00";
      quoted += kHex[byte >> 4];
      quoted += kHex[byte & 15];
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

void JsonObject::AddName(std::string_view name) {
  if (text_.size() > 1) text_ += ',';
  text_ += QuotedJson(name);
  text_ += ':';
}

JsonObject& JsonObject::Add(std::string_view name, double value) {
  if (!std::isfinite(value)) return AddNull(name);
  AddName(name);
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
  text_.append(digits, end);
  return *this;
}

JsonObject& JsonObject::Add(std::string_view name, bool value) {
  AddName(name);
  text_ += value ? "true" : "false";
  return *this;
}

JsonObject& JsonObject::Add(std::string_view name, std::string_view value) {
  AddName(name);
  text_ += QuotedJson(value);
  return *this;
}

JsonObject& JsonObject::AddInteger(std::string_view name, int64_t value) {
  AddName(name);
  text_ += std::to_string(value);
  return *this;
}

JsonObject& JsonObject::AddNull(std::string_view name) {
  AddName(name);
  text_ += "null";
  return *this;
}

absl::StatusOr<JsonLinesWriter> JsonLinesWriter::Open(const std::string& path) {
  EVENGRAD_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
  return JsonLinesWriter(std::move(file));
}

absl::Status JsonLinesWriter::Write(const JsonObject& object) {
  return file_.Write(object.ToString() + "\n");
}

absl::Status JsonLinesWriter::Finish() { return file_.Commit(); }

}  // namespace evengrad
