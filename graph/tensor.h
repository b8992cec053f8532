// A dense, row-major, 64-byte aligned buffer with a dtype and sizes. Copies
// share the buffer.
#ifndef EVENGRAD_GRAPH_TENSOR_H_
#define EVENGRAD_GRAPH_TENSOR_H_

#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "evengrad/graph/export.h"
#include "evengrad/graph/status.h"
#include "evengrad/graph/tensor_type.h"

namespace evengrad {

// A 64-byte aligned block of bytes, zero-filled; padded to a multiple of 64.
// Returns null where memory is exhausted.
EVENGRAD_EXPORT std::shared_ptr<std::byte> AllocateAligned(int64_t bytes);

class EVENGRAD_EXPORT Tensor {
 public:
  Tensor() = default;  // no buffer: valid() is false

  // A tensor of zeros. Errors: an open dimension, overflow, no memory.
  static absl::StatusOr<Tensor> Zeros(const TensorType& type);
  // A tensor over `buffer`, which must hold the bytes of the static `type`.
  static absl::StatusOr<Tensor> Wrap(const TensorType& type,
                                     std::shared_ptr<std::byte> buffer);
  // A copy of `values`; their number must be the product of `sizes`.
  template <typename T>
  static absl::StatusOr<Tensor> Of(std::span<const int64_t> sizes,
                                   std::span<const T> values);
  template <typename T>
  static absl::StatusOr<Tensor> Of(std::initializer_list<int64_t> sizes,
                                   const std::vector<T>& values) {
    return Of<T>(std::span<const int64_t>(sizes.begin(), sizes.size()),
                 std::span<const T>(values));
  }

  bool valid() const { return buffer_ != nullptr; }
  DType dtype() const { return dtype_; }
  std::span<const int64_t> sizes() const { return sizes_; }
  int rank() const { return static_cast<int>(sizes_.size()); }
  int64_t num_elements() const { return num_elements_; }
  int64_t byte_size() const {
    return num_elements_ * static_cast<int64_t>(SizeOf(dtype_));
  }
  TensorType type() const { return {dtype_, Shape(sizes())}; }

  const void* data() const { return buffer_.get(); }
  void* mutable_data() { return buffer_.get(); }
  const std::shared_ptr<std::byte>& buffer() const { return buffer_; }

  // The elements. Error: T is not the tensor's element type.
  template <typename T>
  absl::StatusOr<std::span<const T>> values() const;
  template <typename T>
  absl::StatusOr<std::span<T>> mutable_values();
  // The only element of a tensor of one. Errors: another type or count.
  template <typename T>
  absl::StatusOr<T> scalar() const;
  // The elements converted to double, whatever the dtype.
  std::vector<double> ToDoubles() const;

  // A tensor with a buffer of its own.
  absl::StatusOr<Tensor> Clone() const;
  // "f32[2,3]".
  std::string ToString() const { return type().ToString(); }

 private:
  absl::Status CheckType(DType wanted) const;

  DType dtype_ = DType::kF32;
  std::vector<int64_t> sizes_;
  int64_t num_elements_ = 0;
  std::shared_ptr<std::byte> buffer_;
};

// Same dtype, sizes and bytes.
EVENGRAD_EXPORT bool operator==(const Tensor& a, const Tensor& b);

// Element `i` of a buffer of `dtype`, as a double, and the inverse: rounded to
// nearest for floats, truncated and saturated for integers, != 0 for bool.
EVENGRAD_EXPORT double LoadAsDouble(DType dtype, const void* data, int64_t i);
EVENGRAD_EXPORT void StoreFromDouble(DType dtype, void* data, int64_t i,
                                     double value);

// Round to nearest even; NaN stays NaN.
inline BFloat16 ToBFloat16(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  if (value != value) return {static_cast<uint16_t>((bits >> 16) | 0x40u)};
  bits += 0x7fffu + ((bits >> 16) & 1u);
  return {static_cast<uint16_t>(bits >> 16)};
}
inline float ToFloat(BFloat16 value) {
  const uint32_t bits = static_cast<uint32_t>(value.bits) << 16;
  float result;
  std::memcpy(&result, &bits, sizeof(result));
  return result;
}

template <typename T>
absl::StatusOr<Tensor> Tensor::Of(std::span<const int64_t> sizes,
                                  std::span<const T> values) {
  EVENGRAD_ASSIGN_OR_RETURN(Tensor tensor,
                            Zeros(TensorType{DTypeOf<T>, Shape(sizes)}));
  if (tensor.num_elements() != static_cast<int64_t>(values.size())) {
    return InvalidArgument(values.size(), " values given for a tensor of type ",
                           tensor.ToString(), ", which has ",
                           tensor.num_elements());
  }
  if (!values.empty()) {
    std::memcpy(tensor.mutable_data(), values.data(), values.size_bytes());
  }
  return tensor;
}

template <typename T>
absl::StatusOr<std::span<const T>> Tensor::values() const {
  EVENGRAD_RETURN_IF_ERROR(CheckType(DTypeOf<T>));
  return std::span<const T>(reinterpret_cast<const T*>(buffer_.get()),
                            static_cast<size_t>(num_elements_));
}

template <typename T>
absl::StatusOr<std::span<T>> Tensor::mutable_values() {
  EVENGRAD_RETURN_IF_ERROR(CheckType(DTypeOf<T>));
  return std::span<T>(reinterpret_cast<T*>(buffer_.get()),
                      static_cast<size_t>(num_elements_));
}

template <typename T>
absl::StatusOr<T> Tensor::scalar() const {
  EVENGRAD_ASSIGN_OR_RETURN(std::span<const T> elements, values<T>());
  if (elements.size() != 1) {
    return InvalidArgument("a tensor of type ", ToString(),
                           " is not a single number");
  }
  return elements[0];
}

}  // namespace evengrad

#endif  // EVENGRAD_GRAPH_TENSOR_H_
