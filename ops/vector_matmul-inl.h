// The inner loops of matrix products, compiled once for each instruction set: a
// tile of the output that stays in registers while the depth is walked, and the
// copies that lay a matrix out for it.

// Per-target include guard.
#if defined(EVENGRAD_OPS_VECTOR_MATMUL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EVENGRAD_OPS_VECTOR_MATMUL_INL_H_
#undef EVENGRAD_OPS_VECTOR_MATMUL_INL_H_
#else
#define EVENGRAD_OPS_VECTOR_MATMUL_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "evengrad/ops/vector_loop-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evengrad {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// A matrix as the loops read it: element (i, j) is data[i * row + j * column].
struct MatrixView {
  const float* data;
  int64_t row;
  int64_t column;
};

#if !HWY_HAVE_SCALABLE && HWY_TARGET != HWY_SCALAR

using TileVectors = hn::ScalableTag<float>;
inline constexpr int64_t kTileLanes = hn::MaxLanes(TileVectors());
inline constexpr int kMaxTileVectors = 3;
inline constexpr int kMaxTileRows = 12;
#if HWY_ARCH_X86 && HWY_TARGET > HWY_AVX3
inline constexpr bool kManyRegisters = false;  // 16
#else
inline constexpr bool kManyRegisters = true;  // 32
#endif
// Rows of a tile that is so many vectors wide: sums, a row of the weights and
// one element of the input fit the registers.
constexpr int TileRows(int vectors) {
  if (kManyRegisters) return vectors == 3 ? 8 : 12;
  return vectors == 3 ? 4 : (vectors == 2 ? 6 : 8);
}

// sums[i][j] += a[i * a_row] * (vector j of b).
template <int kRows, int kVectors>
HWY_INLINE void AddProducts(const float* a, int64_t a_row, const float* b,
                            hn::Vec<TileVectors> (&sums)[kRows][kVectors]) {
  const TileVectors d;
  using V = hn::Vec<TileVectors>;
  V weights[kVectors];
  HWY_UNROLL(3)
  for (int j = 0; j < kVectors; ++j) {
    weights[j] = hn::LoadU(d, b + j * kTileLanes);
  }
  HWY_UNROLL(12)
  for (int i = 0; i < kRows; ++i) {
    const V factor = hn::Set(d, a[i * a_row]);
    HWY_UNROLL(3)
    for (int j = 0; j < kVectors; ++j) {
      sums[i][j] = hn::MulAdd(factor, weights[j], sums[i][j]);
    }
  }
}

// The weights of a tile.
struct StripView {
  const float* data = nullptr;
  int64_t row = 0;
  int64_t depth = 0;
  // Where the last vector is not full, it is read beyond its end, which is not
  // allowed in the last row of the matrix: a copy of that row; else null.
  const float* last_row = nullptr;
  size_t last_columns = 0;  // of the last vector
};

// c = a · b, or c += a · b, for kRows rows and kVectors vectors of columns.
template <int kRows, int kVectors>
void ComputeTile(const MatrixView& a, const StripView& b, float* c,
                 int64_t c_row, bool add) {
  const TileVectors d;
  using V = hn::Vec<TileVectors>;
  V sums[kRows][kVectors];
  HWY_UNROLL(12)
  for (int i = 0; i < kRows; ++i) {
    HWY_UNROLL(3)
    for (int j = 0; j < kVectors; ++j) sums[i][j] = hn::Zero(d);
  }
  const float* from = a.data;
  const float* weights = b.data;
  const int64_t depth = b.last_row == nullptr ? b.depth : b.depth - 1;
  for (int64_t k = 0; k < depth; ++k) {
    AddProducts<kRows, kVectors>(from, a.row, weights, sums);
    from += a.column;
    weights += b.row;
  }
  if (b.last_row != nullptr) {
    AddProducts<kRows, kVectors>(from, a.row, b.last_row, sums);
  }
  const size_t last = b.last_columns;
  HWY_UNROLL(12)
  for (int i = 0; i < kRows; ++i) {
    float* const to = c + i * c_row;
    HWY_UNROLL(3)
    for (int j = 0; j < kVectors; ++j) {
      float* const at = to + j * kTileLanes;
      const bool whole = j + 1 < kVectors || last == size_t{kTileLanes};
      if (whole) {
        const V sum = add ? hn::Add(hn::LoadU(d, at), sums[i][j]) : sums[i][j];
        hn::StoreU(sum, d, at);
      } else {
        const V sum =
            add ? hn::Add(LoadFirst(d, at, last), sums[i][j]) : sums[i][j];
        StoreFirst(d, sum, at, last);
      }
    }
  }
}

using TileFunction = void (*)(const MatrixView&, const StripView&, float*,
                              int64_t, bool);

template <int kVectors>
TileFunction FindTileOf(int rows) {
  static constexpr TileFunction kTiles[] = {
      ComputeTile<1, kVectors>,  ComputeTile<2, kVectors>,
      ComputeTile<3, kVectors>,  ComputeTile<4, kVectors>,
      ComputeTile<5, kVectors>,  ComputeTile<6, kVectors>,
      ComputeTile<7, kVectors>,  ComputeTile<8, kVectors>,
      ComputeTile<9, kVectors>,  ComputeTile<10, kVectors>,
      ComputeTile<11, kVectors>, ComputeTile<12, kVectors>};
  return kTiles[rows - 1];
}

