// A file that is read at places of the reader's choice. Errors name its path.
#ifndef EVENGRAD_FORMATS_INPUT_FILE_H_
#define EVENGRAD_FORMATS_INPUT_FILE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "evengrad/graph/export.h"
#include "evengrad/graph/status.h"

namespace evengrad {

class EVENGRAD_EXPORT InputFile {
 public:
  // Errors: the system's; a path that is no regular file.
  static absl::StatusOr<InputFile> Open(const std::string& path);
  InputFile(InputFile&& other) noexcept
      : path_(std::move(other.path_)),
        descriptor_(std::exchange(other.descriptor_, -1)),
        size_(other.size_) {}
  InputFile& operator=(InputFile&&) = delete;
  ~InputFile();

  const std::string& path() const { return path_; }
  int64_t size() const { return size_; }  // when it was opened

  // Fills `bytes` from `offset` on; `what` names the part in messages. Error:
  // the file ends before.
  absl::Status ReadAt(int64_t offset, void* bytes, int64_t size,
                      std::string_view what) const;

  // "<path>: <parts>", the status of a file whose content is wrong.
  template <typename... T>
  absl::Status Error(const T&... parts) const {
    return absl::DataLossError(StrCat(path_, ": ", parts...));
  }

 private:
  InputFile(std::string path, int descriptor, int64_t size)
      : path_(std::move(path)), descriptor_(descriptor), size_(size) {}

  std::string path_;
  int descriptor_;
  int64_t size_;
};

}  // namespace evengrad

#endif  // EVENGRAD_FORMATS_INPUT_FILE_H_
