// The kernels of the reductions, for any set of axes.
#ifndef EVENGRAD_OPS_REDUCTION_KERNEL_H_
#define EVENGRAD_OPS_REDUCTION_KERNEL_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "evengrad/ops/kernel.h"

namespace evengrad {

enum class Reduction : uint8_t { kSum, kMean, kProduct, kMaximum, kMinimum };

// Reads "axes" of the request. f32 and bf16 are summed in double (f32: eight at
// a time in float, pairwise), integers in 64 bits and saturated; products are
// taken in double, those of integers in 64 bits and saturated. NaN wins in an
// extremum. Parts own ranges of outputs, so every output is summed in one
// order.
absl::StatusOr<std::unique_ptr<Kernel>> MakeReductionKernel(
    Reduction reduction, const KernelRequest& request);

}  // namespace evengrad

#endif  // EVENGRAD_OPS_REDUCTION_KERNEL_H_
