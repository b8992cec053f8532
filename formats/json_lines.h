// JSON Lines: one JSON object a line (https://jsonlines.org).
//
//   absl::StatusOr<JsonLinesWriter> writer = JsonLinesWriter::Open("run.json");
//   writer->Write(JsonObject().Add("epoch", 1).Add("loss", 0.5));
//   writer->Finish();
#ifndef EVENGRAD_FORMATS_JSON_LINES_H_
#define EVENGRAD_FORMATS_JSON_LINES_H_

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "evengrad/formats/atomic_file.h"
#include "evengrad/graph/export.h"

namespace evengrad {

// `text` as a JSON string. Bytes above 0x7f pass as they are (UTF-8).
EVENGRAD_EXPORT std::string QuotedJson(std::string_view text);

// A flat JSON object; its members stay in the order in which they were added.
class EVENGRAD_EXPORT JsonObject {
 public:
  // The shortest digits that read back as the same number; null where it is not
  // finite, which JSON cannot say.
  JsonObject& Add(std::string_view name, double value);
  JsonObject& Add(std::string_view name, bool value);
  JsonObject& Add(std::string_view name, std::string_view value);
  JsonObject& Add(std::string_view name, const char* value) {
    return Add(name, std::string_view(value));
  }
  template <std::integral T>
  JsonObject& Add(std::string_view name, T value) {
    return AddInteger(name, static_cast<int64_t>(value));
  }
  JsonObject& AddNull(std::string_view name);

  // "{"epoch":1,"loss":0.5}".
  std::string ToString() const { return text_ + "}"; }

 private:
  JsonObject& AddInteger(std::string_view name, int64_t value);
  void AddName(std::string_view name);

  std::string text_ = "{";
};

// Writes a line at a time to the partial file of an AtomicFile, whose real name
// the file gets when it is finished: a file under that name is always complete.
class EVENGRAD_EXPORT JsonLinesWriter {
 public:
  static absl::StatusOr<JsonLinesWriter> Open(const std::string& path);

  absl::Status Write(const JsonObject& object);
  absl::Status Finish();

 private:
  explicit JsonLinesWriter(AtomicFile file) : file_(std::move(file)) {}

  AtomicFile file_;
};

}  // namespace evengrad

#endif  // EVENGRAD_FORMATS_JSON_LINES_H_
