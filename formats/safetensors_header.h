// The header of a safetensors file: what is where. See formats/safetensors.h.
#ifndef EVENGRAD_FORMATS_SAFETENSORS_HEADER_H_
#define EVENGRAD_FORMATS_SAFETENSORS_HEADER_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "evengrad/graph/export.h"
#include "evengrad/graph/tensor_type.h"

namespace evengrad {

using SafetensorsMetadata = std::map<std::string, std::string, std::less<>>;

struct SafetensorsEntry {
  std::string name = {};
  TensorType type = {};
  // Its bytes, counted from the first one after the header.
  int64_t begin = 0;
  int64_t end = 0;
  std::optional<uint32_t> crc32c = {};  // of them, where it is known
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> tensors = {};  // in the order of their bytes
  SafetensorsMetadata metadata = {};
};

// Largest header, by the format's rules; most tensors and metadata members, so
// that a header cannot take more than a small multiple of its size.
inline constexpr int64_t kSafetensorsMaxHeader = 100'000'000;
inline constexpr size_t kSafetensorsMaxTensors = size_t{1} << 18;
inline constexpr size_t kSafetensorsMaxMetadata = size_t{1} << 16;

// Reads the header of a file with `data_bytes` bytes after it, and checks all
// of it: members that are known, each once; element types and shapes that are
// ours; sizes that agree with offsets; no two tensors under one name; tensors
// side by side, without overlap or gap, from the first byte to the last.
EVENGRAD_EXPORT absl::StatusOr<SafetensorsHeader> ParseSafetensorsHeader(
    std::string_view text, int64_t data_bytes);

// The inverse, padded with spaces to a multiple of 64 bytes less 8, so that the
// data of a file starts at a multiple of 64.
EVENGRAD_EXPORT std::string FormatSafetensorsHeader(
    const SafetensorsHeader& header);

}  // namespace evengrad

#endif  // EVENGRAD_FORMATS_SAFETENSORS_HEADER_H_
