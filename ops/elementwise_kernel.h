// The fused loop: runs an elementwise program over broadcast inputs, in blocks
// that stay in the L1 cache, with vector code chosen for the machine when the
// program starts (Highway).
#ifndef EVENGRAD_OPS_ELEMENTWISE_KERNEL_H_
#define EVENGRAD_OPS_ELEMENTWISE_KERNEL_H_

#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "evengrad/graph/export.h"
#include "evengrad/graph/tensor_type.h"
#include "evengrad/ops/expression.h"
#include "evengrad/ops/kernel.h"
#include "evengrad/ops/matrix_product.h"

namespace evengrad {

// A fused loop over `shape`. All types are static; inputs broadcast to `shape`.
struct FusedLoop {
  ElementwiseProgram program = {};
  DType compute_type = DType::kF32;
  Shape shape = {};
  std::vector<TensorType> inputs = {};
  std::vector<int> input_buffers = {};
  std::vector<LoopOutput> outputs = {};
};

// An output may share its buffer with an input of the same type that has the
// loop's shape.
EVENGRAD_EXPORT absl::StatusOr<std::unique_ptr<Kernel>> MakeFusedLoop(
    FusedLoop loop);

// The kernel of an op of one floating input that is counted (IsCounted): a loop
// that does nothing else, in f32, or f64 for f64.
EVENGRAD_EXPORT absl::StatusOr<std::unique_ptr<Kernel>> MakeEnding(
    const KernelRequest& request, LoopOutput ending);

// An epilogue prepared for a kernel whose output is `rows` x `columns`
// (row-major). Each part calls Begin, then Run whenever a block is computed,
// and End.
class EVENGRAD_EXPORT PreparedEpilogue {
 public:
  virtual ~PreparedEpilogue() = default;
  virtual size_t scratch_bytes() const = 0;
  // The buffers of f32 that it reads element by element beside the kernel's
  // output, of the same shape: worth fetching while that is computed.
  virtual std::span<const int> companions() const = 0;
  virtual void Begin(int part) const = 0;
  // `values` points at element (row_begin, column_begin) of the kernel's
  // output, whose rows are `row_stride` elements apart.
  virtual void Run(int part, const float* values, int64_t row_stride,
                   const MatrixBlock& block, std::byte* scratch,
                   const KernelContext& context) const = 0;
  virtual void End(const KernelContext& context) const = 0;
};
EVENGRAD_EXPORT absl::StatusOr<std::unique_ptr<PreparedEpilogue>>
PrepareEpilogue(const Epilogue& epilogue, int64_t rows, int64_t columns,
                int num_parts);

}  // namespace evengrad

#endif  // EVENGRAD_OPS_ELEMENTWISE_KERNEL_H_
