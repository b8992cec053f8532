// The little of a shared library that can be known without running it.
#ifndef EVENGRAD_TOOLS_ELF_FILE_H_
#define EVENGRAD_TOOLS_ELF_FILE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace evengrad::tools {

// The initial value of the 32-bit variable that a shared library exports under
// the name `symbol`; empty where it exports none. Nothing of the library is
// run, and no content of the file is trusted.
//
// Errors, without the path: no regular file, a file that cannot be read or is
// larger than 4 GB, no 64-bit ELF shared library for machines of this byte
// order, a truncated one.
absl::StatusOr<std::optional<uint32_t>> ReadExportedUint32(
    const std::string& path, std::string_view symbol);

}  // namespace evengrad::tools

#endif  // EVENGRAD_TOOLS_ELF_FILE_H_
