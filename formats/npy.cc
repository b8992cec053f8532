#include "evengrad/formats/npy.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <functional>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "evengrad/formats/input_file.h"
#include "evengrad/formats/json_lines.h"
#include "evengrad/formats/zip.h"
#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr int64_t kLargestHeader = int64_t{1} << 16;

struct NpyHeader {
  TensorType type = {};
  bool big_endian = false;
  bool fortran_order = false;
};

// The header's text, a Python dictionary:
//   {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
class HeaderParser {
 public:
  explicit HeaderParser(std::string_view text) : text_(text) {}

  absl::StatusOr<NpyHeader> Parse() {
    bool has_type = false, has_order = false, has_shape = false;
    EVENGRAD_RETURN_IF_ERROR(Expect('{'));
    while (!Take('}')) {
      EVENGRAD_ASSIGN_OR_RETURN(const std::string_view key, String());
      EVENGRAD_RETURN_IF_ERROR(Expect(':'));
      bool* seen = key == "descr"           ? &has_type
                   : key == "fortran_order" ? &has_order
                   : key == "shape"         ? &has_shape
                                            : nullptr;
      if (seen == nullptr || std::exchange(*seen, true)) {
        return Error("unknown or repeated key '", key, "'");
      }
      EVENGRAD_RETURN_IF_ERROR(seen == &has_type    ? ReadType()
                               : seen == &has_order ? ReadOrder()
                                                    : ReadShape());
      if (!Take(',')) {
        EVENGRAD_RETURN_IF_ERROR(Expect('}'));
        break;
      }
    }
    if (!has_type || !has_order || !has_shape) {
      return Error("descr, fortran_order or shape is missing");
    }
    SkipSpace();
    if (position_ != text_.size()) return Error("text after the dictionary");
    return header_;
  }

 private:
  template <typename... T>
  absl::Status Error(const T&... parts) const {
    return InvalidArgument("byte ", position_, ": ", parts...);
  }
  void SkipSpace() {
    while (position_ < text_.size() &&
           (text_[position_] == ' ' || text_[position_] == '\n')) {
      ++position_;
    }
  }
  bool Take(char c) {
    SkipSpace();
    if (position_ == text_.size() || text_[position_] != c) return false;
    ++position_;
    return true;
  }
  absl::Status Expect(char c) {
    if (Take(c)) return absl::OkStatus();
    return Error("expected '", std::string(1, c), "'");
  }
  bool TakeWord(std::string_view word) {
    SkipSpace();
    if (!text_.substr(position_).starts_with(word)) return false;
    position_ += word.size();
    return true;
  }
  absl::StatusOr<std::string_view> String() {
    const char quote = Take('"') ? '"' : '\'';
    if (quote == '\'' && !Take('\'')) return Error("expected a string");
    const size_t end = text_.find(quote, position_);
    if (end == std::string_view::npos) return Error("a string does not end");
    const std::string_view string = text_.substr(position_, end - position_);
    position_ = end + 1;
    return string;
  }

