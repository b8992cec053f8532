// How a value leaves a fused loop.
#ifndef EVENGRAD_OPS_LOOP_OUTPUT_H_
#define EVENGRAD_OPS_LOOP_OUTPUT_H_

#include <cstdint>

#include "absl/status/status.h"
#include "evengrad/graph/graph.h"
#include "evengrad/graph/tensor_type.h"
#include "evengrad/ops/statistics.h"

namespace evengrad {

enum class LoopEnding : uint8_t {
  kNone,  // its elements are stored
  kSum,   // summed, in row-major order of the dimensions that stay
  // Counted, in any order of blocks; by the op of that name
  // (ops/statistics.h):
  kStatistics,
  kSumOfSquares,
  kFiniteTest,
};

// Whether parts of a loop are counted each for itself, and put together at the
// end: then the loop can be cut, and an epilogue can end so.
constexpr bool IsCounted(LoopEnding ending) {
  return ending != LoopEnding::kNone && ending != LoopEnding::kSum;
}

struct LoopOutput {
  LoopEnding ending = LoopEnding::kNone;
  // kNone: has the loop's shape. kSum: the loop's rank, and 1 where it is
  // summed (f32: pairwise by blocks). kStatistics: of the summary, in the
  // loop's compute type, f32 or f64. kSumOfSquares: f64[]. kFiniteTest: f32[].
  TensorType type = {};
  int buffer = -1;  // kStatistics: -1 where nobody wants the summary
  // kStatistics alone:
  StatisticsOptions statistics = {};
  int histogram_buffer = -1;
};

// What loops take for granted of an op's loop_output: the node's inputs and
// outputs are those of such an ending. Errors: they are not.
absl::Status CheckLoopOutput(const Node& node, const LoopOutput& output);

}  // namespace evengrad

#endif  // EVENGRAD_OPS_LOOP_OUTPUT_H_
