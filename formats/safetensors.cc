#include "evengrad/formats/safetensors.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <functional>
#include <numeric>
#include <optional>
#include <set>
#include <system_error>

#include "evengrad/formats/atomic_file.h"
#include "evengrad/formats/crc32c.h"
#include "evengrad/formats/json_lines.h"
#include "evengrad/formats/json_reader.h"
#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

static_assert(std::endian::native == std::endian::little,
              "elements are moved between file and memory as they are");

// Bytes read or written at once: few calls, and what was read is still in the
// cache when it is checked.
constexpr int64_t kBlock = int64_t{1} << 20;

// The checksum of a header is taken with zeros in its own place.
constexpr std::string_view kZeros = "00000000";
constexpr std::string_view kHeaderKey = "crc32c";
constexpr std::string_view kTensorsKey = "tensors_crc32c";
constexpr size_t kDigits = 8;  // of a checksum

std::string ToHex(uint32_t value) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string text(kDigits, '0');
  for (size_t i = kDigits; i-- > 0; value >>= 4) text[i] = kHex[value & 15];
  return text;
}

// Empty where `text` is not what ToHex gives.
std::optional<uint32_t> FromHex(std::string_view text) {
  uint32_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (ToHex(value) != text) return std::nullopt;
  return value;
}

uint32_t HeaderChecksum(SafetensorsHeader header) {
  header.metadata.insert_or_assign(std::string(kHeaderKey), kZeros);
  return Crc32c(0, FormatSafetensorsHeader(header));
}

absl::Status CheckTensors(const std::string& path,
                          std::span<const NamedTensor> tensors) {
  std::set<std::string_view> names;
  for (const NamedTensor& tensor : tensors) {
    if (!tensor.tensor.valid() || tensor.tensor.dtype() == DType::kOpaque) {
      return InvalidArgument(path, ": tensor '", tensor.name, "' is ",
                             tensor.tensor.valid() ? "opaque bytes" : "empty",
                             ", which a safetensors file cannot hold");
    }
    if (tensor.name == "__metadata__" || !IsUtf8(tensor.name) ||
        !names.insert(tensor.name).second) {
      return InvalidArgument(path, ": the name ", QuotedJson(tensor.name),
                             " is taken, reserved or not UTF-8");
    }
  }
  return absl::OkStatus();
}

// The header's text with all checksums; `order` has the tensors in the order of
// their bytes.
absl::StatusOr<std::string> MakeHeader(
    const std::string& path, std::span<const NamedTensor* const> order,
    const SafetensorsMetadata& metadata, const SafetensorsOptions& options) {
  SafetensorsHeader header = {.metadata = metadata};
  std::string checksums;
  int64_t end = 0;
  for (const NamedTensor* tensor : order) {
    const int64_t begin = end;
    end += tensor->tensor.byte_size();
    header.tensors.push_back({tensor->name, tensor->tensor.type(), begin, end});
    if (options.checksums) {
      checksums +=
          ToHex(Crc32c(0, tensor->tensor.data(), tensor->tensor.byte_size()));
    }
  }
  for (const auto& [name, value] : metadata) {
    if (!IsUtf8(name) || !IsUtf8(value) ||
        (options.checksums && (name == kHeaderKey || name == kTensorsKey))) {
      return InvalidArgument(path, ": the metadata ", QuotedJson(name),
                             " is reserved or not UTF-8");
    }
  }
  if (!options.checksums) return FormatSafetensorsHeader(header);
  header.metadata.emplace(kTensorsKey, std::move(checksums));
  header.metadata.emplace(kHeaderKey, ToHex(HeaderChecksum(header)));
  return FormatSafetensorsHeader(header);
}

}  // namespace

absl::Status WriteSafetensors(const std::string& path,
                              std::span<const NamedTensor> tensors,
                              const SafetensorsMetadata& metadata,
                              const SafetensorsOptions& options) {
  EVENGRAD_RETURN_IF_ERROR(CheckTensors(path, tensors));
  std::vector<const NamedTensor*> order;
  for (const NamedTensor& tensor : tensors) order.push_back(&tensor);
  std::ranges::stable_sort(order, std::greater(), [](const NamedTensor* t) {
    return SizeOf(t->tensor.dtype());
  });
  EVENGRAD_ASSIGN_OR_RETURN(const std::string header,
                            MakeHeader(path, order, metadata, options));
  const auto length = static_cast<uint64_t>(header.size());
  if (header.size() > kSafetensorsMaxHeader ||
      order.size() > kSafetensorsMaxTensors ||
      metadata.size() + 2 > kSafetensorsMaxMetadata) {
    return InvalidArgument(path, ": the header of ", order.size(),
                           " tensors would have ", length,
                           " bytes, which is beyond the format's limits");
  }
  EVENGRAD_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
  EVENGRAD_RETURN_IF_ERROR(file.Write(&length, sizeof(length)));
  EVENGRAD_RETURN_IF_ERROR(file.Write(header));
  for (const NamedTensor* tensor : order) {
    EVENGRAD_RETURN_IF_ERROR(
        file.Write(tensor->tensor.data(), tensor->tensor.byte_size()));
  }
  return file.Commit();
}