  absl::Status ReadType() {
    SkipSpace();
    if (position_ < text_.size() && text_[position_] == '[') {
      return Error("an array of records; save each field as an array");
    }
    EVENGRAD_ASSIGN_OR_RETURN(const std::string_view descr, String());
    constexpr std::pair<std::string_view, DType> kTypes[] = {
        {"f4", DType::kF32}, {"f8", DType::kF64}, {"i4", DType::kI32},
        {"i8", DType::kI64}, {"u1", DType::kU8},  {"b1", DType::kBool}};
    for (const auto& [name, dtype] : kTypes) {
      if (descr.empty() || descr.substr(1) != name) continue;
      const bool byte = SizeOf(dtype) == 1;
      if (descr[0] != '<' && descr[0] != '>' && !(byte && descr[0] == '|')) {
        continue;
      }
      header_.type.dtype = dtype;
      header_.big_endian = !byte && descr[0] == '>';
      return absl::OkStatus();
    }
    return Error("element type ", QuotedJson(descr.substr(0, 40)),
                 " is not supported; convert the array with astype to float32, "
                 "float64, int32, int64, uint8 or bool");
  }
  absl::Status ReadOrder() {
    header_.fortran_order = TakeWord("True");
    if (header_.fortran_order || TakeWord("False")) return absl::OkStatus();
    return Error("expected True or False");
  }
  absl::Status ReadShape() {
    EVENGRAD_RETURN_IF_ERROR(Expect('('));
    while (!Take(')')) {
      SkipSpace();
      int64_t size = 0;
      const char* const begin = text_.data() + position_;
      const auto [stop, error] =
          std::from_chars(begin, text_.data() + text_.size(), size);
      if (error != std::errc() || size < 0) return Error("expected a size");
      if (header_.type.rank() == Shape::kMaxRank) {
        return Error("more than ", Shape::kMaxRank, " dimensions");
      }
      position_ += static_cast<size_t>(stop - begin);
      TakeWord("L");  // Python 2
      header_.type.shape.Append(Dimension(size));
      if (!Take(',')) {
        EVENGRAD_RETURN_IF_ERROR(Expect(')'));
        break;
      }
    }
    return absl::OkStatus();
  }

  std::string_view text_;
  size_t position_ = 0;
  NpyHeader header_;
};

// Where an array comes from: a file, or an entry of an archive.
struct Source {
  std::function<absl::Status(void*, int64_t, std::string_view)> read;
  std::function<absl::Status(std::string_view)> error;
  int64_t size = 0;
};

void Reverse(Tensor& tensor) {
  const size_t size = SizeOf(tensor.dtype());
  auto* bytes = static_cast<char*>(tensor.mutable_data());
  for (int64_t i = 0; i < tensor.num_elements(); ++i, bytes += size) {
    std::reverse(bytes, bytes + size);
  }
}

// The same array with its elements in C's order instead of Fortran's.
absl::StatusOr<Tensor> FromFortranOrder(const Tensor& tensor) {
  if (tensor.rank() < 2) return tensor;
  EVENGRAD_ASSIGN_OR_RETURN(Tensor result, Tensor::Zeros(tensor.type()));
  const std::span<const int64_t> sizes = tensor.sizes();
  const size_t element = SizeOf(tensor.dtype());
  const auto* from = static_cast<const char*>(tensor.data());
  auto* to = static_cast<char*>(result.mutable_data());
  std::vector<int64_t> index(sizes.size(), 0);
  for (int64_t i = 0; i < tensor.num_elements(); ++i, to += element) {
    int64_t offset = 0;
    for (size_t d = sizes.size(); d-- > 0;) {
      offset = offset * sizes[d] + index[d];
    }
    std::memcpy(to, from + offset * static_cast<int64_t>(element), element);
    for (size_t d = sizes.size(); d-- > 0 && ++index[d] == sizes[d];) {
      index[d] = 0;
    }
  }
  return result;
}

absl::StatusOr<NpyHeader> ReadHeader(const Source& source, int64_t& used) {
  char start[12] = {};
  EVENGRAD_RETURN_IF_ERROR(source.read(start, 8, "the NPY header"));
  const int version = start[6];
  if (std::string_view(start, kMagic.size()) != kMagic || version < 1 ||
      version > 3) {
    return source.error(
        "no NPY file: it does not start with \\x93NUMPY and a "
        "version from 1 to 3");
  }
  const int length_size = version == 1 ? 2 : 4;
  EVENGRAD_RETURN_IF_ERROR(
      source.read(start + 8, length_size, "the NPY header"));
  int64_t length = 0;
  for (int i = length_size; i-- > 0;) {
    length = length << 8 | static_cast<uint8_t>(start[8 + i]);
  }
  used = 8 + length_size + length;
  if (length > kLargestHeader || used > source.size) {
    return source.error(
        StrCat("its NPY header has ", length, " bytes; at most ",
               std::min(kLargestHeader, source.size), " are expected"));
  }
  std::string text(static_cast<size_t>(length), '\0');
  EVENGRAD_RETURN_IF_ERROR(source.read(text.data(), length, "the NPY header"));
  absl::StatusOr<NpyHeader> header = HeaderParser(text).Parse();
  if (header.ok()) return header;
  return source.error(StrCat("NPY header: ", Message(header.status())));
}

