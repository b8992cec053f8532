// A look at the bytes of a protobuf message before they are parsed.
#ifndef EVENGRAD_FORMATS_ONNX_PROTOBUF_WIRE_CHECK_H_
#define EVENGRAD_FORMATS_ONNX_PROTOBUF_WIRE_CHECK_H_

#include <google/protobuf/message.h>

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace evengrad {

// Walks over `bytes` as a message of the type of `prototype`, without parsing.
// Errors, after `path` and the byte: what is no message, a length beyond the
// end, messages nested more than 100 deep, a structure that would take far more
// memory than the file has bytes (two bytes can stand for a message of 200).
absl::Status CheckWire(const std::string& path, std::string_view bytes,
                       const google::protobuf::Message& prototype);

}  // namespace evengrad

#endif  // EVENGRAD_FORMATS_ONNX_PROTOBUF_WIRE_CHECK_H_
