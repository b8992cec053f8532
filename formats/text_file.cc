#include "evengrad/formats/text_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

// A descriptor that is closed when it goes.
class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  ~File() { Close(); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  bool is_open() const { return descriptor_ >= 0; }
  int get() const { return descriptor_; }
  bool Close() {
    return descriptor_ < 0 || close(std::exchange(descriptor_, -1)) == 0;
  }

 private:
  int descriptor_;
};

std::string Reason(int error) { return std::generic_category().message(error); }

absl::Status CannotWrite(const std::string& path, int error) {
  return absl::UnavailableError(
      StrCat(path, ": cannot be written: ", Reason(error)));
}

// 0, or the error.
int WriteAll(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR) return errno;
    if (written > 0) bytes.remove_prefix(static_cast<size_t>(written));
  }
  return 0;
}

}  // namespace

absl::StatusOr<std::string> ReadWholeFile(const std::string& path,
                                          int64_t max_bytes) {
  const File file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) {
    const int error = errno;
    const std::string message =
        StrCat(path, ": cannot be read: ", Reason(error));
    if (error == ENOENT) return absl::NotFoundError(message);
    return absl::UnavailableError(message);
  }
  auto too_long = [&](int64_t bytes) {
    return InvalidArgument(path, ": the file has ", bytes,
                           " bytes or more; at most ", max_bytes, " are read");
  };
  struct stat status = {};
  if (fstat(file.get(), &status) == 0 && S_ISREG(status.st_mode) &&
      status.st_size > max_bytes) {
    return too_long(status.st_size);
  }
  constexpr size_t kBlock = size_t{1} << 16;
  std::string bytes;
  while (true) {
    const size_t size = bytes.size();
    if (static_cast<int64_t>(size) > max_bytes) return too_long(max_bytes + 1);
    if (size + kBlock > bytes.capacity()) {
      bytes.reserve(
          std::max(2 * bytes.capacity(),
                   static_cast<size_t>(std::max<int64_t>(status.st_size, 0)) +
                       2 * kBlock));
    }
    bytes.resize(size + kBlock);
    const ssize_t found = read(file.get(), bytes.data() + size, kBlock);
    const int error = errno;
    bytes.resize(size + static_cast<size_t>(std::max<ssize_t>(found, 0)));
    if (found == 0) return bytes;
    if (found < 0 && error != EINTR) {
      return absl::UnavailableError(
          StrCat(path, ": cannot be read: ", Reason(error)));
    }
  }
}

absl::Status ReplaceWholeFile(const std::string& path,
                              std::string_view contents) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  // A link is followed, so that the file it names is replaced and not the link.
  fs::path target = fs::weakly_canonical(path, ignored);
  if (ignored) target = path;
  const fs::file_status status = fs::status(target, ignored);
  if (fs::is_directory(status)) return CannotWrite(path, EISDIR);
  const bool direct = fs::exists(status) && !fs::is_regular_file(status);
  const std::string written =
      direct ? target.string() : StrCat(target.string(), ".partial.", getpid());
  File file(
      open(written.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (!file.is_open()) return CannotWrite(path, errno);
  int error = WriteAll(file.get(), contents);
  if (error == 0 && !direct && fsync(file.get()) != 0) error = errno;
  if (!file.Close() && error == 0) error = errno;
  if (direct) {
    return error == 0 ? absl::OkStatus() : CannotWrite(path, error);
  }
  if (error == 0 && rename(written.c_str(), target.c_str()) != 0) error = errno;
  if (error == 0) return absl::OkStatus();
  fs::remove(written, ignored);
  return CannotWrite(path, error);
}

}  // namespace evengrad
