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
#include "evengrad/ops/vector_matmul.h"

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

#undef EVENGRAD_HAS_MATMUL_LOOPS
#define EVENGRAD_HAS_MATMUL_LOOPS \
  (!HWY_HAVE_SCALABLE && HWY_TARGET != HWY_SCALAR)
#if EVENGRAD_HAS_MATMUL_LOOPS

using TileVectors = hn::ScalableTag<float>;
inline constexpr int64_t kTileLanes = hn::MaxLanes(TileVectors());
inline constexpr int kMaxTileVectors = 3;
inline constexpr int kMaxTileRows = 12;
// 32, or 16.
inline constexpr bool kManyRegisters = !HWY_ARCH_X86 || HWY_TARGET <= HWY_AVX3;
// Rows of a tile that is so many vectors wide: sums, a row of the weights and
// one element of the input fit the registers.
constexpr int TileRows(int vectors) {
  if (kManyRegisters) return vectors == 3 ? 8 : 12;
  return vectors == 3 ? 4 : (vectors == 2 ? 6 : 8);
}

// Terms of a tile between two steps of fetching.
inline constexpr int64_t kDepthOfStep = 32;
inline constexpr int64_t kCacheLine = 64 / sizeof(float);

// Parts of matrices that will be read soon: they are asked for line by line, a
// few lines at a time, because a processor waits when it has asked for too
// many.
class Prefetches {
 public:
  // `rows` rows of `columns` elements, `stride` elements apart.
  void Add(const float* data, int64_t stride, int64_t rows, int64_t columns) {
    const int64_t lines = columns / kCacheLine + 1;
    parts_[num_parts_++] = {data, stride - lines * kCacheLine, rows, lines};
    num_lines_ += rows * lines;
  }
  // Lines a step so that all are asked for after `steps`.
  void Spread(int64_t steps) {
    rate_ = (num_lines_ + steps - 1) / steps;
    if (num_parts_ > 0) Begin();
  }

  bool done() const { return rate_ == 0; }
  HWY_INLINE void Step() {
    for (int64_t i = 0; i < rate_; ++i) {
      constexpr int kReadOnly = 0;
      constexpr int kSecondCache = 2;
      __builtin_prefetch(next_, kReadOnly, kSecondCache);
      next_ += kCacheLine;
      if (--lines_left_ == 0) NextRow();
    }
  }

 private:
  struct Part {
    const float* data;
    int64_t gap;  // from the end of the lines of a row to the next row
    int64_t rows;
    int64_t lines;  // of a row
  };

  HWY_INLINE void Begin() {
    next_ = parts_[part_].data;
    rows_left_ = parts_[part_].rows;
    lines_left_ = parts_[part_].lines;
  }

  HWY_INLINE void NextRow() {
    next_ += parts_[part_].gap;
    lines_left_ = parts_[part_].lines;
    if (--rows_left_ > 0) return;
    if (++part_ < num_parts_) {
      Begin();
    } else {
      rate_ = 0;
    }
  }

