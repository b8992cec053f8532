#include "evengrad/ops/loop_output.h"

#include "evengrad/graph/op_def.h"
#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

// The same rank, and 1 in some places.
bool IsSummed(const Shape& sum, const Shape& loop) {
  if (sum.rank() != loop.rank()) return false;
  for (int axis = 0; axis < loop.rank(); ++axis) {
    if (!(sum[axis] == loop[axis]) && sum[axis].size() != 1) return false;
  }
  return true;
}

bool Fits(const Node& node, const LoopOutput& output) {
  const int64_t bins = output.statistics.bins;
  switch (output.ending) {
    case LoopEnding::kNone:
      return false;
    case LoopEnding::kSum:
      return node.num_outputs() == 1 &&
             IsSummed(output.type.shape, node.input(0).shape());
    case LoopEnding::kStatistics:
      return node.num_outputs() == 2 && output.type == node.output_type(0) &&
             bins >= 0 && node.output_type(1).shape == Shape({bins}) &&
             output.type.shape == Shape({int64_t{kNumStatistics}});
    case LoopEnding::kSumOfSquares:
      return node.num_outputs() == 1 && output.type == F64({}) &&
             node.output_type() == output.type;
    case LoopEnding::kFiniteTest:
      return node.num_outputs() == 1 && output.type == F32({}) &&
             node.output_type() == output.type;
  }
  return false;
}

}  // namespace

absl::Status CheckLoopOutput(const Node& node, const LoopOutput& output) {
  if (Fits(node, output)) return absl::OkStatus();
  return absl::InternalError(
      StrCat("loop_output of op '", node.op().name,
             "' does not agree with the op's outputs (ops/loop_output.h)"));
}

}  // namespace evengrad
