#include "evengrad/ops/vector_matmul.h"

#include <algorithm>
#include <string>

// Everything below, up to HWY_ONCE, is compiled for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "evengrad/ops/vector_matmul.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "evengrad/ops/vector_matmul-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evengrad {
namespace HWY_NAMESPACE {
namespace {

#if !HWY_HAVE_SCALABLE && HWY_TARGET != HWY_SCALAR

// oneDNN's kernels for AVX-512 multiply small matrices in place.
bool HasLoops() { return !HWY_ARCH_X86 || HWY_TARGET > HWY_AVX3; }

// The weights of one block of depth and columns, strip by strip.
class Strips {
 public:
  // `at_end`: the block holds the last row of the matrix.
  Strips(bool pack, const MatrixView& weights, int64_t columns, int64_t depth,
         bool at_end, float* packed)
      : pack_(pack),
        weights_(weights),
        columns_(columns),
        depth_(depth),
        at_end_(at_end),
        packed_(packed) {
    for (int64_t j = 0; j < columns; j += width(j)) {
      const int64_t count = std::min(width(j), columns - j);
      if (pack_) {
        PackStrip(weights.data + j * weights.column, weights.column,
                  weights.row, count, width(j), depth, packed + j * depth);
      } else if (at_end && count < width(j)) {
        PackRows(weights.data + (depth - 1) * weights.row + j, weights.row,
                 count, width(j), 1, packed);
      }
    }
  }

  int vectors(int64_t j) const {
    return StripVectors((columns_ - j + kTileLanes - 1) / kTileLanes);
  }
  int64_t width(int64_t j) const { return vectors(j) * kTileLanes; }
  int64_t columns() const { return columns_; }
  int64_t depth() const { return depth_; }

  StripView View(int64_t j) const {
    const int64_t count = std::min(width(j), columns_ - j);
    StripView view = {.row = width(j), .depth = depth_};
    view.last_columns =
        static_cast<size_t>(count - (vectors(j) - 1) * kTileLanes);
    if (pack_) {
      view.data = packed_ + j * depth_;
    } else {
      view.data = weights_.data + j;
      view.row = weights_.row;
      if (at_end_ && count < width(j)) view.last_row = packed_;
    }
    return view;
  }

 private:
  bool pack_;
  MatrixView weights_;
  int64_t columns_;
  int64_t depth_;
  bool at_end_;
  float* packed_;
};

// What is to be fetched while tiles are computed.
struct Prefetches {
  Prefetch weights;  // of the next block
  Prefetch companions[MatMulCompanions::kMax];

  HWY_INLINE void Step() {
    weights.Step();
    for (Prefetch& companion : companions) companion.Step();
  }
};

// A block of rows of the input, and where its product goes.
struct RowBlock {
  MatrixView input = {};
  bool packed = false;  // in groups of kPackedRows rows
  int64_t rows = 0;
  float* output = nullptr;
  int64_t output_row = 0;
  bool add = false;
};

constexpr int64_t kPackedRows = TileRows(kMaxTileVectors);

int64_t NumTiles(const RowBlock& block, int vectors) {
  const int64_t rows = block.packed ? kPackedRows : TileRows(vectors);
  return (block.rows + rows - 1) / rows;
}

int64_t NumTiles(const RowBlock& block, const Strips& strips) {
  int64_t tiles = 0;
  for (int64_t j = 0; j < strips.columns(); j += strips.width(j)) {
    tiles += NumTiles(block, strips.vectors(j));
  }
  return tiles;
}

void MultiplyStrip(const RowBlock& block, const Strips& strips, int64_t j,
                   Prefetches& prefetches) {
  const int vectors = strips.vectors(j);
  const StripView weights = strips.View(j);
  int64_t row = 0;
  auto run = [&](int64_t count, int tile_rows) {
    const TileFunction tile = FindTile(tile_rows, vectors);
    for (int64_t t = 0; t < count; ++t, row += tile_rows) {
      prefetches.Step();
      const MatrixView input =
          block.packed ? MatrixView{block.input.data + row * strips.depth(), 1,
                                    kPackedRows}
                       : MatrixView{block.input.data + row * block.input.row,
                                    block.input.row, block.input.column};
      tile(input, weights, block.output + row * block.output_row + j,
           block.output_row, block.add);
    }
  };
  const int64_t tiles = NumTiles(block, vectors);
  if (block.packed) {
    run(block.rows / kPackedRows, kPackedRows);
    if (row < block.rows) run(1, static_cast<int>(block.rows - row));
    return;
  }
  // Tiles of about the same height.
  const auto height = static_cast<int>(block.rows / tiles);
  const int64_t higher = block.rows % tiles;
  if (higher > 0) run(higher, height + 1);
  run(tiles - higher, height);
}

void MultiplyRows(const RowBlock& block, const Strips& strips,
                  Prefetches& prefetches) {
  for (int64_t j = 0; j < strips.columns(); j += strips.width(j)) {
    MultiplyStrip(block, strips, j, prefetches);
  }
}

void PackInput(const MatrixView& input, int64_t rows, int64_t depth,
               float* packed) {
  for (int64_t i = 0; i < rows; i += kPackedRows) {
    PackStrip(input.data + i * input.row, input.row, input.column,
              std::min(kPackedRows, rows - i), kPackedRows, depth,
              packed + i * depth);
  }
}

// One call of VectorMatMul::Run.
class Multiplication {
 public:
  Multiplication(const MatMulBlocking& blocking, const MatMulCall& call)
      : b_(blocking), p_(blocking.product), call_(call) {}

