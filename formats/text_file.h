// Whole files: read up to a bound, and replaced in one step.
#ifndef EVENGRAD_FORMATS_TEXT_FILE_H_
#define EVENGRAD_FORMATS_TEXT_FILE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace evengrad {

// The bytes of the file. Errors name the path: no such file (NOT_FOUND), a
// folder, no permission, more than `max_bytes`.
absl::StatusOr<std::string> ReadWholeFile(const std::string& path,
                                          int64_t max_bytes);

// Gives `path` the bytes of `contents`. A regular file, or the one that a link
// names, is replaced at once: whoever opens it finds the old bytes or the new
// ones, after a crash too. A pipe or device is written directly.
absl::Status ReplaceWholeFile(const std::string& path,
                              std::string_view contents);

}  // namespace evengrad

#endif  // EVENGRAD_FORMATS_TEXT_FILE_H_
