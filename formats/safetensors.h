// safetensors, a file of named tensors that many frameworks read and write: the
// length of a header (8 bytes, little-endian), the header (JSON: element types,
// shapes, places), and the elements, little-endian, in row-major order.
// https://huggingface.co/docs/safetensors
//
//   absl::Status status = WriteSafetensors("weights.safetensors",
//                                          {{"hidden1/weights", weights}});
//   absl::StatusOr<std::vector<NamedTensor>> tensors =
//       ReadSafetensors("weights.safetensors");
#ifndef EVENGRAD_FORMATS_SAFETENSORS_H_
#define EVENGRAD_FORMATS_SAFETENSORS_H_

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "evengrad/formats/input_file.h"
#include "evengrad/formats/named_tensor.h"
#include "evengrad/formats/safetensors_header.h"
#include "evengrad/graph/export.h"

namespace evengrad {

struct SafetensorsOptions {
  // CRC32C of the header and of each tensor, in the metadata: "crc32c" and
  // "tensors_crc32c". When reading: they must be there and right.
  bool checksums = false;
};

// Writes an AtomicFile, straight from the tensors' memory; equal tensors and
// metadata give equal bytes. Tensors with larger elements come first, so that
// each starts at a multiple of its element's size. Errors: an empty or opaque
// tensor, a name that is taken, is "__metadata__" or no UTF-8, a header beyond
// the format's limit; those of AtomicFile.
EVENGRAD_EXPORT absl::Status WriteSafetensors(
    const std::string& path, std::span<const NamedTensor> tensors,
    const SafetensorsMetadata& metadata = {},
    const SafetensorsOptions& options = {});
inline absl::Status WriteSafetensors(const std::string& path,
                                     std::initializer_list<NamedTensor> tensors,
                                     const SafetensorsMetadata& metadata = {},
                                     const SafetensorsOptions& options = {}) {
  return WriteSafetensors(
      path, std::span<const NamedTensor>(tensors.begin(), tensors.size()),
      metadata, options);
}

// An open file whose header has been checked, all of it, against the file's
// size; no tensor has been read. Errors name the file, and the byte of the
// header.
class EVENGRAD_EXPORT SafetensorsReader {
 public:
  static absl::StatusOr<SafetensorsReader> Open(
      const std::string& path, const SafetensorsOptions& options = {});

  const std::string& path() const { return file_.path(); }
  // In the order of their bytes.
  std::span<const SafetensorsEntry> tensors() const { return header_.tensors; }
  const SafetensorsMetadata& metadata() const { return header_.metadata; }
  // The tensor of that name; null where there is none.
  const SafetensorsEntry* Find(std::string_view name) const;

  // The tensor of one of tensors(). Errors: no memory, bytes of a bool that are
  // neither 0 nor 1, a wrong checksum.
  absl::StatusOr<Tensor> Read(const SafetensorsEntry& entry) const;
  // The same into the memory of `tensor`, whose type must be the entry's.
  absl::Status ReadInto(const SafetensorsEntry& entry, Tensor& tensor) const;
  // Reads all tensors to check what Read checks, and keeps none.
  absl::Status Verify() const;

 private:
  SafetensorsReader(InputFile file, SafetensorsHeader header, int64_t data)
      : file_(std::move(file)), header_(std::move(header)), data_(data) {}
  absl::Status CheckHeaderChecksum(std::string_view text);
  absl::Status Scan(const SafetensorsEntry& entry, void* target) const;

  InputFile file_;
  SafetensorsHeader header_;
  int64_t data_;                 // offset of the first byte after the header
  std::vector<size_t> by_name_;  // indices of tensors, sorted
};

// All tensors of a file, in the order of their bytes.
EVENGRAD_EXPORT absl::StatusOr<std::vector<NamedTensor>> ReadSafetensors(
    const std::string& path, const SafetensorsOptions& options = {});

}  // namespace evengrad

#endif  // EVENGRAD_FORMATS_SAFETENSORS_H_
