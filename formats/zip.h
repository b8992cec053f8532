// ZIP archives, as far as NPZ files need them: stored and deflated entries,
// also of more than 4 GiB; no encryption, no parts on other disks.
// https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
#ifndef EVENGRAD_FORMATS_ZIP_H_
#define EVENGRAD_FORMATS_ZIP_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "evengrad/formats/input_file.h"

namespace evengrad {

struct ZipEntry {
  std::string name = {};
  bool deflated = false;
  uint32_t crc32 = 0;
  int64_t stored_size = 0;  // in the archive
  int64_t size = 0;
  int64_t header_offset = 0;
};

// The archive's table of contents, checked against the file's size: entries
// that lie within it, each name once, no more inflated bytes than the stored
// ones can become. Errors name the file, and the entry.
absl::StatusOr<std::vector<ZipEntry>> ReadZipDirectory(const InputFile& file);

// Reads one entry from its start to its end.
class ZipEntryReader {
 public:
  // `file` must outlive the reader. Error: no such entry there.
  static absl::StatusOr<ZipEntryReader> Open(const InputFile& file,
                                             const ZipEntry& entry);
  ZipEntryReader(ZipEntryReader&&) noexcept;
  ~ZipEntryReader();

  // Fills `bytes`; `what` names the part in messages. Inflates no more than
  // that.
  absl::Status Read(void* bytes, int64_t size, std::string_view what);
  // OK at the end of the entry, whose checksum is right.
  absl::Status ExpectEnd();

 private:
  struct State;
  explicit ZipEntryReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace evengrad

#endif  // EVENGRAD_FORMATS_ZIP_H_
