#include "evengrad/graph/tensor.h"

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include <cmath>
#include <cstdlib>
#include <limits>
#include <type_traits>

namespace evengrad {
namespace {

constexpr size_t kAlignment = 64;

// Truncates toward zero; NaN becomes 0, what does not fit the nearest bound.
template <typename T>
T Saturated(double value) {
  if (std::isnan(value)) return 0;
  constexpr double kLow = static_cast<double>(std::numeric_limits<T>::min());
  constexpr double kHigh = static_cast<double>(std::numeric_limits<T>::max());
  if (value <= kLow) return std::numeric_limits<T>::min();
  if (value >= kHigh) return std::numeric_limits<T>::max();
  return static_cast<T>(value);
}

// Rows of a large matrix lie on pages of their own: with small ones, finding
// pages costs a tenth of a product's time.
constexpr size_t kHugePage = size_t{2} << 20;
constexpr size_t kWorthHugePages = 2 * kHugePage;

void* AllocateHugePages(size_t bytes) {
  const size_t padded = (bytes + kHugePage - 1) / kHugePage * kHugePage;
  void* memory = std::aligned_alloc(kHugePage, padded);
#if defined(MADV_HUGEPAGE)
  // A hint: where the system has none to give, small ones do.
  if (memory != nullptr) madvise(memory, padded, MADV_HUGEPAGE);
#endif
  return memory;
}

}  // namespace

std::shared_ptr<std::byte> AllocateAligned(int64_t bytes) {
  if (bytes < 0 || bytes > std::numeric_limits<int64_t>::max() / 2) {
    return nullptr;
  }
  const size_t padded =
      (static_cast<size_t>(bytes) + kAlignment) / kAlignment * kAlignment;
  void* memory = nullptr;
  if (padded >= kWorthHugePages) {
    memory = AllocateHugePages(padded);
  } else {
    memory = std::aligned_alloc(kAlignment, padded);
  }
  if (memory == nullptr) return nullptr;
  std::memset(memory, 0, padded);
  return {static_cast<std::byte*>(memory),
          [](std::byte* pointer) { std::free(pointer); }};
}

absl::StatusOr<Tensor> Tensor::Zeros(const TensorType& type) {
  EVENGRAD_ASSIGN_OR_RETURN(int64_t bytes, type.ByteSize());
  std::shared_ptr<std::byte> buffer = AllocateAligned(bytes);
  if (buffer == nullptr) {
    return absl::ResourceExhaustedError(
        StrCat("no memory for ", type.ToString(), ", ", bytes, " bytes"));
  }
  return Wrap(type, std::move(buffer));
}

absl::StatusOr<Tensor> Tensor::Wrap(const TensorType& type,
                                    std::shared_ptr<std::byte> buffer) {
  if (buffer == nullptr) {
    return InvalidArgument("Tensor::Wrap: the buffer for ", type.ToString(),
                           " is null");
  }
  Tensor tensor;
  tensor.dtype_ = type.dtype;
  EVENGRAD_ASSIGN_OR_RETURN(tensor.sizes_, type.shape.Sizes());
  EVENGRAD_ASSIGN_OR_RETURN(tensor.num_elements_, type.shape.NumElements());
  tensor.buffer_ = std::move(buffer);
  return tensor;
}

absl::Status Tensor::CheckType(DType wanted) const {
  if (!valid()) return InvalidArgument("the tensor is empty");
  if (dtype_ == wanted) return absl::OkStatus();
  return InvalidArgument("the tensor has type ", ToString(), ", not ",
                         Name(wanted));
}

std::vector<double> Tensor::ToDoubles() const {
  std::vector<double> result(static_cast<size_t>(num_elements_));
  for (int64_t i = 0; i < num_elements_; ++i) {
    result[i] = LoadAsDouble(dtype_, data(), i);
  }
  return result;
}

absl::StatusOr<Tensor> Tensor::Clone() const {
  if (!valid()) return Tensor();
  EVENGRAD_ASSIGN_OR_RETURN(Tensor copy, Zeros(type()));
  std::memcpy(copy.mutable_data(), data(), static_cast<size_t>(byte_size()));
  return copy;
}

bool operator==(const Tensor& a, const Tensor& b) {
  if (a.valid() != b.valid()) return false;
  if (!a.valid()) return true;
  return a.type() == b.type() &&
         std::memcmp(a.data(), b.data(), static_cast<size_t>(a.byte_size())) ==
             0;
}

double LoadAsDouble(DType dtype, const void* data, int64_t i) {
  switch (dtype) {
    case DType::kF32:
      return static_cast<const float*>(data)[i];
    case DType::kF64:
      return static_cast<const double*>(data)[i];
    case DType::kBF16:
      return ToFloat(static_cast<const BFloat16*>(data)[i]);
    case DType::kI32:
      return static_cast<const int32_t*>(data)[i];
    case DType::kI64:
      return static_cast<double>(static_cast<const int64_t*>(data)[i]);
    case DType::kU8:
    case DType::kBool:
    case DType::kOpaque:
      return static_cast<const uint8_t*>(data)[i];
  }
  return 0;
}

void StoreFromDouble(DType dtype, void* data, int64_t i, double value) {
  switch (dtype) {
    case DType::kF32:
      static_cast<float*>(data)[i] = static_cast<float>(value);
      return;
    case DType::kF64:
      static_cast<double*>(data)[i] = value;
      return;
    case DType::kBF16:
      static_cast<BFloat16*>(data)[i] = ToBFloat16(static_cast<float>(value));
      return;
    case DType::kI32:
      static_cast<int32_t*>(data)[i] = Saturated<int32_t>(value);
      return;
    case DType::kI64:
      static_cast<int64_t*>(data)[i] = Saturated<int64_t>(value);
      return;
    case DType::kBool:
      static_cast<uint8_t*>(data)[i] = value != 0 ? 1 : 0;
      return;
    case DType::kU8:
    case DType::kOpaque:
      static_cast<uint8_t*>(data)[i] = Saturated<uint8_t>(value);
      return;
  }
}

}  // namespace evengrad
