#include "evengrad/formats/onnx/model_file.h"

#include <cstdint>
#include <limits>
#include <utility>

#include "evengrad/formats/atomic_file.h"
#include "evengrad/formats/onnx/protobuf/onnx_proto.h"
#include "evengrad/formats/onnx/protobuf/tensors.h"
#include "evengrad/formats/onnx/protobuf/wire_check.h"
#include "evengrad/formats/text_file.h"
#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

constexpr int64_t kMaxBytes = std::numeric_limits<int32_t>::max();

template <typename T>
absl::StatusOr<T> ParseFile(const std::string& path) {
  EVENGRAD_ASSIGN_OR_RETURN(const std::string bytes,
                            ReadWholeFile(path, kMaxBytes));
  T message;
  EVENGRAD_RETURN_IF_ERROR(CheckWire(path, bytes, message));
  if (!message.ParsePartialFromArray(bytes.data(),
                                     static_cast<int>(bytes.size()))) {
    return absl::DataLossError(
        StrCat(path, ": no ONNX file, or a broken one: protobuf refuses it"));
  }
  return message;
}

// Old files leave the type out.
onnx::AttributeProto_AttributeType TypeOf(const onnx::AttributeProto& proto) {
  using onnx::AttributeProto;
  if (proto.has_type() && proto.type() != AttributeProto::UNDEFINED) {
    return proto.type();
  }
  if (proto.has_f()) return AttributeProto::FLOAT;
  if (proto.has_i()) return AttributeProto::INT;
  if (proto.has_s()) return AttributeProto::STRING;
  if (proto.has_t()) return AttributeProto::TENSOR;
  if (proto.floats_size() > 0) return AttributeProto::FLOATS;
  if (proto.strings_size() > 0) return AttributeProto::STRINGS;
  return proto.has_g() ? AttributeProto::GRAPH : AttributeProto::INTS;
}

absl::StatusOr<OnnxAttribute> FromProto(const onnx::AttributeProto& proto,
                                        const std::string& what) {
  if (!proto.ref_attr_name().empty()) {
    return OnnxUnsupported{"an attribute of a function"};
  }
  switch (TypeOf(proto)) {
    case onnx::AttributeProto::FLOAT:
      return double{proto.f()};
    case onnx::AttributeProto::INT:
      return int64_t{proto.i()};
    case onnx::AttributeProto::STRING:
      return proto.s();
    case onnx::AttributeProto::FLOATS:
      return std::vector<double>(proto.floats().begin(), proto.floats().end());
    case onnx::AttributeProto::INTS:
      return std::vector<int64_t>(proto.ints().begin(), proto.ints().end());
    case onnx::AttributeProto::STRINGS:
      return std::vector<std::string>(proto.strings().begin(),
                                      proto.strings().end());
    case onnx::AttributeProto::TENSOR: {
      EVENGRAD_ASSIGN_OR_RETURN(auto tensor, TensorFromProto(proto.t(), what));
      if (auto* value = std::get_if<Tensor>(&tensor)) return std::move(*value);
      return std::get<OnnxUnsupported>(std::move(tensor));
    }
    default:
      return OnnxUnsupported{
          StrCat("an attribute of the kind ",
                 onnx::AttributeProto_AttributeType_Name(TypeOf(proto)))};
  }
}

absl::StatusOr<OnnxNode> FromProto(const onnx::NodeProto& proto, int index) {
  OnnxNode node;
  node.name = proto.name();
  node.op = proto.op_type();
  node.domain = proto.domain() == "ai.onnx" ? "" : proto.domain();
  node.inputs.assign(proto.input().begin(), proto.input().end());
  node.outputs.assign(proto.output().begin(), proto.output().end());
  for (const onnx::AttributeProto& attribute : proto.attribute()) {
    const std::string what = StrCat("node ", index + 1, " (", node.op,
                                    "): attribute '", attribute.name(), "'");
    EVENGRAD_ASSIGN_OR_RETURN(OnnxAttribute value, FromProto(attribute, what));
    if (!node.attributes.emplace(attribute.name(), std::move(value)).second) {
      return InvalidArgument(what, " is given twice");
    }
  }
  return node;
}

