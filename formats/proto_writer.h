// Writes messages in the wire format of Protocol Buffers, without their
// library (https://protobuf.dev/programming-guides/encoding/).
//
//   ProtoWriter value, summary;
//   value.Bytes(1, "loss").Float(2, 0.5f);
//   summary.Message(1, value);
#ifndef EVENGRAD_FORMATS_PROTO_WRITER_H_
#define EVENGRAD_FORMATS_PROTO_WRITER_H_

#include <bit>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace evengrad {

// Fields stand in the message in the order of the calls; `field` is the number
// from the .proto file, above 0.
class ProtoWriter {
 public:
  // int32, int64, uint64, bool or enum.
  ProtoWriter& Varint(int field, uint64_t value) {
    Key(field, 0);
    AddVarint(value);
    return *this;
  }
  ProtoWriter& Double(int field, double value) {
    Key(field, 1);
    AddFixed(std::bit_cast<uint64_t>(value), 8);
    return *this;
  }
  ProtoWriter& Float(int field, float value) {
    Key(field, 5);
    AddFixed(std::bit_cast<uint32_t>(value), 4);
    return *this;
  }
  // bytes or string.
  ProtoWriter& Bytes(int field, std::string_view bytes) {
    Key(field, 2);
    AddVarint(bytes.size());
    bytes_ += bytes;
    return *this;
  }
  ProtoWriter& Message(int field, const ProtoWriter& message) {
    return Bytes(field, message.bytes());
  }
  // repeated double, packed.
  ProtoWriter& Doubles(int field, std::span<const double> values) {
    Key(field, 2);
    AddVarint(8 * values.size());
    for (double value : values) AddFixed(std::bit_cast<uint64_t>(value), 8);
    return *this;
  }

  const std::string& bytes() const { return bytes_; }

 private:
  void Key(int field, int wire_type) {
    AddVarint(static_cast<uint64_t>(field) << 3 |
              static_cast<uint64_t>(wire_type));
  }
  void AddVarint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) {
      bytes_ += static_cast<char>(value | 0x80);
    }
    bytes_ += static_cast<char>(value);
  }
  void AddFixed(uint64_t value, int size) {
    for (int i = 0; i < size; ++i) bytes_ += static_cast<char>(value >> 8 * i);
  }

  std::string bytes_;
};

}  // namespace evengrad

#endif  // EVENGRAD_FORMATS_PROTO_WRITER_H_
