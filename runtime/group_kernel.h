// The kernel of a group: a node's own, a fused loop, or a node's own with an
// epilogue.
#ifndef EVENGRAD_RUNTIME_GROUP_KERNEL_H_
#define EVENGRAD_RUNTIME_GROUP_KERNEL_H_

#include <memory>

#include "absl/status/statusor.h"
#include "evengrad/graph/export.h"
#include "evengrad/graph/graph.h"
#include "evengrad/ops/kernel.h"
#include "evengrad/runtime/buffer_plan.h"
#include "evengrad/runtime/fusion.h"

namespace evengrad {

// `trained` as in FusionPlan, `reads_ahead` as in KernelRequest.
EVENGRAD_EXPORT absl::StatusOr<std::unique_ptr<Kernel>> MakeGroupKernel(
    const Graph& graph, const Group& group, const std::vector<bool>& trained,
    const BufferPlan& buffers, std::vector<AheadRead> reads_ahead);

}  // namespace evengrad

#endif  // EVENGRAD_RUNTIME_GROUP_KERNEL_H_