absl::Status ReadOpsets(const onnx::ModelProto& proto, OnnxModel& model) {
  for (const onnx::OperatorSetIdProto& opset : proto.opset_import()) {
    if (opset.domain().empty() || opset.domain() == "ai.onnx") {
      model.opset = opset.version();
    } else {
      model.domains[opset.domain()] = opset.version();
    }
  }
  if (proto.opset_import().empty()) model.opset = 1;
  for (const onnx::FunctionProto& function : proto.functions()) {
    model.functions.push_back(function.name());
  }
  if (model.opset >= 1 || model.opset == 0) return absl::OkStatus();
  return InvalidArgument("there is no opset ", model.opset);
}

absl::StatusOr<OnnxModel> FromProto(onnx::ModelProto& proto) {
  if (!proto.has_graph()) return InvalidArgument("the model has no graph");
  OnnxModel model;
  model.producer = proto.producer_name();
  model.graph_name = proto.graph().name();
  EVENGRAD_RETURN_IF_ERROR(ReadOpsets(proto, model));
  onnx::GraphProto& graph = *proto.mutable_graph();
  for (onnx::TensorProto& tensor : *graph.mutable_initializer()) {
    OnnxInitializer initializer = {.name = tensor.name()};
    EVENGRAD_ASSIGN_OR_RETURN(
        initializer.value,
        TensorFromProto(tensor, StrCat("initializer '", tensor.name(), "'")));
    tensor.Clear();  // no second copy of the weights
    model.initializers.push_back(std::move(initializer));
  }
  for (const onnx::SparseTensorProto& tensor : graph.sparse_initializer()) {
    model.initializers.push_back({.name = tensor.values().name(),
                                  .value = OnnxUnsupported{"a sparse tensor"}});
  }
  OnnxSymbols symbols;
  for (const onnx::ValueInfoProto& input : graph.input()) {
    model.inputs.push_back(InfoFromProto(input, symbols));
  }
  for (const onnx::ValueInfoProto& output : graph.output()) {
    model.outputs.push_back(InfoFromProto(output, symbols));
  }
  for (int i = 0; i < graph.node_size(); ++i) {
    EVENGRAD_ASSIGN_OR_RETURN(OnnxNode node, FromProto(graph.node(i), i));
    model.nodes.push_back(std::move(node));
  }
  return model;
}

// Sets the field for one kind of attribute.
struct AttributeWriter {
  onnx::AttributeProto& proto;

  absl::Status operator()(int64_t value) {
    proto.set_type(onnx::AttributeProto::INT);
    proto.set_i(value);
    return absl::OkStatus();
  }
  absl::Status operator()(double value) {
    proto.set_type(onnx::AttributeProto::FLOAT);
    proto.set_f(static_cast<float>(value));
    return absl::OkStatus();
  }
  absl::Status operator()(const std::string& value) {
    proto.set_type(onnx::AttributeProto::STRING);
    proto.set_s(value);
    return absl::OkStatus();
  }
  absl::Status operator()(const std::vector<int64_t>& values) {
    proto.set_type(onnx::AttributeProto::INTS);
    proto.mutable_ints()->Add(values.begin(), values.end());
    return absl::OkStatus();
  }
  absl::Status operator()(const std::vector<double>& values) {
    proto.set_type(onnx::AttributeProto::FLOATS);
    for (double value : values) proto.add_floats(static_cast<float>(value));
    return absl::OkStatus();
  }
  absl::Status operator()(const std::vector<std::string>& values) {
    proto.set_type(onnx::AttributeProto::STRINGS);
    for (const std::string& value : values) proto.add_strings(value);
    return absl::OkStatus();
  }
  absl::Status operator()(const Tensor& value) {
    proto.set_type(onnx::AttributeProto::TENSOR);
    return TensorToProto(value, *proto.mutable_t());
  }
  absl::Status operator()(const OnnxUnsupported& value) {
    return InvalidArgument(value.what, " cannot be written");
  }
};

