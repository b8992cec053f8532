// What is in files, told in a word: whether two are the same, whatever they are
// called.
#ifndef EVENGRAD_TOOLS_FILE_CONTENT_H_
#define EVENGRAD_TOOLS_FILE_CONTENT_H_

#include <span>
#include <string>

#include "absl/status/statusor.h"

namespace evengrad::tools {

// Of the files one after the other: "1a2b3c4d-of-26451395-bytes", with their
// CRC-32C. Error: one cannot be read.
absl::StatusOr<std::string> ContentOf(std::span<const std::string> paths);

}  // namespace evengrad::tools

#endif  // EVENGRAD_TOOLS_FILE_CONTENT_H_
