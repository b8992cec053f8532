// Reads JSON (RFC 8259) piece by piece, for files whose structure is known:
//
//   JsonReader json(text);
//   status = json.Object([&](std::string name) -> absl::Status {
//     if (name == "size") { … json.Integer() … }
//     return json.Error("unknown member '", name, "'");
//   });
//
// Nothing is built but what the caller keeps, and nothing nests deeper than the
// caller's own code. Errors say at which byte: "byte 17: expected ','".
#ifndef EVENGRAD_FORMATS_JSON_READER_H_
#define EVENGRAD_FORMATS_JSON_READER_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "evengrad/graph/status.h"

namespace evengrad {

class JsonReader {
 public:
  // `text` must outlive the reader.
  explicit JsonReader(std::string_view text) : text_(text) {}

  // An object: calls `member(name)` for each of its members, which must read
  // the member's value. A name that occurs twice is an error only where the
  // caller makes it one.
  template <typename Member>
  absl::Status Object(Member&& member);
  // An array: calls `element()` for each element, which must read it.
  template <typename Element>
  absl::Status Array(Element&& element);
  // A string, its escapes resolved. Errors: bytes that are no UTF-8, half a
  // surrogate pair.
  absl::StatusOr<std::string> String();
  // A whole number from 0 to 2^63 - 1 in digits alone.
  absl::StatusOr<int64_t> Integer();
  // A number as JSON writes it.
  absl::StatusOr<double> Number();
  // Takes `null` when it comes next.
  bool TakeNull();
  // Nothing but white space is left.
  absl::Status ExpectEnd();

  // Where the next piece starts.
  size_t position();
  template <typename... T>
  absl::Status Error(const T&... parts) const {
    return InvalidArgument("byte ", position_, ": ", parts...);
  }

 private:
  // Takes `c` when it comes next, white space aside.
  bool Take(char c);
  absl::Status Expect(char c);
  absl::StatusOr<uint32_t> HexDigits();
  absl::Status Escape(std::string& result);

  std::string_view text_;
  size_t position_ = 0;
};

// True for a sequence of whole UTF-8 characters (RFC 3629).
bool IsUtf8(std::string_view text);

template <typename Member>
absl::Status JsonReader::Object(Member&& member) {
  EVENGRAD_RETURN_IF_ERROR(Expect('{'));
  if (Take('}')) return absl::OkStatus();
  do {
    EVENGRAD_ASSIGN_OR_RETURN(std::string name, String());
    EVENGRAD_RETURN_IF_ERROR(Expect(':'));
    EVENGRAD_RETURN_IF_ERROR(member(std::move(name)));
  } while (Take(','));
  return Expect('}');
}

template <typename Element>
absl::Status JsonReader::Array(Element&& element) {
  EVENGRAD_RETURN_IF_ERROR(Expect('['));
  if (Take(']')) return absl::OkStatus();
  do {
    EVENGRAD_RETURN_IF_ERROR(element());
  } while (Take(','));
  return Expect(']');
}

}  // namespace evengrad

#endif  // EVENGRAD_FORMATS_JSON_READER_H_