absl::StatusOr<Tensor> ReadArray(const Source& source, int64_t max_bytes) {
  int64_t used = 0;
  EVENGRAD_ASSIGN_OR_RETURN(const NpyHeader header, ReadHeader(source, used));
  const absl::StatusOr<int64_t> bytes = header.type.ByteSize();
  if (!bytes.ok() || *bytes > max_bytes) {
    return source.error(StrCat("its header announces ", header.type.ToString(),
                               ", which is more than the limit of ", max_bytes,
                               " bytes"));
  }
  if (*bytes != source.size - used) {
    return source.error(
        StrCat(*bytes > source.size - used
                   ? "truncated: "
                   : "holds more data than its header announces: ",
               header.type.ToString(), " takes ", *bytes, " bytes, ",
               source.size - used, " are there"));
  }
  absl::StatusOr<Tensor> tensor = Tensor::Zeros(header.type);
  if (!tensor.ok()) return source.error(Message(tensor.status()));
  EVENGRAD_RETURN_IF_ERROR(
      source.read(tensor->mutable_data(), *bytes,
                  StrCat("the data of ", header.type.ToString())));
  if (header.type.dtype == DType::kBool) {
    const auto* flags = static_cast<const uint8_t*>(tensor->data());
    if (std::any_of(flags, flags + *bytes, [](uint8_t b) { return b > 1; })) {
      return source.error("a bool is neither 0 nor 1");
    }
  }
  if (header.big_endian != (std::endian::native == std::endian::big)) {
    Reverse(*tensor);
  }
  return header.fortran_order ? FromFortranOrder(*tensor) : tensor;
}

}  // namespace

absl::StatusOr<Tensor> ReadNpy(const std::string& path,
                               const NpyOptions& options) {
  EVENGRAD_ASSIGN_OR_RETURN(const InputFile file, InputFile::Open(path));
  int64_t offset = 0;
  const Source source = {
      .read = [&](void* bytes, int64_t size,
                  std::string_view what) -> absl::Status {
        EVENGRAD_RETURN_IF_ERROR(file.ReadAt(offset, bytes, size, what));
        offset += size;
        return absl::OkStatus();
      },
      .error = [&](std::string_view message) { return file.Error(message); },
      .size = file.size()};
  return ReadArray(source, options.max_bytes);
}

absl::StatusOr<std::vector<NamedTensor>> ReadNpz(const std::string& path,
                                                 const NpyOptions& options) {
  constexpr std::string_view kSuffix = ".npy";
  EVENGRAD_ASSIGN_OR_RETURN(const InputFile file, InputFile::Open(path));
  EVENGRAD_ASSIGN_OR_RETURN(const std::vector<ZipEntry> entries,
                            ReadZipDirectory(file));
  int64_t left = options.max_bytes;
  std::vector<NamedTensor> arrays;
  for (const ZipEntry& entry : entries) {
    const std::string quoted = QuotedJson(entry.name);
    if (!entry.name.ends_with(kSuffix)) {
      return file.Error("entry ", quoted, " is no array: no NPZ file");
    }
    EVENGRAD_ASSIGN_OR_RETURN(ZipEntryReader reader,
                              ZipEntryReader::Open(file, entry));
    const Source source = {
        .read =
            [&](void* bytes, int64_t size, std::string_view what) {
              return reader.Read(bytes, size, what);
            },
        .error =
            [&](std::string_view message) {
              return file.Error("entry ", quoted, ": ", message);
            },
        .size = entry.size};
    EVENGRAD_ASSIGN_OR_RETURN(Tensor array, ReadArray(source, left));
    EVENGRAD_RETURN_IF_ERROR(reader.ExpectEnd());
    left -= array.byte_size();
    arrays.push_back({entry.name.substr(0, entry.name.size() - kSuffix.size()),
                      std::move(array)});
  }
  return arrays;
}

}  // namespace evengrad
