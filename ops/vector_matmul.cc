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

#if EVENGRAD_HAS_MATMUL_LOOPS

constexpr int64_t kPackedRows = TileRows(kMaxTileVectors);

// Rows and depth of the input, and where their product goes.
struct RowBlock {
  MatrixView input = {};
  bool packed = false;  // in groups of kPackedRows rows
  int64_t rows = 0;
  int64_t depth = 0;
  float* output = nullptr;
  int64_t output_row = 0;
  bool add = false;

  MatrixView TileInput(int64_t row) const {
    if (packed) return {input.data + row * depth, 1, kPackedRows};
    return {input.data + row * input.row, input.row, input.column};
  }
  int64_t NumTiles(int vectors) const {
    const int64_t height = packed ? kPackedRows : TileRows(vectors);
    return (rows + height - 1) / height;
  }
};

// Groups of kPackedRows lines, of an input whose columns are dense: a cache
// line of each is read at a time, because columns may lie on few sets of the
// cache.
void PackColumns(const MatrixView& input, int64_t rows, int64_t depth,
                 float* packed) {
  for (int64_t chunk = 0; chunk < rows; chunk += kCacheLine) {
    const int64_t end = std::min(rows, chunk + kCacheLine);
    for (int64_t k = 0; k < depth; ++k) {
      const float* const from = input.data + k * input.column;
      for (int64_t i = chunk; i < end; i += kPackedRows) {
        PackRows(from + i, 0, std::min(kPackedRows, end - i), kPackedRows, 1,
                 packed + i * depth + k * kPackedRows);
      }
    }
  }
}

void PackInput(const MatrixView& input, int64_t rows, int64_t depth,
               float* packed) {
  static_assert(kPackedRows % 4 == 0 && kCacheLine % kPackedRows == 0);
  if (input.row == 1) return PackColumns(input, rows, depth, packed);
  for (int64_t i = 0; i < rows; i += 4) {
    PackFourLines(
        input.data + i * input.row, input.row, rows - i, depth,
        packed + i / kPackedRows * kPackedRows * depth + i % kPackedRows,
        kPackedRows);
  }
}

// What goes on beside the tiles.
struct Background {
  WeightsPacker packer = {};
  int64_t pieces = 0;  // before each tile
  Prefetches prefetches = {};
};

// The product of a block of rows and a strip of weights, to `output`.
void MultiplyStrip(const RowBlock& block, const StripView& weights, int vectors,
                   float* output, Background& background) {
  int64_t row = 0;
  auto run = [&](int64_t count, int64_t height) {
    const TileFunction tile = FindTile(static_cast<int>(height), vectors);
    for (int64_t t = 0; t < count; ++t, row += height) {
      if (background.pieces > 0) background.packer.Step(background.pieces);
      tile(block.TileInput(row), weights, output + row * block.output_row,
           block.output_row, block.add, background.prefetches);
    }
  };
  if (block.packed) {
    run(block.rows / kPackedRows, kPackedRows);
    if (row < block.rows) run(1, block.rows - row);
    return;
  }
  // Tiles of about the same height.
  const int64_t tiles = block.NumTiles(vectors);
  const int64_t height = block.rows / tiles;
  const int64_t higher = block.rows % tiles;
  if (higher > 0) run(higher, height + 1);
  run(tiles - higher, height);
}

// One call of VectorMatMul::Run: blocks of rows, of these blocks of depth, of
// these groups of columns.
class Multiplication {
 public:
  Multiplication(const MatMulBlocking& blocking, const MatMulCall& call)
      : b_(blocking),
        p_(blocking.product),
        call_(call),
        packed_(reinterpret_cast<float*>(call.scratch)),
        next_packed_(packed_ +
                     (blocking.pack_ahead ? blocking.group_elements : 0)),
        packed_input_(
            reinterpret_cast<float*>(call.scratch + blocking.weights_bytes)),
        row_major_block_(reinterpret_cast<float*>(
            call.scratch + blocking.weights_bytes + blocking.input_bytes)) {}