inline TileFunction FindTile(int rows, int vectors) {
  if (vectors == 3) return FindTileOf<3>(rows);
  return vectors == 2 ? FindTileOf<2>(rows) : FindTileOf<1>(rows);
}

// Transposes four vectors of four and stores them `stride` elements apart.
template <class D, class V>
HWY_INLINE void StoreTransposed(D d, V a, V b, V c, V e, float* to,
                                int64_t stride) {
  const V ac_low = hn::InterleaveLower(d, a, c);
  const V ac_high = hn::InterleaveUpper(d, a, c);
  const V be_low = hn::InterleaveLower(d, b, e);
  const V be_high = hn::InterleaveUpper(d, b, e);
  hn::StoreU(hn::InterleaveLower(d, ac_low, be_low), d, to);
  hn::StoreU(hn::InterleaveUpper(d, ac_low, be_low), d, to + stride);
  hn::StoreU(hn::InterleaveLower(d, ac_high, be_high), d, to + 2 * stride);
  hn::StoreU(hn::InterleaveUpper(d, ac_high, be_high), d, to + 3 * stride);
}

// to[k * width + j] = from[j * stride + k] for j < count, 0 for the others
// below `width`, which is a multiple of four.
inline void PackTransposed(const float* from, int64_t stride, int64_t count,
                           int64_t width, int64_t depth, float* to) {
  const hn::FixedTag<float, 4> d;
  for (int64_t j = 0; j < width; j += 4) {
    const int64_t lines = std::clamp<int64_t>(count - j, 0, 4);
    const float* const line = from + j * stride;
    int64_t k = 0;
    if (lines == 4) {
      for (; k + 4 <= depth; k += 4) {
        StoreTransposed(
            d, hn::LoadU(d, line + k), hn::LoadU(d, line + stride + k),
            hn::LoadU(d, line + 2 * stride + k),
            hn::LoadU(d, line + 3 * stride + k), to + k * width + j, width);
      }
    }
    for (; k < depth; ++k) {
      for (int64_t i = 0; i < 4; ++i) {
        to[k * width + j + i] = i < lines ? line[i * stride + k] : 0.0f;
      }
    }
  }
}

// to[k * width + j] = from[k * stride + j] for j < count, 0 for the others
// below `width`, which is a multiple of four.
inline void PackRows(const float* from, int64_t stride, int64_t count,
                     int64_t width, int64_t depth, float* to) {
  const hn::FixedTag<float, 4> d;
  for (int64_t k = 0; k < depth; ++k, from += stride, to += width) {
    int64_t j = 0;
    for (; j + 4 <= count; j += 4)
      hn::StoreU(hn::LoadU(d, from + j), d, to + j);
    for (; j < count; ++j) to[j] = from[j];
    for (; j < width; ++j) to[j] = 0;
  }
}

// `width` lines of a matrix for a tile: element (k, j) of the copy is that of
// line j at depth k.
inline void PackStrip(const float* from, int64_t line, int64_t depth_stride,
                      int64_t count, int64_t width, int64_t depth, float* to) {
  if (line == 1) {
    PackRows(from, depth_stride, count, width, depth, to);
  } else {
    PackTransposed(from, line, count, width, depth, to);
  }
}

// Part of a matrix that will be read soon: it is asked for line by line, a few
// lines before each tile.
class Prefetch {
 public:
  Prefetch() = default;
  Prefetch(const float* data, int64_t row_stride, int64_t rows, int64_t columns)
      : data_(data),
        row_stride_(row_stride),
        rows_(rows),
        lines_(columns / kLine + 1) {}

  int64_t num_lines() const { return rows_ * lines_; }
  // Lines a step so that all are asked for after `steps`.
  void Spread(int64_t steps) { rate_ = (num_lines() + steps - 1) / steps; }
  HWY_INLINE void Step() {
    for (int64_t i = 0; i < rate_ && row_ < rows_; ++i) {
      constexpr int kReadOnly = 0;
      constexpr int kSecondCache = 2;
      __builtin_prefetch(data_ + row_ * row_stride_ + line_ * kLine, kReadOnly,
                         kSecondCache);
      if (++line_ < lines_) continue;
      line_ = 0;
      ++row_;
    }
  }

 private:
  static constexpr int64_t kLine = 64 / sizeof(float);
  const float* data_ = nullptr;
  int64_t row_stride_ = 0;
  int64_t rows_ = 0;
  int64_t lines_ = 0;
  int64_t rate_ = 0;
  int64_t row_ = 0;
  int64_t line_ = 0;
};

// The vectors of the next strip of columns, of which `left` are left: no strip
// gets thin.
inline int StripVectors(int64_t left) {
  if (left >= kMaxTileVectors) return left == 4 ? 2 : kMaxTileVectors;
  return static_cast<int>(left);
}

#endif  // fixed vectors

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace evengrad
HWY_AFTER_NAMESPACE();

#endif  // EVENGRAD_OPS_VECTOR_MATMUL_INL_H_
