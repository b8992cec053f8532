#include "evengrad/formats/safetensors_header.h"

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "evengrad/formats/json_lines.h"
#include "evengrad/formats/json_reader.h"
#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

constexpr std::string_view kMetadata = "__metadata__";

struct DTypeName {
  DType dtype;
  std::string_view name;
};
constexpr std::array<DTypeName, 7> kDTypes = {{{DType::kF32, "F32"},
                                               {DType::kF64, "F64"},
                                               {DType::kBF16, "BF16"},
                                               {DType::kI32, "I32"},
                                               {DType::kI64, "I64"},
                                               {DType::kU8, "U8"},
                                               {DType::kBool, "BOOL"}}};

absl::StatusOr<DType> ReadDType(JsonReader& json) {
  EVENGRAD_ASSIGN_OR_RETURN(const std::string name, json.String());
  for (const DTypeName& known : kDTypes) {
    if (known.name == name) return known.dtype;
  }
  return json.Error("element type ", QuotedJson(name),
                    " is not supported; known are F32, F64, BF16, I32, I64, U8 "
                    "and BOOL");
}

absl::StatusOr<Shape> ReadShape(JsonReader& json) {
  Shape shape;
  EVENGRAD_RETURN_IF_ERROR(json.Array([&]() -> absl::Status {
    if (shape.rank() == Shape::kMaxRank) {
      return json.Error("a shape of more than ", Shape::kMaxRank,
                        " dimensions is not supported");
    }
    EVENGRAD_ASSIGN_OR_RETURN(const int64_t size, json.Integer());
    shape.Append(Dimension(size));
    return absl::OkStatus();
  }));
  return shape;
}

absl::StatusOr<std::pair<int64_t, int64_t>> ReadOffsets(JsonReader& json) {
  std::array<int64_t, 2> offsets = {};
  size_t count = 0;
  EVENGRAD_RETURN_IF_ERROR(json.Array([&]() -> absl::Status {
    EVENGRAD_ASSIGN_OR_RETURN(const int64_t offset, json.Integer());
    if (count < offsets.size()) offsets[count] = offset;
    ++count;
    return absl::OkStatus();
  }));
  if (count != offsets.size()) {
    return json.Error("data_offsets has ", count,
                      " numbers, expected [begin, end]");
  }
  return std::pair(offsets[0], offsets[1]);
}

// The members of one tensor, in any order.
absl::Status ReadEntry(JsonReader& json, SafetensorsEntry& entry) {
  std::optional<DType> dtype;
  std::optional<Shape> shape;
  std::optional<std::pair<int64_t, int64_t>> offsets;
  const std::string name = QuotedJson(entry.name);
  // Reads a member that has not been read.
  auto read = [&](auto& target, auto&& reader,
                  std::string_view member) -> absl::Status {
    if (target.has_value()) {
      return json.Error("tensor ", name, " has two members '", member, "'");
    }
    EVENGRAD_ASSIGN_OR_RETURN(target, reader(json));
    return absl::OkStatus();
  };
  EVENGRAD_RETURN_IF_ERROR(
      json.Object([&](const std::string& member) -> absl::Status {
        if (member == "dtype") return read(dtype, ReadDType, member);
        if (member == "shape") return read(shape, ReadShape, member);
        if (member == "data_offsets") return read(offsets, ReadOffsets, member);
        return json.Error("tensor ", name, " has an unknown member ",
                          QuotedJson(member),
                          "; known are dtype, shape and data_offsets");
      }));
  if (!dtype.has_value() || !shape.has_value() || !offsets.has_value()) {
    return json.Error("tensor ", name, " has no '",
                      !dtype.has_value()   ? "dtype"
                      : !shape.has_value() ? "shape"
                                           : "data_offsets",
                      "'");
  }
  entry.type = {*dtype, *std::move(shape)};
  std::tie(entry.begin, entry.end) = *offsets;
  const absl::StatusOr<int64_t> bytes = entry.type.ByteSize();
  if (!bytes.ok()) {
    return json.Error("tensor ", name, ": ", Message(bytes.status()));
  }
  if (entry.end < entry.begin || entry.end - entry.begin != *bytes) {
    return json.Error("tensor ", name, " of type ", entry.type.ToString(),
                      " takes ", *bytes, " bytes, but has the data_offsets [",
                      entry.begin, ",", entry.end, "]");
  }
  return absl::OkStatus();
}

