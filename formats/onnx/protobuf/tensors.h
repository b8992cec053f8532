// Tensors and types between protobuf and Evengrad.
#ifndef EVENGRAD_FORMATS_ONNX_PROTOBUF_TENSORS_H_
#define EVENGRAD_FORMATS_ONNX_PROTOBUF_TENSORS_H_

#include <map>
#include <string>
#include <variant>

#include "absl/status/statusor.h"
#include "evengrad/formats/onnx/model.h"
#include "evengrad/formats/onnx/protobuf/onnx_proto.h"

namespace evengrad {

// The value of a tensor. Errors: external data, a negative size, values that do
// not fit the shape; `what` ("initializer 'w'") begins the message. Nothing is
// allocated before the values have been counted.
absl::StatusOr<std::variant<Tensor, OnnxUnsupported>> TensorFromProto(
    const onnx::TensorProto& proto, const std::string& what);
absl::Status TensorToProto(const Tensor& tensor, onnx::TensorProto& proto);

// Names of sizes, as symbols: other characters than letters, digits and _
// become _, and different names stay different.
class OnnxSymbols {
 public:
  Dimension operator()(const std::string& name);

 private:
  std::map<std::string, std::string> symbols_;
  std::map<std::string, int> taken_;
};

OnnxValueInfo InfoFromProto(const onnx::ValueInfoProto& proto,
                            OnnxSymbols& symbols);
void InfoToProto(const OnnxValueInfo& info, onnx::ValueInfoProto& proto);

}  // namespace evengrad

#endif  // EVENGRAD_FORMATS_ONNX_PROTOBUF_TENSORS_H_