  void Run() {
    Group next;
    if (b_.pack_ahead) BeginPacking(next);
    for (Group group; group.row < p_.rows; group = next) {
      next = Following(group);
      if (group.column == 0) block_ = MakeBlock(group);
      if (b_.pack_weights) {
        if (!b_.pack_ahead) BeginPacking(group);
        weights_ = FinishPacking();
      }
      if (b_.pack_ahead && next.row < p_.rows) BeginPacking(next);
      RunGroup(group);
    }
  }

 private:
  // Where a group begins.
  struct Group {
    int64_t row = 0;
    int64_t depth = 0;
    int64_t column = 0;
  };

  Group Following(Group group) const {
    group.column += b_.column_group;
    if (group.column < p_.columns) return group;
    group.column = 0;
    group.depth += b_.depth_block;
    if (group.depth < p_.depth) return group;
    group.depth = 0;
    group.row += b_.row_block;
    return group;
  }

  int64_t DepthOf(const Group& group) const {
    return std::min(b_.depth_block, p_.depth - group.depth);
  }
  int64_t ColumnsOf(const Group& group) const {
    return std::min(b_.column_group, p_.columns - group.column);
  }
  const float* WeightsAt(int64_t k, int64_t j) const {
    return call_.weights + k * p_.weights.row + j * p_.weights.column;
  }

  // Of the weights of a group, beside the tiles of the one before.
  void BeginPacking(const Group& group) {
    std::swap(packed_, next_packed_);
    packing_ = {.data = packed_};
    packing_block_ = group.depth / b_.depth_block * b_.num_column_groups() +
                     group.column / b_.column_group;
    if (call_.shared_weights != nullptr) {
      packing_ = call_.shared_weights->Take(packing_block_, packed_);
    }
    background_.packer = {};
    if (packing_.filled) return;
    background_.packer.Begin({WeightsAt(group.depth, group.column),
                              p_.weights.row, p_.weights.column},
                             ColumnsOf(group), DepthOf(group), packing_.data,
                             b_.pack_ahead);
  }
  const float* FinishPacking() {
    background_.packer.Finish();
    if (packing_.shared) call_.shared_weights->Publish(packing_block_);
    packing_.shared = false;
    return packing_.data;
  }

  RowBlock MakeBlock(const Group& at) {
    RowBlock block = {
        .input = {call_.input + at.row * p_.input.row +
                      at.depth * p_.input.column,
                  p_.input.row, p_.input.column},
        .rows = std::min(b_.row_block, p_.rows - at.row),
        .depth = DepthOf(at),
        .output = b_.column_major_output() ? row_major_block_ : call_.output,
        .output_row = b_.transient || b_.column_major_output() ? b_.column_group
                                                               : p_.output.row,
        .add = at.depth > 0};
    if (b_.pack_input) {
      block.input.data = PackedInput(at, block);
      block.packed = true;
    }
    return block;
  }

  const float* PackedInput(const Group& at, const RowBlock& block) {
    const int64_t index = at.row / b_.row_block * b_.num_depth_blocks() +
                          at.depth / b_.depth_block;
    SharedBlocks::Place place = {.data = packed_input_};
    if (call_.shared_input != nullptr) {
      place = call_.shared_input->Take(index, packed_input_);
    }
    if (place.filled) return place.data;
    PackInput(block.input, block.rows, block.depth, place.data);
    if (place.shared) call_.shared_input->Publish(index);
    return place.data;
  }

  void RunGroup(const Group& group) {
    const bool complete = group.depth + block_.depth == p_.depth;
    const bool calls = complete && call_.done.function != nullptr;
    const int64_t rows =
        calls || b_.column_major_output() ? b_.call_rows : block_.rows;
    if (b_.pack_ahead) {
      const int64_t tiles = NumTiles(block_, ColumnsOf(group));
      background_.pieces =
          (background_.packer.num_pieces() + tiles - 1) / tiles;
    }
    for (int64_t i = 0; i < block_.rows; i += rows) {
      RowBlock part = block_;
      part.rows = std::min(rows, block_.rows - i);
      part.input.data = block_.packed
                            ? block_.input.data + i * block_.depth
                            : block_.input.data + i * block_.input.row;
      if (!b_.transient && !b_.column_major_output()) {
        part.output += (group.row + i) * p_.output.row + group.column;
      }
      if (complete) Fetch(group, group.row + i, part);
      RunStrips(group, part);
      if (b_.column_major_output())
        TransposeBlock(group, group.row + i, part.rows);
      if (!calls) continue;
      call_.done.function(call_.done.argument,
                          {group.row + i, group.row + i + part.rows,
                           group.column, group.column + ColumnsOf(group)});
    }
  }