absl::Status ToProto(const OnnxNode& node, onnx::NodeProto& proto) {
  proto.set_name(node.name);
  proto.set_op_type(node.op);
  if (!node.domain.empty()) proto.set_domain(node.domain);
  for (const std::string& input : node.inputs) proto.add_input(input);
  for (const std::string& output : node.outputs) proto.add_output(output);
  for (const auto& [name, value] : node.attributes) {
    onnx::AttributeProto& attribute = *proto.add_attribute();
    attribute.set_name(name);
    EVENGRAD_RETURN_IF_ERROR(std::visit(AttributeWriter{attribute}, value));
  }
  return absl::OkStatus();
}

absl::StatusOr<onnx::ModelProto> ToProto(const OnnxModel& model) {
  onnx::ModelProto proto;
  proto.set_ir_version(kOnnxIrVersion);
  proto.set_producer_name(model.producer);
  proto.add_opset_import()->set_version(model.opset);
  onnx::GraphProto& graph = *proto.mutable_graph();
  graph.set_name(model.graph_name);
  for (const OnnxInitializer& initializer : model.initializers) {
    onnx::TensorProto& tensor = *graph.add_initializer();
    tensor.set_name(initializer.name);
    EVENGRAD_RETURN_IF_ERROR(
        TensorToProto(std::get<Tensor>(initializer.value), tensor));
  }
  for (const OnnxNode& node : model.nodes) {
    EVENGRAD_RETURN_IF_ERROR(ToProto(node, *graph.add_node()));
  }
  for (const OnnxValueInfo& input : model.inputs) {
    InfoToProto(input, *graph.add_input());
  }
  for (const OnnxValueInfo& output : model.outputs) {
    InfoToProto(output, *graph.add_output());
  }
  return proto;
}

}  // namespace

bool OnnxIsAvailable() { return true; }

absl::StatusOr<OnnxModel> ReadOnnxModel(const std::string& path) {
  EVENGRAD_ASSIGN_OR_RETURN(auto proto, ParseFile<onnx::ModelProto>(path));
  absl::StatusOr<OnnxModel> model = FromProto(proto);
  if (!model.ok()) return Prefixed(model.status(), StrCat(path, ": "));
  return model;
}

absl::Status WriteOnnxModel(const OnnxModel& model, const std::string& path) {
  const absl::StatusOr<onnx::ModelProto> proto = ToProto(model);
  if (!proto.ok()) return Prefixed(proto.status(), StrCat(path, ": "));
  const size_t size = proto->ByteSizeLong();
  if (size > static_cast<size_t>(kMaxBytes)) {
    return InvalidArgument(path, ": the model would have ", size,
                           " bytes; an ONNX file has less than 2 GB");
  }
  std::string bytes;
  if (!proto->SerializeToString(&bytes)) {
    return absl::InternalError(StrCat(path, ": protobuf cannot write it"));
  }
  EVENGRAD_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
  EVENGRAD_RETURN_IF_ERROR(file.Write(bytes));
  return file.Commit();
}

absl::StatusOr<OnnxInitializer> ReadOnnxTensor(const std::string& path) {
  EVENGRAD_ASSIGN_OR_RETURN(const auto proto,
                            ParseFile<onnx::TensorProto>(path));
  OnnxInitializer tensor = {.name = proto.name()};
  EVENGRAD_ASSIGN_OR_RETURN(
      tensor.value, TensorFromProto(proto, StrCat(path, ": the tensor")));
  return tensor;
}

}  // namespace evengrad
