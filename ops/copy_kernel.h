// Kernels that move elements and compute nothing: slices, concatenations,
// padding.
#ifndef EVENGRAD_OPS_COPY_KERNEL_H_
#define EVENGRAD_OPS_COPY_KERNEL_H_

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "evengrad/ops/kernel.h"

namespace evengrad {

// One loop of a copy; strides in elements, negative ones walk backwards.
struct CopyAxis {
  int64_t size = 1;
  int64_t from_stride = 0;
  int64_t to_stride = 0;
};

// A nest of loops, outermost first, that starts at element `from` of an input
// and element `to` of the output.
struct CopyBox {
  static constexpr int kFill = -1;
  int input = 0;  // of the kernel's inputs; kFill: CopyPlan::fill is written
  int64_t from = 0;
  int64_t to = 0;
  std::vector<CopyAxis> axes = {};
};

// Boxes that together write every element of the output once.
struct CopyPlan {
  std::vector<CopyBox> boxes = {};
  double fill = 0;
};

// `count` places of an axis of `size` elements: first, first + step, …
struct AxisPlaces {
  int64_t size = 0;
  int64_t first = 0;
  int64_t step = 1;
  int64_t count = 0;
};

// The output is made of the input's elements at the places of each axis.
CopyPlan PlanReading(std::span<const AxisPlaces> axes);
// The input stands in the output at the places of each axis, `fill` around and
// between.
CopyPlan PlanPlacing(std::span<const AxisPlaces> axes, double fill);
// The inputs, of the given sizes, one after the other along `axis`.
CopyPlan PlanJoining(std::span<const std::vector<int64_t>> inputs, int axis);

// All inputs that a box names and output 0 have one dtype.
absl::StatusOr<std::unique_ptr<Kernel>> MakeCopyKernel(
    const CopyPlan& plan, const KernelRequest& request);

}  // namespace evengrad

#endif  // EVENGRAD_OPS_COPY_KERNEL_H_
