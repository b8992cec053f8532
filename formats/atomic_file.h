// A file that appears under its name whole or not at all.
//
//   EVENGRAD_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create("run.json"));
//   EVENGRAD_RETURN_IF_ERROR(file.Write(bytes));
//   EVENGRAD_RETURN_IF_ERROR(file.Commit());
#ifndef EVENGRAD_FORMATS_ATOMIC_FILE_H_
#define EVENGRAD_FORMATS_ATOMIC_FILE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "evengrad/graph/export.h"

namespace evengrad {

// Writes "<path>.partial", in the folder of the file. Commit puts the bytes on
// the disk, gives the file its name and puts that on the disk too; until then
// what stands at `path` stays as it was, whatever happens to the program or the
// machine. A partial file that a killed program left behind is written over.
//
// A symbolic link is followed, and the file it names replaced; the mode of a
// file that is replaced is kept. A path that is no regular file (a pipe, a
// device) is written directly.
//
// Errors name the path and the cause: "run.json: cannot be written: No space
// left on device". A program that sets a limit on the size of its files must
// ignore SIGXFSZ to get that error rather than the signal.
class EVENGRAD_EXPORT AtomicFile {
 public:
  // Errors: the system's; another writer has the partial file open.
  static absl::StatusOr<AtomicFile> Create(const std::string& path);
  AtomicFile(AtomicFile&& other) noexcept
      : path_(std::move(other.path_)),
        target_(std::move(other.target_)),
        written_path_(std::move(other.written_path_)),
        descriptor_(std::exchange(other.descriptor_, -1)) {}
  AtomicFile& operator=(AtomicFile&&) = delete;
  // Removes a partial file that was not committed.
  ~AtomicFile();

  // Appends; the bytes have been handed to the system on return.
  absl::Status Write(std::string_view bytes) {
    return Write(bytes.data(), static_cast<int64_t>(bytes.size()));
  }
  absl::Status Write(const void* bytes, int64_t size);
  // Nothing can be written afterwards. A second call does nothing.
  absl::Status Commit();

  // As it was given.
  const std::string& path() const { return path_; }

 private:
  AtomicFile(std::string path, std::string target, std::string written_path,
             int descriptor)
      : path_(std::move(path)),
        target_(std::move(target)),
        written_path_(std::move(written_path)),
        descriptor_(descriptor) {}
  bool direct() const { return written_path_ == target_; }
  absl::Status Sync();

  std::string path_;
  std::string target_;        // links followed
  std::string written_path_;  // equal to target_ when written directly
  int descriptor_;            // -1 once committed
};

// Makes the entries of a folder durable: files that were made, renamed or
// removed in it.
EVENGRAD_EXPORT absl::Status SyncFolder(const std::string& folder);

// Makes a folder, and those around it, and their entries durable. Nothing
// happens where it exists. Error: the system's.
EVENGRAD_EXPORT absl::Status MakeFolder(const std::string& folder);

}  // namespace evengrad

#endif  // EVENGRAD_FORMATS_ATOMIC_FILE_H_
