// An ONNX model as plain data: what the rules of import and export work on.
// Files are read and written in model_file.h; only its sources know protobuf.
// The format: https://github.com/onnx/onnx/blob/main/docs/IR.md
#ifndef EVENGRAD_FORMATS_ONNX_MODEL_H_
#define EVENGRAD_FORMATS_ONNX_MODEL_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "evengrad/formats/named_tensor.h"
#include "evengrad/graph/dtype.h"
#include "evengrad/graph/tensor.h"
#include "evengrad/graph/tensor_type.h"

namespace evengrad {

// The versions that are written. Every opset is read: each op as far back as it
// meant the same, and a later one where its ops are known.
inline constexpr int kOnnxOpset = 17;
inline constexpr int kOnnxIrVersion = 8;

// Something that a file may hold and Evengrad has no counterpart for: a graph
// as an attribute, an element type. Carried along, so that only those models
// are refused that use it.
struct OnnxUnsupported {
  std::string what = {};  // "the element type FLOAT16"
};

using OnnxAttribute =
    std::variant<int64_t, double, std::string, std::vector<int64_t>,
                 std::vector<double>, std::vector<std::string>, Tensor,
                 OnnxUnsupported>;

// An occurrence of an op. An input or output that is left out is "".
struct OnnxNode {
  std::string name = {};
  std::string op = {};
  std::string domain = {};  // "" for ONNX's own
  std::vector<std::string> inputs = {};
  std::vector<std::string> outputs = {};
  std::map<std::string, OnnxAttribute, std::less<>> attributes = {};
};

// An input or output of the model.
struct OnnxValueInfo {
  std::string name = {};
  // Sizes without number and name are unknown.
  std::variant<TensorType, OnnxUnsupported> type = {};
  bool has_shape = true;
};

struct OnnxInitializer {
  std::string name = {};
  std::variant<Tensor, OnnxUnsupported> value = {};
};

struct OnnxModel {
  std::string producer = {};
  std::string graph_name = {};
  int64_t opset = 0;                            // of ONNX's own domain
  std::map<std::string, int64_t> domains = {};  // the other ones
  std::vector<std::string> functions = {};      // ops that the model defines
  std::vector<OnnxNode> nodes = {};             // in an order that can be run
  std::vector<OnnxInitializer> initializers = {};
  std::vector<OnnxValueInfo> inputs = {};
  std::vector<OnnxValueInfo> outputs = {};
};

}  // namespace evengrad

#endif  // EVENGRAD_FORMATS_ONNX_MODEL_H_
