#include "evengrad/formats/onnx/protobuf/wire_check.h"

#include <google/protobuf/descriptor.h>

#include <cstdint>
#include <map>

#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::MessageFactory;

constexpr int kMaxDepth = 100;
// What a parsed structure may take beside a small multiple of the file.
constexpr int64_t kFreeBytes = int64_t{64} << 20;
constexpr int64_t kBytesPerByte = 4;
// Of an element of a repeated field, a string, and an unknown field, at most.
constexpr int64_t kNumberBytes = 8;
constexpr int64_t kStringBytes = 48;

class WireCheck {
 public:
  WireCheck(const std::string& path, std::string_view bytes)
      : path_(path),
        bytes_(bytes),
        budget_(kFreeBytes +
                kBytesPerByte * static_cast<int64_t>(bytes.size())) {}

  // The message of type `type` in bytes [at_, end).
  absl::Status Message(const Descriptor* type, size_t end, int depth) {
    if (depth > kMaxDepth) {
      return Error("messages are nested more than ", kMaxDepth, " deep");
    }
    while (at_ < end) EVENGRAD_RETURN_IF_ERROR(Field(type, end, depth));
    return absl::OkStatus();
  }

 private:
  template <typename... T>
  absl::Status Error(const T&... parts) const {
    return absl::DataLossError(StrCat(
        path_, ": byte ", at_, ": no ONNX file, or a broken one: ", parts...));
  }

  absl::StatusOr<uint64_t> Varint(size_t end) {
    uint64_t value = 0;
    for (int shift = 0; shift < 70; shift += 7) {
      if (at_ == end) return Error("a number is cut off");
      const auto byte = static_cast<uint8_t>(bytes_[at_++]);
      if (shift < 64) value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return value;
    }
    return Error("a number has more than ten bytes");
  }

  absl::Status Spend(int64_t bytes) {
    budget_ -= bytes;
    if (budget_ >= 0) return absl::OkStatus();
    return Error("it holds too many parts for its size");
  }

  absl::Status Skip(size_t count, size_t end) {
    if (end - at_ < count) return Error("a number is cut off");
    at_ += count;
    return Spend(kNumberBytes);
  }

  absl::Status Field(const Descriptor* type, size_t end, int depth) {
    EVENGRAD_ASSIGN_OR_RETURN(const uint64_t tag, Varint(end));
    const FieldDescriptor* field =
        tag >> 3 > INT32_MAX
            ? nullptr
            : type->FindFieldByNumber(static_cast<int>(tag >> 3));
    if (field == nullptr) EVENGRAD_RETURN_IF_ERROR(Spend(kStringBytes));
    switch (tag & 7) {
      case 0:
        EVENGRAD_RETURN_IF_ERROR(Varint(end).status());
        return Spend(kNumberBytes);
      case 1:
        return Skip(8, end);
      case 5:
        return Skip(4, end);
      case 2:
        return Bytes(type, field, end, depth);
      default:
        return Error("wire type ", tag & 7, " in ", type->name());
    }
  }

  absl::Status Bytes(const Descriptor* type, const FieldDescriptor* field,
                     size_t end, int depth) {
    EVENGRAD_ASSIGN_OR_RETURN(const uint64_t length, Varint(end));
    if (length > end - at_) {
      return Error("truncated: ", field == nullptr ? "a field" : field->name(),
                   " of ", type->name(), " has ", length, " bytes, only ",
                   end - at_, " are left");
    }
    const size_t field_end = at_ + static_cast<size_t>(length);
    if (field != nullptr &&
        field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      EVENGRAD_RETURN_IF_ERROR(Spend(SizeOf(field->message_type())));
      return Message(field->message_type(), field_end, depth + 1);
    }
    at_ = field_end;
    if (field != nullptr && field->is_packable()) {
      return Spend(static_cast<int64_t>(length) * PackedGrowth(field));
    }
    return Spend(kStringBytes);
  }

  // How many bytes a byte of packed numbers can become.
  static int64_t PackedGrowth(const FieldDescriptor* field) {
    switch (field->type()) {
      case FieldDescriptor::TYPE_FLOAT:
      case FieldDescriptor::TYPE_DOUBLE:
        return 1;
      case FieldDescriptor::TYPE_INT32:
      case FieldDescriptor::TYPE_ENUM:
        return 4;
      default:
        return 8;
    }
  }

  int64_t SizeOf(const Descriptor* type) {
    auto [it, is_new] = sizes_.try_emplace(type, 0);
    if (is_new) {
      const google::protobuf::Message* prototype =
          MessageFactory::generated_factory()->GetPrototype(type);
      it->second = prototype == nullptr
                       ? 256
                       : static_cast<int64_t>(prototype->SpaceUsedLong()) + 16;
    }
    return it->second;
  }

  const std::string& path_;
  std::string_view bytes_;
  int64_t budget_;
  size_t at_ = 0;
  std::map<const Descriptor*, int64_t> sizes_;
};

}  // namespace

absl::Status CheckWire(const std::string& path, std::string_view bytes,
                       const google::protobuf::Message& prototype) {
  return WireCheck(path, bytes)
      .Message(prototype.GetDescriptor(), bytes.size(), 0);
}

}  // namespace evengrad
