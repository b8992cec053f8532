// Element types of tensors.
#ifndef EVENGRAD_GRAPH_DTYPE_H_
#define EVENGRAD_GRAPH_DTYPE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "evengrad/graph/export.h"

namespace evengrad {

enum class DType : uint8_t {
  kF32,
  kF64,
  kBF16,
  kI32,
  kI64,
  kU8,
  kBool,    // one byte, 0 or 1
  kOpaque,  // bytes that only the kernel that wrote them understands
};

// The upper 16 bits of an IEEE float; arithmetic happens in float.
struct BFloat16 {
  uint16_t bits = 0;
  friend bool operator==(BFloat16, BFloat16) = default;
};

// "f32", "f64", "bf16", "i32", "i64", "u8", "bool", "opaque".
EVENGRAD_EXPORT std::string_view Name(DType dtype);
// The inverse of Name; empty where no type has that name.
EVENGRAD_EXPORT std::optional<DType> ParseDType(std::string_view name);
// Bytes of one element.
EVENGRAD_EXPORT size_t SizeOf(DType dtype);
// f32, f64 and bf16.
EVENGRAD_EXPORT bool IsFloating(DType dtype);
// i32, i64 and u8.
EVENGRAD_EXPORT bool IsInteger(DType dtype);

// DTypeOf<float> == DType::kF32, and so on for every element type.
template <typename T>
inline constexpr DType DTypeOf = DType::kOpaque;
template <>
inline constexpr DType DTypeOf<float> = DType::kF32;
template <>
inline constexpr DType DTypeOf<double> = DType::kF64;
template <>
inline constexpr DType DTypeOf<BFloat16> = DType::kBF16;
template <>
inline constexpr DType DTypeOf<int32_t> = DType::kI32;
template <>
inline constexpr DType DTypeOf<int64_t> = DType::kI64;
template <>
inline constexpr DType DTypeOf<uint8_t> = DType::kU8;
template <>
inline constexpr DType DTypeOf<bool> = DType::kBool;

}  // namespace evengrad

#endif  // EVENGRAD_GRAPH_DTYPE_H_
