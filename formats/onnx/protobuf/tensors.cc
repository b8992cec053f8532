#include "evengrad/formats/onnx/protobuf/tensors.h"

#include <cctype>
#include <cstring>
#include <optional>
#include <utility>

#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

using onnx::TensorProto;

constexpr std::pair<int, DType> kTypes[] = {
    {TensorProto::FLOAT, DType::kF32},     {TensorProto::DOUBLE, DType::kF64},
    {TensorProto::BFLOAT16, DType::kBF16}, {TensorProto::INT32, DType::kI32},
    {TensorProto::INT64, DType::kI64},     {TensorProto::UINT8, DType::kU8},
    {TensorProto::BOOL, DType::kBool}};

std::optional<DType> ToDType(int type) {
  for (const auto& [onnx_type, dtype] : kTypes) {
    if (onnx_type == type) return dtype;
  }
  return std::nullopt;
}

OnnxUnsupported NoSuchType(int type) {
  return {StrCat("the element type ",
                 onnx::TensorProto_DataType_IsValid(type)
                     ? onnx::TensorProto_DataType_Name(
                           static_cast<onnx::TensorProto_DataType>(type))
                     : StrCat("number ", type))};
}

absl::StatusOr<std::vector<int64_t>> SizesOf(const TensorProto& proto,
                                             const std::string& what) {
  std::vector<int64_t> sizes(proto.dims().begin(), proto.dims().end());
  for (const int64_t size : sizes) {
    if (size < 0) return InvalidArgument(what, " has the size ", size);
  }
  return sizes;
}

// The number of values in the typed field that belongs to `dtype`.
int64_t CountTyped(const TensorProto& proto, DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return proto.float_data_size();
    case DType::kF64:
      return proto.double_data_size();
    case DType::kI64:
      return proto.int64_data_size();
    default:
      return proto.int32_data_size();
  }
}

// Values that stand in the field for all small types. False: out of range.
bool CopyNarrow(const TensorProto& proto, DType dtype, std::byte* target) {
  for (int i = 0; i < proto.int32_data_size(); ++i) {
    const int32_t value = proto.int32_data(i);
    const auto bits = static_cast<uint16_t>(value);
    switch (dtype) {
      case DType::kI32:
        std::memcpy(target + 4 * int64_t{i}, &value, 4);
        break;
      case DType::kBF16:
        std::memcpy(target + 2 * int64_t{i}, &bits, 2);
        if (value < 0 || value > 0xffff) return false;
        break;
      default:  // u8, bool
        if (value < 0 || value > (dtype == DType::kBool ? 1 : 255)) {
          return false;
        }
        target[i] = static_cast<std::byte>(value);
    }
  }
  return true;
}

bool CopyTyped(const TensorProto& proto, Tensor& tensor) {
  auto* target = static_cast<std::byte*>(tensor.mutable_data());
  const auto size = static_cast<size_t>(tensor.byte_size());
  if (size == 0) return true;
  switch (tensor.dtype()) {
    case DType::kF32:
      std::memcpy(target, proto.float_data().data(), size);
      return true;
    case DType::kF64:
      std::memcpy(target, proto.double_data().data(), size);
      return true;
    case DType::kI64:
      std::memcpy(target, proto.int64_data().data(), size);
      return true;
    default:
      return CopyNarrow(proto, tensor.dtype(), target);
  }
}

// Bytes are little-endian, as this machine's.
bool CopyRaw(const std::string& raw, Tensor& tensor) {
  if (!raw.empty()) std::memcpy(tensor.mutable_data(), raw.data(), raw.size());
  if (tensor.dtype() != DType::kBool) return true;
  for (const char c : raw) {
    if (c != 0 && c != 1) return false;
  }
  return true;
}

bool IsExternal(const TensorProto& proto) {
  return proto.data_location() == TensorProto::EXTERNAL ||
         proto.external_data_size() > 0;
}

}  // namespace

