// Matrix products in f32 by own vector loops (Highway), for the sizes of
// training steps, where a general library spends much of its time on packing.
//
// Every element is one chain of fused multiply-adds over blocks of at most
// kDepthBlock terms, in ascending order: its bits do not depend on how the
// output is cut into panels.
#ifndef EVENGRAD_OPS_VECTOR_MATMUL_H_
#define EVENGRAD_OPS_VECTOR_MATMUL_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "evengrad/ops/matrix_product.h"
#include "evengrad/ops/shared_blocks.h"

namespace evengrad {

// Called when a block of the output is complete, while it is in the cache.
struct BlockCallback {
  void (*function)(void* argument, const MatrixBlock& block) = nullptr;
  void* argument = nullptr;
};

// Matrices of the output's sizes that the callback reads at the same places:
// they are fetched from memory while the product is computed.
struct MatMulCompanions {
  static constexpr int kMax = 4;
  const float* data[kMax] = {};  // of the output's first element
  int count = 0;
  // Elements from one row to the next, or from one column, where these are
  // dense.
  int64_t row = 0;
};

// What others read after the product: fetched while it is computed.
struct MatMulAhead {
  static constexpr int kMax = 4;
  const float* data[kMax] = {};
  int64_t elements[kMax] = {};
  int count = 0;
};

// How a product is cut to fit the caches.
struct MatMulBlocking {
  MatrixProduct product = {};
  bool pack_input = false;
  bool pack_weights = false;
  // The weights of the next group are copied beside the tiles of this one.
  bool pack_ahead = false;
  int64_t row_block = 0;
  int64_t depth_block = 0;
  int64_t column_group = 0;
  int64_t call_rows = 0;       // of one callback
  int64_t group_elements = 0;  // of scratch memory for the weights of a group
  size_t weights_bytes = 0;    // of one or two groups; the packed input follows
  size_t input_bytes = 0;
  size_t block_bytes = 0;  // of scratch memory, behind the packed input
  // Every block is written to the same place, for the callback alone.
  bool transient = false;

  // A block of a column-major output is computed by rows, like all others, and
  // then transposed.
  bool column_major_output() const { return product.output.column != 1; }
  int64_t num_row_blocks() const {
    return (product.rows + row_block - 1) / row_block;
  }
  int64_t num_depth_blocks() const {
    return (product.depth + depth_block - 1) / depth_block;
  }
  int64_t num_column_groups() const {
    return (product.columns + column_group - 1) / column_group;
  }
};

// One execution.
struct MatMulCall {
  const float* input = nullptr;
  const float* weights = nullptr;
  float* output = nullptr;
  std::byte* scratch = nullptr;
  // What others pack and this one, too: the same input (the same weights) in
  // products of the same other sizes. May be null; of the numbers and sizes
  // that VectorMatMul gives.
  SharedBlocks* shared_input = nullptr;
  SharedBlocks* shared_weights = nullptr;
  BlockCallback done = {};
  MatMulCompanions companions = {};
  MatMulAhead ahead = {};
};

class VectorMatMul {
 public:
  // Terms that are added up in registers.
  static constexpr int64_t kDepthBlock = 256;

  // False on machines whose vectors have no fixed size.
  static bool Available();
  // "vector:AVX2".
  static std::string implementation();

  // Requires Available() and positive sizes. With `transient`, the output is
  // only what the callback sees: a block at a time, from the start of `output`,
  // whose rows (or columns, where these are dense) are block_row() elements
  // apart. Transient outputs, and those with dense columns, require
  // IsShallow(product).
  explicit VectorMatMul(const MatrixProduct& product, bool transient = false);

  // The depth is one block: no sum waits in the output for the next one.
  static bool IsShallow(const MatrixProduct& product) {
    return product.depth <= kDepthBlock;
  }
  bool transient() const { return blocking_.transient; }
  // When the output is transient: elements of it that Run writes, and from one
  // row of a block (column, where these are dense) to the next.
  int64_t block_elements() const {
    return blocking_.call_rows * blocking_.column_group;
  }
  int64_t block_row() const {
    return blocking_.column_major_output() ? blocking_.call_rows
                                           : blocking_.column_group;
  }

  // Bytes of 64-byte aligned scratch memory that Run needs.
  size_t scratch_bytes() const {
    return blocking_.weights_bytes + blocking_.input_bytes +
           blocking_.block_bytes;
  }
  // Packed blocks of the input and of the weights; none where they are not
  // packed.
  int64_t input_blocks() const {
    return blocking_.pack_input
               ? blocking_.num_row_blocks() * blocking_.num_depth_blocks()
               : 0;
  }
  int64_t input_block_elements() const {
    return static_cast<int64_t>(blocking_.input_bytes / sizeof(float));
  }
  int64_t weights_blocks() const {
    return blocking_.pack_weights
               ? blocking_.num_depth_blocks() * blocking_.num_column_groups()
               : 0;
  }
  int64_t weights_block_elements() const { return blocking_.group_elements; }
  // Thread-safe. `call.done` is called for blocks that together are the output.
  void Run(const MatMulCall& call) const;

 private:
  MatMulBlocking blocking_;
};

}  // namespace evengrad

#endif  // EVENGRAD_OPS_VECTOR_MATMUL_H_
