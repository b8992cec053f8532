#include "evengrad/graph/dtype.h"

#include <array>

namespace evengrad {
namespace {

struct DTypeInfo {
  std::string_view name;
  size_t size;
};

// In the order of the enumeration.
constexpr std::array<DTypeInfo, 8> kTypes = {{{"f32", 4},
                                              {"f64", 8},
                                              {"bf16", 2},
                                              {"i32", 4},
                                              {"i64", 8},
                                              {"u8", 1},
                                              {"bool", 1},
                                              {"opaque", 1}}};

}  // namespace

std::string_view Name(DType dtype) {
  return kTypes[static_cast<size_t>(dtype)].name;
}

std::optional<DType> ParseDType(std::string_view name) {
  for (size_t i = 0; i < kTypes.size(); ++i) {
    if (kTypes[i].name == name) return static_cast<DType>(i);
  }
  return std::nullopt;
}

size_t SizeOf(DType dtype) { return kTypes[static_cast<size_t>(dtype)].size; }

bool IsFloating(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kF64 || dtype == DType::kBF16;
}

bool IsInteger(DType dtype) {
  return dtype == DType::kI32 || dtype == DType::kI64 || dtype == DType::kU8;
}

}  // namespace evengrad
