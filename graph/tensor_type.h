// The type of a value: an element type and a shape whose dimensions are
// integers, named symbols or unknown.
//
//   TensorType images = F32({"batch", 784});   // f32[batch,784]
#ifndef EVENGRAD_GRAPH_TENSOR_TYPE_H_
#define EVENGRAD_GRAPH_TENSOR_TYPE_H_

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "evengrad/graph/dtype.h"
#include "evengrad/graph/export.h"

namespace evengrad {

// One dimension of a shape.
//   integer  its size is known
//   symbol   its size is known only when fed; equal symbols are equal sizes
//   unknown  ("?") equal to nothing when built; checked when compiled
class EVENGRAD_EXPORT Dimension {
 public:
  Dimension() = default;  // unknown
  // NOLINTBEGIN(google-explicit-constructor): F32({"batch", 784})
  Dimension(int size) : size_(size) {}
  Dimension(int64_t size) : size_(size) {}
  Dimension(const char* symbol) : Dimension(std::string_view(symbol)) {}
  Dimension(std::string_view symbol);
  // NOLINTEND(google-explicit-constructor)
  static Dimension Unknown() { return Dimension(); }

  bool is_integer() const { return symbol_ == nullptr && size_ != kUnknown; }
  bool is_symbol() const { return symbol_ != nullptr; }
  bool is_unknown() const { return symbol_ == nullptr && size_ == kUnknown; }
  // Requires is_integer().
  int64_t size() const { return size_; }
  // Requires is_symbol().
  const std::string& symbol() const { return *symbol_; }
  // "784", "batch" or "?".
  std::string ToString() const;

  // Identity of the description: two unknown dimensions compare equal here.
  friend bool operator==(const Dimension&, const Dimension&) = default;

 private:
  static constexpr int64_t kUnknown = INT64_MIN;
  int64_t size_ = kUnknown;
  const std::string* symbol_ = nullptr;  // interned, so pointers compare
};

// True when the two are certainly the same size: equal integers or symbols.
inline bool CertainlyEqual(const Dimension& a, const Dimension& b) {
  return a == b && !a.is_unknown();
}

// True unless the two are certainly different: an unknown one may be anything.
inline bool MayBeEqual(const Dimension& a, const Dimension& b) {
  return a == b || a.is_unknown() || b.is_unknown();
}

// The more precise of two dimensions that may be equal.
inline Dimension Refine(const Dimension& a, const Dimension& b) {
  return a.is_unknown() ? b : a;
}

// A list of dimensions. A shape holds at most kMaxRank of them.
class EVENGRAD_EXPORT Shape {
 public:
  static constexpr int kMaxRank = 8;

  Shape() = default;                                  // a scalar
  Shape(std::initializer_list<Dimension> dimensions)  // NOLINT
      : dimensions_(dimensions) {}
  explicit Shape(std::span<const int64_t> sizes);
  explicit Shape(const std::vector<Dimension>& dimensions)
      : dimensions_(dimensions) {}

  int rank() const { return static_cast<int>(dimensions_.size()); }
  const Dimension& operator[](int i) const { return dimensions_[i]; }
  Dimension& operator[](int i) { return dimensions_[i]; }
  auto begin() const { return dimensions_.begin(); }
  auto end() const { return dimensions_.end(); }
  void Append(Dimension dimension) { dimensions_.push_back(dimension); }

  // Every dimension is an integer.
  bool is_static() const;
  // The sizes of a static shape; an error names the first other dimension.
  absl::StatusOr<std::vector<int64_t>> Sizes() const;
  // The product of the sizes of a static shape; overflow is an error.
  absl::StatusOr<int64_t> NumElements() const;
  // OK when the rank is at most kMaxRank, no size is negative, every symbol is
  // an identifier and the product of the integer dimensions does not overflow.
  absl::Status Validate() const;
  // "[batch,784]".
  std::string ToString() const;

  friend bool operator==(const Shape&, const Shape&) = default;

 private:
  std::vector<Dimension> dimensions_;
};

// Two shapes of which every dimension may be equal (see MayBeEqual).
EVENGRAD_EXPORT bool MayBeEqual(const Shape& a, const Shape& b);

// The shape to which both broadcast by NumPy's rules (aligned at the last
// dimension; a size of 1 stretches), or an error that names the dimension.
EVENGRAD_EXPORT absl::StatusOr<Shape> BroadcastShapes(const Shape& a,
                                                      const Shape& b);

// `axis` counted from the front (negative ones count from the back), or an
// error when it is not in [-rank, rank).
EVENGRAD_EXPORT absl::StatusOr<int> NormalizeAxis(int64_t axis, int rank);

struct EVENGRAD_EXPORT TensorType {
  DType dtype = DType::kF32;
  Shape shape = {};

  int rank() const { return shape.rank(); }
  // Elements times element size; overflow and open dimensions are errors.
  absl::StatusOr<int64_t> ByteSize() const;
  // "f32[batch,784]"; a scalar is "f32[]".
  std::string ToString() const;

  friend bool operator==(const TensorType&, const TensorType&) = default;
};

inline TensorType F32(Shape shape) { return {DType::kF32, std::move(shape)}; }
inline TensorType F64(Shape shape) { return {DType::kF64, std::move(shape)}; }
inline TensorType BF16(Shape shape) { return {DType::kBF16, std::move(shape)}; }
inline TensorType I32(Shape shape) { return {DType::kI32, std::move(shape)}; }
inline TensorType I64(Shape shape) { return {DType::kI64, std::move(shape)}; }
inline TensorType U8(Shape shape) { return {DType::kU8, std::move(shape)}; }
inline TensorType Bool(Shape shape) { return {DType::kBool, std::move(shape)}; }

}  // namespace evengrad

#endif  // EVENGRAD_GRAPH_TENSOR_TYPE_H_
