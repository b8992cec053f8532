// What softmax, its logarithm and the losses made of it share: lines of
// elements along one axis.
#ifndef EVENGRAD_OPS_SOFTMAX_KERNEL_H_
#define EVENGRAD_OPS_SOFTMAX_KERNEL_H_

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "evengrad/graph/op_def.h"
#include "evengrad/graph/tensor_type.h"
#include "evengrad/ops/kernel.h"
#include "evengrad/ops/reference.h"
#include "evengrad/ops/vector_primitives.h"

namespace evengrad {

// A tensor as lines along one axis: element k of line (o, i) lies at
// (o * length + k) * inner + i.
struct AxisLines {
  int64_t outer = 1;
  int64_t length = 1;
  int64_t inner = 1;
  int64_t count() const { return outer * inner; }
  // Of line 0 <= line < count(): its first element; the next are `inner` apart.
  int64_t First(int64_t line) const {
    return line / inner * length * inner + line % inner;
  }
};
// `axis` may count from the back; it must be in range and `shape` static.
AxisLines LinesAlong(const Shape& shape, int64_t axis);

// The type rule: a floating input with at least the attribute's axis.
absl::StatusOr<std::vector<TensorType>> InferAlongAxis(
    const InferContext& context);

// values[k] <- exp(values[k] - m) / sum, or values[k] - m - log(sum), where m
// is the largest; sum is added up in f64. T is float or double. Gives
// m + log(sum), the logarithm of the sum of exponentials. Kernels keep one: its
// vector loops are found when it is made.
template <typename T>
class SoftmaxLine {
 public:
  SoftmaxLine();
  double operator()(std::span<T> values, bool logarithm) const;

 private:
  VectorFunction exp_;
  SumFunctions sums_;
};

// softmax or log_softmax along the request's "axis".
absl::StatusOr<std::unique_ptr<Kernel>> MakeSoftmaxKernel(
    const KernelRequest& request, bool logarithm);

// The reference: `line` rewrites each line along "axis" in place.
ReferenceFunction ReferenceAlongAxis(
    std::function<void(std::vector<double>& line)> line);

}  // namespace evengrad

#endif  // EVENGRAD_OPS_SOFTMAX_KERNEL_H_
