// Writes JSON (RFC 8259) piece by piece, on few lines.
//
//   JsonWriter json;
//   json.BeginObject().Name("size").Value(3).Name("names").BeginArray();
//   for (…) json.Value(name);
//   std::string text = json.EndArray().EndObject().Take();
#ifndef EVENGRAD_FORMATS_JSON_WRITER_H_
#define EVENGRAD_FORMATS_JSON_WRITER_H_

#include <concepts>
#include <string>
#include <string_view>
#include <utility>

namespace evengrad {

class JsonWriter {
 public:
  JsonWriter& BeginObject() { return Open('{'); }
  JsonWriter& EndObject() { return Close('}'); }
  JsonWriter& BeginArray() { return Open('['); }
  JsonWriter& EndArray() { return Close(']'); }
  JsonWriter& Name(std::string_view name);

  // Bytes that are no UTF-8 become U+FFFD.
  JsonWriter& Value(std::string_view text);
  JsonWriter& Value(const char* text) { return Value(std::string_view(text)); }
  JsonWriter& Value(const std::string& text) {
    return Value(std::string_view(text));
  }
  // The shortest digits that read back as the same number; "nan", "inf" and
  // "-inf" are strings.
  JsonWriter& Value(double number);
  JsonWriter& Value(bool value) { return Raw(value ? "true" : "false"); }
  template <std::integral T>
  JsonWriter& Value(T number) {
    return Raw(std::to_string(number));
  }
  JsonWriter& Null() { return Raw("null"); }
  // The next piece starts a line.
  JsonWriter& Line();

  std::string Take() { return std::move(text_); }

 private:
  JsonWriter& Raw(std::string_view text);
  JsonWriter& Open(char bracket);
  JsonWriter& Close(char bracket);
  void Separate();

  std::string text_;
  bool first_ = true;  // no comma before the next piece
  bool line_ = false;
};

// `text` with U+FFFD for every byte that is no part of a UTF-8 character.
std::string ValidUtf8(std::string_view text);

}  // namespace evengrad

#endif  // EVENGRAD_FORMATS_JSON_WRITER_H_