  const float* next_ = nullptr;
  int64_t rate_ = 0;
  int64_t lines_left_ = 0;
  int64_t rows_left_ = 0;
  int part_ = 0;
  int num_parts_ = 0;
  int64_t num_lines_ = 0;
  Part parts_[MatMulCompanions::kMax + MatMulAhead::kMax];
};

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
                 int64_t c_row, bool add, Prefetches& prefetches) {
  const TileVectors d;
  using V = hn::Vec<TileVectors>;
  V sums[kRows][kVectors];
  HWY_UNROLL(12)
  for (int i = 0; i < kRows; ++i) {
    HWY_UNROLL(3)
    for (int j = 0; j < kVectors; ++j) sums[i][j] = hn::Zero(d);
  }
  if (add) {  // the sums so far may have left the first cache
    for (int i = 0; i < kRows; ++i) {
      for (int64_t j = 0; j <= kVectors * kTileLanes; j += kCacheLine) {
        __builtin_prefetch(c + i * c_row + j, 1);
      }
    }
  }
  const float* from = a.data;
  const float* weights = b.data;
  const int64_t depth = b.last_row == nullptr ? b.depth : b.depth - 1;
  const int64_t step = prefetches.done() ? depth : kDepthOfStep;
  for (int64_t begin = 0; begin < depth; begin += step) {
    prefetches.Step();
    const int64_t end = std::min(depth, begin + step);
    for (int64_t k = begin; k < end; ++k) {
      AddProducts<kRows, kVectors>(from, a.row, weights, sums);
      from += a.column;
      weights += b.row;
    }
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
                              int64_t, bool, Prefetches&);

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

// to[k * width + i] = from[i * stride + k] for i < lines, 0 for the others
// below four.
inline void PackFourLines(const float* from, int64_t stride, int64_t lines,
                          int64_t depth, float* to, int64_t width) {
  const hn::FixedTag<float, 4> d;
  int64_t k = 0;
  if (lines >= 4) {
    for (; k + 4 <= depth; k += 4) {
      StoreTransposed(
          d, hn::LoadU(d, from + k), hn::LoadU(d, from + stride + k),
          hn::LoadU(d, from + 2 * stride + k),
          hn::LoadU(d, from + 3 * stride + k), to + k * width, width);
    }
  }
  for (; k < depth; ++k) {
    for (int64_t i = 0; i < 4; ++i) {
      to[k * width + i] = i < lines ? from[i * stride + k] : 0.0f;
    }
  }
}

// to[k * width + j] = from[k * stride + j] for j < count, 0 for the others
// below `width`.
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

// to[j * to_row + i] = from[i * row + j] for i < rows, j < columns. Whole cache
// lines are written: rows of `to` may lie on few sets of the cache.
inline void StoreTransposedMatrix(const float* from, int64_t row, int64_t rows,
                                  int64_t columns, float* to, int64_t to_row) {
  const hn::FixedTag<float, 4> d;
  const int64_t whole = columns - columns % 4;
  int64_t i = 0;
  for (; i + kCacheLine <= rows; i += kCacheLine) {
    for (int64_t j = 0; j < whole; j += 4) {
      HWY_UNROLL(4)
      for (int64_t line = i; line < i + kCacheLine; line += 4) {
        const float* const x = from + line * row + j;
        StoreTransposed(d, hn::LoadU(d, x), hn::LoadU(d, x + row),
                        hn::LoadU(d, x + 2 * row), hn::LoadU(d, x + 3 * row),
                        to + j * to_row + line, to_row);
      }
    }
    for (int64_t line = i; line < i + kCacheLine && whole < columns;
         line += 4) {
      PackFourLines(from + line * row + whole, row, 4, columns - whole,
                    to + whole * to_row + line, to_row);
    }
  }
  for (; i + 4 <= rows; i += 4) {
    PackFourLines(from + i * row, row, 4, columns, to + i, to_row);
  }
  for (; i < rows; ++i) {
    for (int64_t j = 0; j < columns; ++j) {
      to[j * to_row + i] = from[i * row + j];
    }
  }
}

// The vectors of the next strip of columns, of which `left` are left: no strip
// gets thin.
inline int StripVectors(int64_t left) {
  if (left >= kMaxTileVectors) return left == 4 ? 2 : kMaxTileVectors;
  return static_cast<int>(left);
}
// From column `begin` to `end`, as many as there are.
inline int StripVectors(int64_t begin, int64_t end) {
  return StripVectors((end - begin + kTileLanes - 1) / kTileLanes);
}

// Copies weights for tiles, strips of columns one after the other, each dense,
// a few pieces at a time: between two tiles what the next ones need arrives
// from memory.
class WeightsPacker {
 public:
  // Element (k, j) of `weights` is wanted for k < depth, j < columns. `ahead`:
  // in small pieces, and what follows each is fetched from memory.
  void Begin(const MatrixView& weights, int64_t columns, int64_t depth,
             float* to, bool ahead) {
    ahead_ = ahead;
    piece_depth_ = ahead ? kPieceDepth : depth;
    weights_ = weights;
    columns_ = columns;
    depth_ = depth;
    to_ = to;
    row_ = 0;
    column_ = 0;
    strip_ = 0;
    num_pieces_ = transposed()
                      ? (columns + 3) / 4 * DivideUp(depth, piece_depth_)
                      : depth;
    left_ = num_pieces_;
  }
  int64_t num_pieces() const { return num_pieces_; }
  void Step(int64_t pieces) {
    for (; pieces > 0 && left_ > 0; --pieces, --left_) {
      if (transposed()) {
        CopyTransposed();
      } else {
        CopyRow();
      }
    }
  }
  void Finish() { Step(left_); }

 private:
  static constexpr int64_t kPieceDepth = 64;
  static constexpr int64_t kRowsAhead = 12;

  static int64_t DivideUp(int64_t a, int64_t b) { return (a + b - 1) / b; }
  bool transposed() const { return weights_.column != 1; }

  void CopyRow() {
    const TileVectors d;
    const float* const from = weights_.data + row_ * weights_.row;
    if (ahead_ && row_ + kRowsAhead < depth_) {
      const float* const ahead = from + kRowsAhead * weights_.row;
      for (int64_t j = 0; j < columns_; j += kCacheLine) {
        __builtin_prefetch(ahead + j);
      }
    }
    const int64_t whole = columns_ - columns_ % kTileLanes;
    for (int64_t j = 0; j < columns_;) {
      const int64_t width = StripVectors(j, columns_) * kTileLanes;
      float* to = to_ + j * depth_ + row_ * width;
      for (const int64_t end = j + width; j < end;
           j += kTileLanes, to += kTileLanes) {
        hn::StoreU(j < whole ? hn::LoadU(d, from + j)
                             : LoadFirst(d, from + j,
                                         static_cast<size_t>(columns_ - j)),
                   d, to);
      }
    }
    ++row_;
  }

  // Four columns, piece_depth_ rows.
  void CopyTransposed() {
    const int64_t width = StripVectors(strip_, columns_) * kTileLanes;
    const int64_t depth = std::min(piece_depth_, depth_ - row_);
    const int64_t lines = std::min<int64_t>(4, columns_ - column_);
    const float* const from = weights_.data + column_ * weights_.column + row_;
    const int64_t next =
        ahead_ ? std::min<int64_t>(4, columns_ - column_ - 4) : 0;
    for (int64_t i = 0; i < next; ++i) {
      const float* const line = from + (4 + i) * weights_.column;
      for (int64_t k = 0; k < depth; k += kCacheLine) {
        __builtin_prefetch(line + k);
      }
    }
    PackFourLines(from, weights_.column, lines, depth,
                  to_ + strip_ * depth_ + row_ * width + column_ - strip_,
                  width);
    row_ += depth;
    if (row_ < depth_) return;
    row_ = 0;
    column_ += 4;
    if (column_ >= columns_) PadStrip(width);
    if (column_ - strip_ >= width) strip_ += width;
  }

  // Zeros in the columns that the last strip has beyond the matrix.
  void PadStrip(int64_t width) {
    for (int64_t j = column_ - strip_; j < width; ++j) {
      for (int64_t k = 0; k < depth_; ++k) {
        to_[strip_ * depth_ + k * width + j] = 0;
      }
    }
  }

  MatrixView weights_ = {};
  int64_t columns_ = 0;
  int64_t depth_ = 0;
  bool ahead_ = false;
  int64_t piece_depth_ = 0;
  float* to_ = nullptr;
  int64_t num_pieces_ = 0;
  int64_t left_ = 0;
  // The next piece, and where its strip begins.
  int64_t row_ = 0;
  int64_t column_ = 0;
  int64_t strip_ = 0;
};

#endif  // EVENGRAD_HAS_MATMUL_LOOPS

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace evengrad
HWY_AFTER_NAMESPACE();

#endif  // EVENGRAD_OPS_VECTOR_MATMUL_INL_H_
