#include "evengrad/formats/input_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace evengrad {
namespace {

// Bytes a call of pread; Linux gives no more than 2 GiB.
constexpr int64_t kLargestRead = int64_t{1} << 26;

absl::Status CannotRead(const std::string& path, int error) {
  const std::string message = StrCat(
      path, ": cannot be read: ", std::generic_category().message(error));
  return error == ENOENT ? absl::NotFoundError(message)
                         : absl::UnavailableError(message);
}

}  // namespace

absl::StatusOr<InputFile> InputFile::Open(const std::string& path) {
  // Not blocked by a pipe that nobody writes to.
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return CannotRead(path, errno);
  struct stat status = {};
  const int error = fstat(descriptor, &status) == 0 ? 0 : errno;
  InputFile file(path, descriptor, status.st_size);
  if (error != 0) return CannotRead(path, error);
  if (S_ISDIR(status.st_mode)) return CannotRead(path, EISDIR);
  if (!S_ISREG(status.st_mode)) {
    return absl::UnavailableError(
        StrCat(path, ": cannot be read: it is no regular file"));
  }
  return file;
}

InputFile::~InputFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

absl::Status InputFile::ReadAt(int64_t offset, void* bytes, int64_t size,
                               std::string_view what) const {
  auto* target = static_cast<char*>(bytes);
  for (int64_t done = 0; done < size;) {
    const ssize_t count =
        pread(descriptor_, target + done,
              static_cast<size_t>(std::min(size - done, kLargestRead)),
              offset + done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return CannotRead(path_, errno);
    if (count == 0) {
      return Error("truncated: ", what, " has ", size, " bytes, only ", done,
                   " are in the file");
    }
    done += count;
  }
  return absl::OkStatus();
}

}  // namespace evengrad