absl::Status ReadMetadata(JsonReader& json, SafetensorsMetadata& metadata) {
  return json.Object([&](std::string name) -> absl::Status {
    if (metadata.size() == kSafetensorsMaxMetadata) {
      return json.Error("more than ", kSafetensorsMaxMetadata,
                        " members of __metadata__");
    }
    EVENGRAD_ASSIGN_OR_RETURN(std::string value, json.String());
    if (!metadata.emplace(name, std::move(value)).second) {
      return json.Error("__metadata__ has two members ", QuotedJson(name));
    }
    return absl::OkStatus();
  });
}

// The tensors side by side fill the data.
absl::Status CheckLayout(const std::vector<SafetensorsEntry>& tensors,
                         int64_t data_bytes) {
  const SafetensorsEntry* previous = nullptr;
  int64_t end = 0;
  for (const SafetensorsEntry& entry : tensors) {
    if (entry.begin < end) {
      return InvalidArgument("tensors ", QuotedJson(previous->name), " [",
                             previous->begin, ",", previous->end, "] and ",
                             QuotedJson(entry.name), " [", entry.begin, ",",
                             entry.end, "] overlap");
    }
    if (entry.begin > end) {
      return InvalidArgument("bytes ", end, " to ", entry.begin,
                             " of the data, before tensor ",
                             QuotedJson(entry.name), ", belong to no tensor");
    }
    previous = &entry;
    end = entry.end;
  }
  if (end > data_bytes) {
    return InvalidArgument("truncated: the tensors take ", end, " bytes, only ",
                           data_bytes, " are in the file");
  }
  if (end < data_bytes) {
    return InvalidArgument("the last ", data_bytes - end,
                           " bytes of the file belong to no tensor");
  }
  return absl::OkStatus();
}

std::string_view NameOf(DType dtype) {
  for (const DTypeName& known : kDTypes) {
    if (known.dtype == dtype) return known.name;
  }
  return "U8";  // opaque bytes
}

}  // namespace

absl::StatusOr<SafetensorsHeader> ParseSafetensorsHeader(std::string_view text,
                                                         int64_t data_bytes) {
  if (!text.starts_with('{')) {
    return InvalidArgument("byte 0: expected '{'");
  }
  SafetensorsHeader header;
  std::set<std::string, std::less<>> names;
  bool has_metadata = false;
  JsonReader json(text);
  EVENGRAD_RETURN_IF_ERROR(json.Object([&](std::string name) -> absl::Status {
    if (name == kMetadata) {
      if (std::exchange(has_metadata, true)) {
        return json.Error("two members __metadata__");
      }
      return ReadMetadata(json, header.metadata);
    }
    if (header.tensors.size() == kSafetensorsMaxTensors) {
      return json.Error("more than ", kSafetensorsMaxTensors, " tensors");
    }
    if (!names.insert(name).second) {
      return json.Error("two tensors are named ", QuotedJson(name));
    }
    header.tensors.push_back({.name = std::move(name)});
    return ReadEntry(json, header.tensors.back());
  }));
  EVENGRAD_RETURN_IF_ERROR(json.ExpectEnd());
  std::ranges::stable_sort(header.tensors, {}, [](const SafetensorsEntry& e) {
    return std::pair(e.begin, e.end);
  });
  EVENGRAD_RETURN_IF_ERROR(CheckLayout(header.tensors, data_bytes));
  return header;
}

std::string FormatSafetensorsHeader(const SafetensorsHeader& header) {
  std::string text = "{";
  if (!header.metadata.empty()) {
    text += "\"__metadata__\":{";
    std::string_view separator = "";
    for (const auto& [name, value] : header.metadata) {
      text += StrCat(separator, QuotedJson(name), ":", QuotedJson(value));
      separator = ",";
    }
    text += "}";
  }
  for (const SafetensorsEntry& entry : header.tensors) {
    text += StrCat(text.size() > 1 ? "," : "", QuotedJson(entry.name),
                   ":{\"dtype\":\"", NameOf(entry.type.dtype),
                   "\",\"shape\":", entry.type.shape.ToString(),
                   ",\"data_offsets\":[", entry.begin, ",", entry.end, "]}");
  }
  text += "}";
  constexpr size_t kAlignment = 64;
  text.append((kAlignment - (text.size() + 8) % kAlignment) % kAlignment, ' ');
  return text;
}

}  // namespace evengrad