absl::StatusOr<std::variant<Tensor, OnnxUnsupported>> TensorFromProto(
    const TensorProto& proto, const std::string& what) {
  using Result = std::variant<Tensor, OnnxUnsupported>;
  if (IsExternal(proto)) {
    return InvalidArgument(
        what,
        " keeps its values in another file (external data), which is "
        "refused; save the model with its values inside");
  }
  if (proto.has_segment()) return Result(OnnxUnsupported{"a tensor in parts"});
  const std::optional<DType> dtype = ToDType(proto.data_type());
  if (!dtype.has_value()) return Result(NoSuchType(proto.data_type()));
  EVENGRAD_ASSIGN_OR_RETURN(const std::vector<int64_t> sizes,
                            SizesOf(proto, what));
  if (sizes.size() > Shape::kMaxRank) {
    return Result(OnnxUnsupported{StrCat("a tensor of rank ", sizes.size())});
  }
  const TensorType type = {*dtype, Shape(sizes)};
  const absl::StatusOr<int64_t> bytes = type.ByteSize();
  if (!bytes.ok()) return Prefixed(bytes.status(), StrCat(what, ": "));
  const bool raw = proto.has_raw_data();
  const int64_t found =
      raw ? static_cast<int64_t>(proto.raw_data().size())
          : CountTyped(proto, *dtype) * static_cast<int64_t>(SizeOf(*dtype));
  if (found != *bytes) {
    return InvalidArgument(what, ", ", type.ToString(), ", has ", found,
                           " bytes of values, expected ", *bytes);
  }
  EVENGRAD_ASSIGN_OR_RETURN(Tensor tensor, Tensor::Zeros(type));
  const bool copied =
      raw ? CopyRaw(proto.raw_data(), tensor) : CopyTyped(proto, tensor);
  if (!copied) {
    return InvalidArgument(what, ", ", type.ToString(),
                           ", has a value that is out of range");
  }
  return Result(std::move(tensor));
}

absl::Status TensorToProto(const Tensor& tensor, TensorProto& proto) {
  for (const auto& [onnx_type, dtype] : kTypes) {
    if (dtype == tensor.dtype()) proto.set_data_type(onnx_type);
  }
  if (!proto.has_data_type()) {
    return InvalidArgument("ONNX has no tensor of type ", tensor.ToString());
  }
  for (const int64_t size : tensor.sizes()) proto.add_dims(size);
  proto.set_raw_data(tensor.data(), static_cast<size_t>(tensor.byte_size()));
  return absl::OkStatus();
}

Dimension OnnxSymbols::operator()(const std::string& name) {
  if (name.empty()) return Dimension::Unknown();
  auto [it, is_new] = symbols_.try_emplace(name);
  if (is_new) {
    std::string symbol;
    for (const char c : name) {
      const auto byte = static_cast<unsigned char>(c);
      symbol += byte < 128 && std::isalnum(byte) != 0 ? c : '_';
    }
    if (std::isdigit(static_cast<unsigned char>(symbol[0])) != 0) {
      symbol = StrCat("_", symbol);
    }
    const int count = taken_[symbol]++;
    if (count > 0) symbol = StrCat(symbol, "__", count);
    it->second = symbol;
  }
  return Dimension(std::string_view(it->second));
}

OnnxValueInfo InfoFromProto(const onnx::ValueInfoProto& proto,
                            OnnxSymbols& symbols) {
  OnnxValueInfo info;
  info.name = proto.name();
  if (!proto.type().has_tensor_type()) {
    info.type = OnnxUnsupported{"a value that is no tensor"};
    return info;
  }
  const onnx::TypeProto_Tensor& tensor = proto.type().tensor_type();
  const std::optional<DType> dtype = ToDType(tensor.elem_type());
  if (!dtype.has_value()) {
    info.type = NoSuchType(tensor.elem_type());
    return info;
  }
  if (tensor.shape().dim_size() > Shape::kMaxRank) {
    info.type =
        OnnxUnsupported{StrCat("a tensor of rank ", tensor.shape().dim_size())};
    return info;
  }
  TensorType type = {*dtype, {}};
  for (const onnx::TensorShapeProto_Dimension& size : tensor.shape().dim()) {
    if (size.has_dim_value() && size.dim_value() >= 0) {
      type.shape.Append(Dimension(static_cast<int64_t>(size.dim_value())));
    } else {
      type.shape.Append(symbols(size.dim_param()));
    }
  }
  info.type = std::move(type);
  info.has_shape = tensor.has_shape();
  return info;
}

void InfoToProto(const OnnxValueInfo& info, onnx::ValueInfoProto& proto) {
  proto.set_name(info.name);
  const auto& type = std::get<TensorType>(info.type);
  onnx::TypeProto_Tensor& tensor = *proto.mutable_type()->mutable_tensor_type();
  for (const auto& [onnx_type, dtype] : kTypes) {
    if (dtype == type.dtype) tensor.set_elem_type(onnx_type);
  }
  onnx::TensorShapeProto& shape = *tensor.mutable_shape();
  for (const Dimension& size : type.shape) {
    onnx::TensorShapeProto_Dimension& dimension = *shape.add_dim();
    if (size.is_integer()) dimension.set_dim_value(size.size());
    if (size.is_symbol()) dimension.set_dim_param(size.symbol());
  }
}

}  // namespace evengrad
