// CRC32C, the checksum of iSCSI (RFC 3720, B.4): polynomial 0x1EDC6F41,
// reflected, of which any damage of up to 32 neighbouring bits is noticed.
#ifndef EVENGRAD_FORMATS_CRC32C_H_
#define EVENGRAD_FORMATS_CRC32C_H_

#include <cstdint>
#include <string_view>

#include "evengrad/graph/export.h"

namespace evengrad {

// The checksum of what `crc` is the checksum of (0: nothing), followed by
// `bytes`. Crc32c(0, "123456789") is 0xe3069283.
EVENGRAD_EXPORT uint32_t Crc32c(uint32_t crc, const void* bytes, int64_t size);
inline uint32_t Crc32c(uint32_t crc, std::string_view bytes) {
  return Crc32c(crc, bytes.data(), static_cast<int64_t>(bytes.size()));
}

}  // namespace evengrad

#endif  // EVENGRAD_FORMATS_CRC32C_H_
