#include "evengrad/formats/atomic_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

namespace fs = std::filesystem;

// Bytes a call of write; Linux takes no more than 2 GiB.
constexpr int64_t kLargestWrite = int64_t{1} << 26;

absl::Status CannotWrite(const std::string& path, int error) {
  const std::string message = StrCat(
      path, ": cannot be written: ", std::generic_category().message(error));
  switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return absl::ResourceExhaustedError(message);
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::PermissionDeniedError(message);
    default:
      return absl::UnavailableError(message);
  }
}

// Calls `function` until no signal interrupts it.
template <typename Function>
auto Retry(Function&& function) {
  decltype(function()) result;
  do {
    result = function();
  } while (result < 0 && errno == EINTR);
  return result;
}

std::string FolderOf(const std::string& path) {
  const std::string folder = fs::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

// Opens `partial` for this writer alone and empties it: the descriptor, or -1
// with errno. A lock says that another writer is at work; it goes when that
// program ends, however it ends.
int OpenPartial(const std::string& partial) {
  constexpr int kAttempts = 100;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const int descriptor = Retry([&] {
      return open(partial.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
                  0666);
    });
    if (descriptor < 0) return -1;
    auto fail = [&](int error) {
      close(descriptor);
      errno = error;
      return -1;
    };
    if (Retry([&] { return flock(descriptor, LOCK_EX | LOCK_NB); }) != 0 &&
        errno == EWOULDBLOCK) {
      return fail(EWOULDBLOCK);
    }
    struct stat opened = {}, named = {};
    if (fstat(descriptor, &opened) != 0) return fail(errno);
    if (!S_ISREG(opened.st_mode)) return fail(EEXIST);
    // Another writer may have committed or removed it before the lock was ours.
    if (stat(partial.c_str(), &named) != 0 || named.st_ino != opened.st_ino ||
        named.st_dev != opened.st_dev) {
      close(descriptor);
      continue;
    }
    if (Retry([&] { return ftruncate(descriptor, 0); }) != 0) {
      return fail(errno);
    }
    return descriptor;
  }
  errno = EWOULDBLOCK;
  return -1;
}

}  // namespace

absl::StatusOr<AtomicFile> AtomicFile::Create(const std::string& path) {
  std::error_code error;
  fs::path target = fs::weakly_canonical(path, error);
  if (error || path.empty()) target = path;
  struct stat status = {};
  const bool exists = stat(target.c_str(), &status) == 0;
  if (exists && S_ISDIR(status.st_mode)) return CannotWrite(path, EISDIR);
  if (exists && !S_ISREG(status.st_mode)) {
    const int descriptor =
        Retry([&] { return open(target.c_str(), O_WRONLY | O_CLOEXEC); });
    if (descriptor < 0) return CannotWrite(path, errno);
    return AtomicFile(path, target.string(), target.string(), descriptor);
  }
  std::string partial = target.string() + ".partial";
  const int descriptor = OpenPartial(partial);
  if (descriptor < 0 && errno == EWOULDBLOCK) {
    return absl::UnavailableError(StrCat(
        path, ": cannot be written: another writer has ", partial, " open"));
  }
  if (descriptor < 0) return CannotWrite(path, errno);
  AtomicFile file(path, target.string(), std::move(partial), descriptor);
  if (exists && fchmod(descriptor, status.st_mode & 07777) != 0) {
    return CannotWrite(path, errno);
  }
  return file;
}

AtomicFile::~AtomicFile() {
  if (descriptor_ < 0) return;
  // Removed before the lock goes: the name must not be another writer's yet.
  if (!direct()) unlink(written_path_.c_str());
  close(descriptor_);
}

absl::Status AtomicFile::Write(const void* bytes, int64_t size) {
  if (descriptor_ < 0) {
    return absl::FailedPreconditionError(
        StrCat(path_, ": nothing can be written after it was finished"));
  }
  const auto* source = static_cast<const char*>(bytes);
  while (size > 0) {
    const ssize_t count = Retry([&] {
      return write(descriptor_, source,
                   static_cast<size_t>(std::min(size, kLargestWrite)));
    });
    if (count < 0) return CannotWrite(path_, errno);
    source += count;
    size -= count;
  }
  return absl::OkStatus();
}

absl::Status AtomicFile::Sync() {
  if (Retry([&] { return fsync(descriptor_); }) == 0) return absl::OkStatus();
  // A pipe or device may have nothing to put on a disk.
  if (direct() && (errno == EINVAL || errno == EROFS || errno == ENOTSUP)) {
    return absl::OkStatus();
  }
  return CannotWrite(path_, errno);
}

absl::Status AtomicFile::Commit() {
  if (descriptor_ < 0) return absl::OkStatus();
  EVENGRAD_RETURN_IF_ERROR(Sync());
  if (!direct() && std::rename(written_path_.c_str(), target_.c_str()) != 0) {
    return CannotWrite(path_, errno);
  }
  const bool renamed = !direct();
  if (close(std::exchange(descriptor_, -1)) != 0 && errno != EINTR) {
    return CannotWrite(path_, errno);
  }
  return renamed ? SyncFolder(FolderOf(target_)) : absl::OkStatus();
}

absl::Status SyncFolder(const std::string& folder) {
  const int descriptor = Retry(
      [&] { return open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
  if (descriptor < 0) return CannotWrite(folder, errno);
  const int result = Retry([&] { return fsync(descriptor); });
  const int error = errno;
  close(descriptor);
  // Some file systems have no such thing for folders.
  if (result == 0 || error == EINVAL || error == ENOTSUP) {
    return absl::OkStatus();
  }
  return CannotWrite(folder, error);
}

absl::Status MakeFolder(const std::string& folder) {
  std::error_code error;
  if (fs::is_directory(folder, error)) return absl::OkStatus();
  const std::string parent = FolderOf(folder);
  if (parent != folder) EVENGRAD_RETURN_IF_ERROR(MakeFolder(parent));
  if (mkdir(folder.c_str(), 0777) != 0 &&
      !(errno == EEXIST && fs::is_directory(folder, error))) {
    return CannotWrite(folder, errno);
  }
  return SyncFolder(parent);
}

}  // namespace evengrad