  void Run() const {
    for (int64_t j = 0; j < p_.columns; j += b_.column_block) {
      const int64_t columns = std::min(b_.column_block, p_.columns - j);
      for (int64_t k = 0; k < p_.depth; k += b_.depth_block) {
        RunBlock(j, columns, k, std::min(b_.depth_block, p_.depth - k));
      }
    }
  }

 private:
  const float* WeightsAt(int64_t k, int64_t j) const {
    return call_.weights + k * p_.weights.row + j * p_.weights.column;
  }

  // The weights of the block after this one, where they will be packed.
  Prefetch NextWeights(int64_t j, int64_t columns, int64_t k) const {
    if (!b_.pack_weights) return Prefetch();
    k += b_.depth_block;
    if (k >= p_.depth) {
      k = 0;
      j += columns;
    }
    if (j >= p_.columns) return Prefetch();
    const int64_t depth = std::min(b_.depth_block, p_.depth - k);
    columns = std::min(b_.column_block, p_.columns - j);
    return p_.weights.column == 1
               ? Prefetch(WeightsAt(k, j), p_.weights.row, depth, columns)
               : Prefetch(WeightsAt(k, j), p_.weights.column, columns, depth);
  }

  void RunBlock(int64_t j, int64_t columns, int64_t k, int64_t depth) const {
    auto* const packed_weights = reinterpret_cast<float*>(call_.scratch);
    auto* const packed_input =
        reinterpret_cast<float*>(call_.scratch + b_.weights_bytes);
    const Strips strips(b_.pack_weights,
                        {WeightsAt(k, j), p_.weights.row, p_.weights.column},
                        columns, depth, k + depth == p_.depth, packed_weights);
    Prefetches prefetches;
    prefetches.weights = NextWeights(j, columns, k);
    for (int64_t i = 0; i < p_.rows; i += b_.row_block) {
      RowBlock block = {
          .input = {call_.input + i * p_.input.row + k * p_.input.column,
                    p_.input.row, p_.input.column},
          .rows = std::min(b_.row_block, p_.rows - i),
          .output = call_.output + (b_.transient ? 0 : i * p_.output.row) + j,
          .output_row = p_.output.row,
          .add = k > 0};
      if (b_.pack_input) {
        PackInput(block.input, block.rows, depth, packed_input);
        block.input.data = packed_input;
        block.packed = true;
      }
      const int64_t tiles = NumTiles(block, strips);
      if (i == 0) {
        prefetches.weights.Spread(tiles * (p_.rows / block.rows));
      }
      const bool complete = k + depth == p_.depth;
      for (int c = 0; complete && c < call_.companions.count; ++c) {
        prefetches.companions[c] =
            Prefetch(call_.companions.data[c] + i * call_.companions.row + j,
                     call_.companions.row, block.rows, columns);
        prefetches.companions[c].Spread(tiles);
      }
      MultiplyRows(block, strips, prefetches);
      if (complete && call_.done.function != nullptr) {
        call_.done.function(call_.done.argument,
                            {i, i + block.rows, j, j + columns});
      }
    }
  }

