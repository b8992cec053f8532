// What the kernels of statistics and change_statistics share.
#ifndef EVENGRAD_OPS_STATISTICS_KERNEL_H_
#define EVENGRAD_OPS_STATISTICS_KERNEL_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "evengrad/graph/dtype.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/kernel.h"

namespace evengrad {

// OpDef::make_kernel of ops over tensors of one size: a K<T>, made of the
// request and the number of elements, where T is the float type of the inputs.
template <template <typename> class K>
absl::StatusOr<std::unique_ptr<Kernel>> MakeStatisticsKernel(
    const KernelRequest& request) {
  EVENGRAD_ASSIGN_OR_RETURN(const int64_t count,
                            request.inputs[0].shape.NumElements());
  switch (request.inputs[0].dtype) {
    case DType::kF64:
      return std::make_unique<K<double>>(request, count);
    case DType::kBF16:
      return std::make_unique<K<BFloat16>>(request, count);
    default:
      return std::make_unique<K<float>>(request, count);
  }
}

}  // namespace evengrad

#endif  // EVENGRAD_OPS_STATISTICS_KERNEL_H_
