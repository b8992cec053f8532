#include "evengrad/formats/json_lines.h"

#include <cerrno>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <system_error>
#include <utility>

#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

// `text` as a JSON string. Bytes above 0x7f pass as they are (UTF-8).
std::string Quoted(std::string_view text) {
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

absl::Status CannotWrite(const std::string& path, int error) {
  return absl::UnavailableError(StrCat(
      path, ": cannot be written: ", std::generic_category().message(error)));
}

}  // namespace

void JsonObject::AddName(std::string_view name) {
  if (text_.size() > 1) text_ += ',';
  text_ += Quoted(name);
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
  text_ += Quoted(value);
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
  namespace fs = std::filesystem;
  std::error_code error;
  // A link is followed, so that the file it names is replaced and not the link.
  fs::path target = fs::weakly_canonical(path, error);
  if (error) target = path;
  const fs::file_status status = fs::status(target, error);
  if (fs::is_directory(status)) return CannotWrite(path, EISDIR);
  const bool direct = fs::exists(status) && !fs::is_regular_file(status);
  std::string written = target.string() + (direct ? "" : ".partial");
  std::FILE* file = std::fopen(written.c_str(), "w");
  if (file == nullptr) return CannotWrite(path, errno);
  return JsonLinesWriter(target.string(), std::move(written), file);
}

JsonLinesWriter::~JsonLinesWriter() {
  if (file_ == nullptr || written_path_ == path_) return;
  std::error_code ignored;
  std::filesystem::remove(written_path_, ignored);
}

absl::Status JsonLinesWriter::Write(const JsonObject& object) {
  if (file_ == nullptr) {
    return absl::FailedPreconditionError(
        StrCat(path_, ": nothing can be written after Finish"));
  }
  const std::string line = object.ToString() + "\n";
  if (std::fwrite(line.data(), 1, line.size(), file_.get()) != line.size() ||
      std::fflush(file_.get()) != 0) {
    return CannotWrite(path_, errno);
  }
  return absl::OkStatus();
}

absl::Status JsonLinesWriter::Finish() {
  if (file_ == nullptr) return absl::OkStatus();
  if (std::fclose(file_.release()) != 0) {
    const int error = errno;
    std::error_code ignored;
    if (written_path_ != path_) {
      std::filesystem::remove(written_path_, ignored);
    }
    return CannotWrite(path_, error);
  }
  if (written_path_ == path_) return absl::OkStatus();
  std::error_code error;
  std::filesystem::rename(written_path_, path_, error);
  if (!error) return absl::OkStatus();
  std::error_code ignored;
  std::filesystem::remove(written_path_, ignored);
  return CannotWrite(path_, error.value());
}

}  // namespace evengrad