  void TransposeBlock(const Group& group, int64_t row, int64_t rows) {
    float* to = call_.output;
    int64_t to_row = b_.call_rows;
    if (!b_.transient) {
      to += row + group.column * p_.output.column;
      to_row = p_.output.column;
    }
    StoreTransposedMatrix(row_major_block_, b_.column_group, rows,
                          ColumnsOf(group), to, to_row);
  }

  void RunStrips(const Group& group, const RowBlock& part) {
    const int64_t end = ColumnsOf(group);
    for (int64_t j = 0; j < end; j += StripVectors(j, end) * kTileLanes) {
      MultiplyStrip(part, StripOf(group, j), StripVectors(j, end),
                    part.output + j, background_);
    }
  }

  // The strip that begins at column j of the group.
  StripView StripOf(const Group& group, int64_t j) const {
    const int vectors = StripVectors(j, ColumnsOf(group));
    const int64_t width = vectors * kTileLanes;
    const int64_t columns = std::min(width, ColumnsOf(group) - j);
    StripView strip = {.row = width, .depth = block_.depth};
    strip.last_columns =
        static_cast<size_t>(columns - (vectors - 1) * kTileLanes);
    if (b_.pack_weights) {
      strip.data = weights_ + j * block_.depth;
      return strip;
    }
    strip.data = WeightsAt(group.depth, group.column + j);
    strip.row = p_.weights.row;
    if (columns < width && group.depth + block_.depth == p_.depth) {
      PackRows(WeightsAt(p_.depth - 1, group.column + j), p_.weights.row,
               columns, width, 1, packed_);
      strip.last_row = packed_;
    }
    return strip;
  }

  // Beside the tiles of a part: what its callback reads, and its share of what
  // is read after the product.
  void Fetch(const Group& group, int64_t row, const RowBlock& part) {
    const MatMulAhead& ahead = call_.ahead;
    const int num_ahead = group.column == 0 ? ahead.count : 0;
    if (call_.companions.count + num_ahead == 0) return;
    Prefetches fetched;
    const MatMulCompanions& companions = call_.companions;
    for (int c = 0; c < companions.count; ++c) {
      if (b_.column_major_output()) {
        fetched.Add(companions.data[c] + row + group.column * companions.row,
                    companions.row, ColumnsOf(group), part.rows);
      } else {
        fetched.Add(companions.data[c] + row * companions.row + group.column,
                    companions.row, part.rows, ColumnsOf(group));
      }
    }
    for (int i = 0; i < num_ahead; ++i) {
      const int64_t begin = ahead.elements[i] * row / p_.rows;
      const int64_t end = ahead.elements[i] * (row + part.rows) / p_.rows;
      fetched.Add(ahead.data[i] + begin, 0, 1, end - begin);
    }
    fetched.Spread(NumTiles(part, ColumnsOf(group)) *
                   std::max<int64_t>(1, part.depth / kDepthOfStep));
    background_.prefetches = fetched;
  }

  static int64_t NumTiles(const RowBlock& block, int64_t columns) {
    int64_t tiles = 0;
    for (int64_t j = 0; j < columns;
         j += StripVectors(j, columns) * kTileLanes) {
      tiles += block.NumTiles(StripVectors(j, columns));
    }
    return tiles;
  }

  const MatMulBlocking& b_;
  const MatrixProduct& p_;
  const MatMulCall& call_;
  // Where the weights of a group are packed, and those of the next; of the same
  // memory where no two are wanted at once.
  float* packed_;
  float* next_packed_;
  SharedBlocks::Place packing_;
  int64_t packing_block_ = 0;
  const float* weights_ = nullptr;  // packed, of the group that is multiplied
  float* packed_input_;
  float* row_major_block_;  // of a column-major output
  RowBlock block_;
  Background background_;
};

void Multiply(const MatMulBlocking& blocking, const MatMulCall& call) {
  Multiplication(blocking, call).Run();
}