absl::StatusOr<SafetensorsReader> SafetensorsReader::Open(
    const std::string& path, const SafetensorsOptions& options) {
  EVENGRAD_ASSIGN_OR_RETURN(InputFile file, InputFile::Open(path));
  uint64_t length = 0;
  EVENGRAD_RETURN_IF_ERROR(
      file.ReadAt(0, &length, sizeof(length), "the header's length"));
  if (length > kSafetensorsMaxHeader) {
    return file.Error("no safetensors file: it announces a header of ", length,
                      " bytes; at most ", kSafetensorsMaxHeader,
                      " are allowed");
  }
  const auto data = static_cast<int64_t>(sizeof(length) + length);
  if (data > file.size()) {
    return file.Error("truncated: its header has ", length, " bytes, only ",
                      file.size() - 8, " are in the file");
  }
  std::string text(length, '\0');
  EVENGRAD_RETURN_IF_ERROR(
      file.ReadAt(sizeof(length), text.data(), data - 8, "the header"));
  absl::StatusOr<SafetensorsHeader> header =
      ParseSafetensorsHeader(text, file.size() - data);
  if (!header.ok()) {
    return file.Error("safetensors header: ", Message(header.status()));
  }
  SafetensorsReader reader(std::move(file), *std::move(header), data);
  reader.by_name_.resize(reader.tensors().size());
  std::iota(reader.by_name_.begin(), reader.by_name_.end(), size_t{0});
  std::ranges::sort(reader.by_name_, {}, [&](size_t i) -> std::string_view {
    return reader.tensors()[i].name;
  });
  if (options.checksums) {
    EVENGRAD_RETURN_IF_ERROR(reader.CheckHeaderChecksum(text));
  }
  return reader;
}

absl::Status SafetensorsReader::CheckHeaderChecksum(std::string_view text) {
  const auto header = metadata().find(kHeaderKey);
  const auto tensors = metadata().find(kTensorsKey);
  if (header == metadata().end() || tensors == metadata().end() ||
      tensors->second.size() != kDigits * header_.tensors.size()) {
    return file_.Error("has no checksums: it was not written by Evengrad");
  }
  if (header->second != ToHex(HeaderChecksum(header_)) ||
      text != FormatSafetensorsHeader(header_)) {
    return file_.Error("damaged: the checksum of its header is wrong");
  }
  for (size_t i = 0; i < header_.tensors.size(); ++i) {
    SafetensorsEntry& entry = header_.tensors[i];
    entry.crc32c =
        FromHex(std::string_view(tensors->second).substr(i * kDigits, kDigits));
    if (!entry.crc32c.has_value()) {
      return file_.Error("the checksum of tensor ", QuotedJson(entry.name),
                         " is no number");
    }
  }
  return absl::OkStatus();
}

const SafetensorsEntry* SafetensorsReader::Find(std::string_view name) const {
  const auto found = std::ranges::lower_bound(
      by_name_, name, {},
      [&](size_t i) -> std::string_view { return header_.tensors[i].name; });
  if (found == by_name_.end() || header_.tensors[*found].name != name) {
    return nullptr;
  }
  return &header_.tensors[*found];
}

absl::StatusOr<Tensor> SafetensorsReader::Read(
    const SafetensorsEntry& entry) const {
  absl::StatusOr<Tensor> tensor = Tensor::Zeros(entry.type);
  if (!tensor.ok()) return file_.Error(Message(tensor.status()));
  EVENGRAD_RETURN_IF_ERROR(Scan(entry, tensor->mutable_data()));
  return tensor;
}

absl::Status SafetensorsReader::ReadInto(const SafetensorsEntry& entry,
                                         Tensor& tensor) const {
  if (!tensor.valid() || !(tensor.type() == entry.type)) {
    return InvalidArgument(path(), ": tensor ", QuotedJson(entry.name),
                           " has type ", entry.type.ToString(), ", expected ",
                           tensor.valid() ? tensor.ToString() : "(empty)");
  }
  return Scan(entry, tensor.mutable_data());
}

absl::Status SafetensorsReader::Verify() const {
  for (const SafetensorsEntry& entry : header_.tensors) {
    EVENGRAD_RETURN_IF_ERROR(Scan(entry, nullptr));
  }
  return absl::OkStatus();
}

// Reads a tensor's bytes into `target`, or into nothing, and checks them.
absl::Status SafetensorsReader::Scan(const SafetensorsEntry& entry,
                                     void* target) const {
  std::vector<char> block;
  if (target == nullptr) {
    block.resize(
        static_cast<size_t>(std::min(kBlock, entry.end - entry.begin)));
  }
  uint32_t crc = 0;
  for (int64_t at = entry.begin; at < entry.end; at += kBlock) {
    const int64_t size = std::min(kBlock, entry.end - at);
    char* const bytes = target == nullptr
                            ? block.data()
                            : static_cast<char*>(target) + (at - entry.begin);
    EVENGRAD_RETURN_IF_ERROR(file_.ReadAt(
        data_ + at, bytes, size, StrCat("tensor ", QuotedJson(entry.name))));
    if (entry.crc32c.has_value()) crc = Crc32c(crc, bytes, size);
    if (entry.type.dtype == DType::kBool &&
        std::any_of(bytes, bytes + size,
                    [](char c) { return c != 0 && c != 1; })) {
      return file_.Error("tensor ", QuotedJson(entry.name),
                         " is of bools, but a byte is neither 0 nor 1");
    }
  }
  if (entry.crc32c.has_value() && crc != *entry.crc32c) {
    return file_.Error("damaged: the checksum of tensor ",
                       QuotedJson(entry.name), " is wrong");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<NamedTensor>> ReadSafetensors(
    const std::string& path, const SafetensorsOptions& options) {
  EVENGRAD_ASSIGN_OR_RETURN(const SafetensorsReader reader,
                            SafetensorsReader::Open(path, options));
  std::vector<NamedTensor> tensors;
  for (const SafetensorsEntry& entry : reader.tensors()) {
    EVENGRAD_ASSIGN_OR_RETURN(Tensor tensor, reader.Read(entry));
    tensors.push_back({entry.name, std::move(tensor)});
  }
  return tensors;
}

}  // namespace evengrad
