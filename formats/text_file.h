// Whole files, read up to a bound.
#ifndef EVENGRAD_FORMATS_TEXT_FILE_H_
#define EVENGRAD_FORMATS_TEXT_FILE_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace evengrad {

// The bytes of the file. Errors name the path: no such file (NOT_FOUND), a
// folder, no permission, more than `max_bytes`.
absl::StatusOr<std::string> ReadWholeFile(const std::string& path,
                                          int64_t max_bytes);

}  // namespace evengrad

#endif  // EVENGRAD_FORMATS_TEXT_FILE_H_