bool HasLoops() { return true; }
int64_t VectorLanes() { return kTileLanes; }

#else

bool HasLoops() { return false; }
void Multiply(const MatMulBlocking&, const MatMulCall&) {}
int64_t VectorLanes() { return 1; }

#endif  // EVENGRAD_HAS_MATMUL_LOOPS

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

// Fewer rows than this do not repay a copy of the weights, nor do weights that
// stay in the first cache as they are.
constexpr int64_t kRowsWorthPacking = 64;
constexpr int64_t kWeightsWorthPacking = 16384;
// Fewer columns than this do not repay a copy of the input; of a shallow one,
// fewer than twelve strips neither.
constexpr int64_t kColumnsWorthPacking = 64;
constexpr int64_t kManyColumns = 256;
constexpr int64_t kDeepInput = 128;
// Rows that lie this many elements apart fall on few sets of a cache, and each
// on a page of its own.
constexpr int64_t kFarApart = 1024;
// The packed input, and the packed weights of a group, stay near the second
// cache. More columns than kMaxWholeGroup are cut into groups, narrower ones so
// that two fit: the one in use and the next.
constexpr int64_t kMaxRowBlock = 512;
constexpr int64_t kMaxWholeGroup = 384;
constexpr int64_t kColumnGroup = 192;  // a multiple of three vectors
// What one callback gets stays in the second cache with what it reads beside
// it: few rows, where each falls on the same sets.
constexpr int64_t kCallElements = 16384;
constexpr int64_t kMaxCallRows = 96;
constexpr int64_t kCallRowsFarApart = 32;

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
  b.pack_input = (FarApart(p.input) && p.columns >= kColumnsWorthPacking) ||
                 (p.depth >= kDeepInput && p.columns >= kManyColumns);
  b.depth_block = RoundUp(DivideUp(p.depth, DivideUp(p.depth, kDepthBlock)), 8);
  const bool whole = p.columns <= kMaxWholeGroup;
  b.column_group = whole ? p.columns : kColumnGroup;
  const int64_t lanes = HWY_DYNAMIC_DISPATCH(VectorLanes)();
  // A row is read in whole vectors, and only the last one is copied so that
  // nothing beyond the matrix is: the one before it must not reach there
  // either.
  const bool narrow = 2 * p.weights.row < lanes;
  b.pack_weights = p.weights.column != 1 || narrow || FarApart(p.weights) ||
                   (p.rows >= kRowsWorthPacking &&
                    b.depth_block * b.column_group >= kWeightsWorthPacking);
  b.pack_ahead = b.pack_weights && !whole;
  b.row_block = RoundUp(DivideUp(p.rows, DivideUp(p.rows, kMaxRowBlock)), 4);
  // A column-major output gets whole columns as often as it can.
  const bool narrow_calls = !b.column_major_output() && FarApart(p.output);
  const int64_t call_rows =
      narrow_calls ? kCallRowsFarApart
                   : std::clamp<int64_t>(
                         kCallElements / b.column_group, 24,
                         b.column_major_output() ? kMaxRowBlock : kMaxCallRows);
  b.call_rows = std::min(
      p.rows,
      RoundUp(DivideUp(b.row_block, DivideUp(b.row_block, call_rows)), 8));
  constexpr int64_t kTileVectors = 3;
  const int64_t strip = kTileVectors * lanes;
  constexpr int64_t kFloat = sizeof(float);
  b.group_elements = RoundUp(
      b.pack_weights ? b.depth_block * RoundUp(b.column_group, lanes) : strip,
      16);
  b.weights_bytes =
      static_cast<size_t>(b.group_elements * (b.pack_ahead ? 2 : 1) * kFloat);
  if (b.pack_input) {
    b.input_bytes = static_cast<size_t>(
        RoundUp(RoundUp(b.row_block, 8) * b.depth_block * kFloat, 64));
  }
  if (b.column_major_output()) {
    b.block_bytes =
        static_cast<size_t>(RoundUp(b.call_rows * b.column_group * kFloat, 64));
  }
}

void VectorMatMul::Run(const MatMulCall& call) const {
  HWY_DYNAMIC_DISPATCH(Multiply)(blocking_, call);
}

}  // namespace evengrad
#endif  // HWY_ONCE
