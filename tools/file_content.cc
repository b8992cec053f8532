#include "file_content.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>

#include "evengrad/formats/crc32c.h"
#include "evengrad/formats/input_file.h"

namespace evengrad::tools {
namespace {

// Goes on with the checksum `crc` and the size of what came before.
absl::Status AddContent(const std::string& path, uint32_t& crc, int64_t& size) {
  constexpr int64_t kPart = 1 << 20;
  EVENGRAD_ASSIGN_OR_RETURN(const InputFile file, InputFile::Open(path));
  std::string part(kPart, '\0');
  for (int64_t offset = 0; offset < file.size(); offset += kPart) {
    const int64_t count = std::min(kPart, file.size() - offset);
    EVENGRAD_RETURN_IF_ERROR(
        file.ReadAt(offset, part.data(), count, "the file"));
    crc = Crc32c(crc, part.data(), count);
  }
  size += file.size();
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> ContentOf(std::span<const std::string> paths) {
  uint32_t crc = 0;
  int64_t size = 0;
  for (const std::string& path : paths) {
    EVENGRAD_RETURN_IF_ERROR(AddContent(path, crc, size));
  }
  char digits[16];
  std::snprintf(digits, sizeof(digits), "%08x", crc);
  return StrCat(digits, "-of-", size, "-bytes");
}

}  // namespace evengrad::tools
