// JSON Lines: one JSON object a line (https://jsonlines.org).
//
//   absl::StatusOr<JsonLinesWriter> writer = JsonLinesWriter::Open("run.json");
//   writer->Write(JsonObject().Add("epoch", 1).Add("loss", 0.5));
//   writer->Finish();
#ifndef EVENGRAD_FORMATS_JSON_LINES_H_
#define EVENGRAD_FORMATS_JSON_LINES_H_

#include <concepts>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "evengrad/graph/export.h"

namespace evengrad {

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

// Writes "<path>.partial", a line at a time and flushed, and gives it its real
// name when it is finished: a file under that name is always complete. What
// stands at `path` stays until then. A path that is no regular file (a pipe, a
// device) is written directly.
class EVENGRAD_EXPORT JsonLinesWriter {
 public:
  static absl::StatusOr<JsonLinesWriter> Open(const std::string& path);
  JsonLinesWriter(JsonLinesWriter&&) noexcept = default;
  JsonLinesWriter& operator=(JsonLinesWriter&&) noexcept = delete;
  // Removes the partial file of a writer that was not finished.
  ~JsonLinesWriter();

  absl::Status Write(const JsonObject& object);
  absl::Status Finish();

 private:
  struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  JsonLinesWriter(std::string path, std::string written_path, std::FILE* file)
      : path_(std::move(path)),
        written_path_(std::move(written_path)),
        file_(file) {}

  std::string path_;
  std::string written_path_;  // equal to path_ when written directly
  std::unique_ptr<std::FILE, CloseFile> file_;
};

}  // namespace evengrad

#endif  // EVENGRAD_FORMATS_JSON_LINES_H_
