// The kernels of matmul: panels of the output, each a product of own vector
// loops (f32), of oneDNN (f32, bf16 with an f32 output) or of a plain loop.
#ifndef EVENGRAD_OPS_MATMUL_KERNEL_H_
#define EVENGRAD_OPS_MATMUL_KERNEL_H_

#include <memory>

#include "absl/status/statusor.h"
#include "evengrad/ops/kernel.h"
#include "evengrad/ops/matrix_product.h"

namespace evengrad {

// The product that a request asks for; of many, one.
absl::StatusOr<MatrixProduct> WholeProduct(const KernelRequest& request);

// The output is cut along its longer side, so that no panel gets thin; sizes
// alone decide. A trailing elementwise program (f32 outputs only) runs on each
// panel right after its product.
absl::StatusOr<std::unique_ptr<Kernel>> MakeMatMulKernel(
    const KernelRequest& request);

// The same for many products: dimensions before the last two count them and
// broadcast. Parts own ranges of products. No trailing program.
absl::StatusOr<std::unique_ptr<Kernel>> MakeBatchMatMulKernel(
    const KernelRequest& request);

}  // namespace evengrad

#endif  // EVENGRAD_OPS_MATMUL_KERNEL_H_