  const MatMulBlocking& b_;
  const MatrixProduct& p_;
  const MatMulCall& call_;
};

void Multiply(const MatMulBlocking& blocking, const MatMulCall& call) {
  Multiplication(blocking, call).Run();
}

int64_t VectorLanes() { return kTileLanes; }

#else

bool HasLoops() { return false; }
void Multiply(const MatMulBlocking&, const MatMulCall&) {}
int64_t VectorLanes() { return 1; }

#endif  // fixed vectors

const char* TargetName() { return hwy::TargetName(HWY_TARGET); }

}  // namespace
// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace evengrad
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace evengrad {

HWY_EXPORT(HasLoops);
HWY_EXPORT(Multiply);
HWY_EXPORT(VectorLanes);
HWY_EXPORT(TargetName);

namespace {

// Fewer rows than this do not repay a copy of the weights.
constexpr int64_t kRowsWorthPacking = 256;
// Fewer columns than this do not repay a copy of the input.
constexpr int64_t kColumnsWorthPacking = 64;
// Rows that lie this many elements apart fall on few sets of a cache, and each
// on a page of its own.
constexpr int64_t kFarApart = 1024;
// A block of the output, with what an epilogue reads beside it, stays in the
// second cache.
constexpr int64_t kBlockElements = 16384;
constexpr int64_t kMaxRowBlock = 96;
constexpr int64_t kMaxColumnBlock = 384;  // a multiple of three vectors

int64_t DivideUp(int64_t a, int64_t b) { return (a + b - 1) / b; }
int64_t RoundUp(int64_t a, int64_t b) { return DivideUp(a, b) * b; }

bool FarApart(const MatrixStrides& strides) {
  return std::max(strides.row, strides.column) >= kFarApart;
}

}  // namespace

bool VectorMatMul::Available() {
  static const bool available = HWY_DYNAMIC_DISPATCH(HasLoops)();
  return available;
}

std::string VectorMatMul::implementation() {
  return std::string("vector:") + HWY_DYNAMIC_DISPATCH(TargetName)();
}

VectorMatMul::VectorMatMul(const MatrixProduct& product, bool transient) {
  MatMulBlocking& b = blocking_;
  const MatrixProduct& p = product;
  b.product = product;
  b.transient = transient;
  b.pack_weights = p.weights.column != 1 || p.rows >= kRowsWorthPacking ||
                   FarApart(p.weights);
  b.pack_input = FarApart(p.input) && p.columns >= kColumnsWorthPacking;
  b.depth_block = RoundUp(DivideUp(p.depth, DivideUp(p.depth, kDepthBlock)), 8);
  b.column_block = std::min(p.columns, kMaxColumnBlock);
  const int64_t row_block =
      std::clamp<int64_t>(kBlockElements / b.column_block, 24, kMaxRowBlock);
  b.row_block = RoundUp(DivideUp(p.rows, DivideUp(p.rows, row_block)), 4);
  const int64_t lanes = HWY_DYNAMIC_DISPATCH(VectorLanes)();
  constexpr int64_t kTileVectors = 3;
  const int64_t strip = kTileVectors * lanes;
  const int64_t packed_columns =
      b.pack_weights ? RoundUp(b.column_block, lanes) : strip;
  constexpr int64_t kFloat = sizeof(float);
  b.weights_bytes =
      static_cast<size_t>(RoundUp(b.depth_block * packed_columns * kFloat, 64));
  if (b.pack_input) {
    b.input_bytes = static_cast<size_t>(
        RoundUp(RoundUp(b.row_block, 8) * b.depth_block * kFloat, 64));
  }
}

void VectorMatMul::Run(const MatMulCall& call) const {
  HWY_DYNAMIC_DISPATCH(Multiply)(blocking_, call);
}

}  // namespace evengrad
#endif  // HWY_ONCE
