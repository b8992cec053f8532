#include "evengrad/formats/idx.h"

#include <zlib.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>
#include <vector>

#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

// Deflate expands a byte to at most 1032 (RFC 1951: 258 bytes in 2 bits).
constexpr int64_t kLargestRatio = 1032;
// Bytes handed to zlib at once; its counts are of type unsigned.
constexpr int64_t kChunk = int64_t{1} << 24;

struct CloseGz {
  void operator()(gzFile_s* file) const { gzclose_r(file); }
};

// A file, inflated while it is read when it is compressed. Messages name it.
class Reader {
 public:
  static absl::StatusOr<Reader> Open(const std::string& path) {
    std::error_code error;
    const auto size = std::filesystem::file_size(path, error);
    if (error) {
      return absl::NotFoundError(
          StrCat(path, ": cannot be read: ", error.message()));
    }
    errno = 0;
    gzFile file = gzopen(path.c_str(), "rb");
    if (file == nullptr) {
      return absl::NotFoundError(StrCat(
          path, ": cannot be read: ",
          errno == 0 ? "no memory" : std::generic_category().message(errno)));
    }
    return Reader(path, file, static_cast<int64_t>(size));
  }

  absl::Status Error(std::string_view message) const {
    return absl::DataLossError(StrCat(path_, ": ", message));
  }

  // The most bytes that the file may contain.
  int64_t LargestContent() {
    return gzdirect(file_.get()) ? file_size_
           : file_size_ > INT64_MAX / kLargestRatio
               ? INT64_MAX
               : file_size_ * kLargestRatio;
  }

  // Fills `bytes` from the file; `what` names the part in messages.
  absl::Status Read(void* bytes, int64_t size, std::string_view what) {
    auto* target = static_cast<char*>(bytes);
    for (int64_t done = 0; done < size;) {
      EVENGRAD_ASSIGN_OR_RETURN(
          const int64_t count,
          ReadSome(target + done, std::min(kChunk, size - done)));
      if (count == 0) {
        return Error(StrCat("truncated: ", what, " has ", size, " bytes, only ",
                            done, " are in the file"));
      }
      done += count;
    }
    return absl::OkStatus();
  }

  // OK at the end of the content, whose checksum is right.
  absl::Status ExpectEnd() {
    char byte;
    EVENGRAD_ASSIGN_OR_RETURN(const int64_t count, ReadSome(&byte, 1));
    if (count == 0) return absl::OkStatus();
    return Error("holds more data than its header announces");
  }

 private:
  Reader(const std::string& path, gzFile file, int64_t file_size)
      : path_(path), file_(file), file_size_(file_size) {}

  absl::StatusOr<int64_t> ReadSome(char* bytes, int64_t size) {
    const int count = gzread(file_.get(), bytes, static_cast<unsigned>(size));
    int code = Z_OK;
    const char* message = gzerror(file_.get(), &code);
    if (count > 0 || code == Z_OK || code == Z_STREAM_END) return count;
    if (code == Z_BUF_ERROR) {
      return Error("truncated: the compressed data ends too early");
    }
    if (code == Z_ERRNO) {
      return Error(
          StrCat("cannot be read: ", std::generic_category().message(errno)));
    }
    return Error(StrCat("damaged: ", message));
  }

  std::string path_;
  std::unique_ptr<gzFile_s, CloseGz> file_;
  int64_t file_size_;
};

std::optional<DType> ElementType(uint8_t code) {
  switch (code) {
    case 0x08:
      return DType::kU8;
    case 0x0C:
      return DType::kI32;
    case 0x0D:
      return DType::kF32;
    case 0x0E:
      return DType::kF64;
    default:
      return std::nullopt;
  }
}

absl::StatusOr<TensorType> ReadHeader(Reader& reader) {
  uint8_t magic[4];
  EVENGRAD_RETURN_IF_ERROR(reader.Read(magic, sizeof(magic), "the header"));
  const std::optional<DType> dtype = ElementType(magic[2]);
  if (magic[0] != 0 || magic[1] != 0 || magic[3] == 0 ||
      magic[3] > Shape::kMaxRank) {
    return reader.Error(
        StrCat("no IDX file: it starts with bytes ", magic[0], " ", magic[1],
               " ", magic[2], " ", magic[3],
               ", expected 0 0, an element type and a rank of 1 to ",
               Shape::kMaxRank));
  }
  if (!dtype.has_value()) {
    return reader.Error(
        StrCat("IDX element type ", magic[2],
               " is not supported; known are 8 (u8), 12 (i32), 13 (f32) and 14 "
               "(f64)"));
  }
  Shape shape;
  for (int axis = 0; axis < magic[3]; ++axis) {
    uint8_t size[4];
    EVENGRAD_RETURN_IF_ERROR(reader.Read(size, sizeof(size), "the header"));
    shape.Append(Dimension((int64_t{size[0]} << 24) | (int64_t{size[1]} << 16) |
                           (int64_t{size[2]} << 8) | int64_t{size[3]}));
  }
  return TensorType{*dtype, shape};
}

// Turns big-endian elements into the machine's order.
void ToNative(Tensor& tensor) {
  const size_t size = SizeOf(tensor.dtype());
  if (size == 1 || std::endian::native == std::endian::big) return;
  auto* bytes = static_cast<char*>(tensor.mutable_data());
  for (int64_t i = 0; i < tensor.num_elements(); ++i, bytes += size) {
    std::reverse(bytes, bytes + size);
  }
}

}  // namespace

absl::StatusOr<Tensor> ReadIdx(const std::string& path,
                               const IdxOptions& options) {
  EVENGRAD_ASSIGN_OR_RETURN(Reader reader, Reader::Open(path));
  EVENGRAD_ASSIGN_OR_RETURN(const TensorType type, ReadHeader(reader));
  const absl::StatusOr<int64_t> bytes = type.ByteSize();
  if (!bytes.ok() || *bytes > options.max_bytes) {
    return reader.Error(StrCat("its header announces ", type.ToString(),
                               ", which is more than the limit of ",
                               options.max_bytes, " bytes"));
  }
  if (*bytes > reader.LargestContent()) {
    return reader.Error(
        StrCat("truncated: its header announces ", type.ToString(), " (",
               *bytes, " bytes), which a file of this size cannot hold"));
  }
  absl::StatusOr<Tensor> tensor = Tensor::Zeros(type);
  if (!tensor.ok()) return reader.Error(Message(tensor.status()));
  EVENGRAD_RETURN_IF_ERROR(reader.Read(
      tensor->mutable_data(), *bytes, StrCat("the data of ", type.ToString())));
  EVENGRAD_RETURN_IF_ERROR(reader.ExpectEnd());
  ToNative(*tensor);
  return tensor;
}

}  // namespace evengrad
