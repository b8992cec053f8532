// Runs a program with the ops' reference functions: plain loops in double, one
// node after the other. The oracle that tests hold compiled programs against.
// Values of a float type keep the precision of a double.
#ifndef EVENGRAD_RUNTIME_REFERENCE_EXECUTOR_H_
#define EVENGRAD_RUNTIME_REFERENCE_EXECUTOR_H_

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "evengrad/graph/export.h"
#include "evengrad/graph/graph.h"
#include "evengrad/graph/tensor.h"
#include "evengrad/ops/reference.h"
#include "evengrad/runtime/program.h"

namespace evengrad {

// The numbers of a tensor, and the inverse, which rounds to the dtype.
EVENGRAD_EXPORT ReferenceTensor ToReference(const Tensor& tensor);
EVENGRAD_EXPORT absl::StatusOr<Tensor> ToTensor(const ReferenceTensor& tensor);

// Values of states by the full name of the state.
using ReferenceStates = std::map<std::string, ReferenceTensor, std::less<>>;

struct ReferenceFeed {
  Value value = {};
  ReferenceTensor tensor = {};
};

struct ReferenceOptions {
  ReferenceStates states = {};  // one that is missing starts as initialized
  uint64_t seed = 0;
  uint64_t step = 0;  // of the program; initializers run at step 0
};

struct ReferenceResult {
  std::vector<ReferenceTensor> fetches = {};  // in the program's order
  ReferenceStates states = {};  // those the program has, after its updates
};

// One run. Ops with neither a reference nor a decomposition are an error, and
// so are missing feeds, feeds of another type and what Specialize refuses.
EVENGRAD_EXPORT absl::StatusOr<ReferenceResult> RunReference(
    const Program& program, std::span<const ReferenceFeed> feeds,
    const ReferenceOptions& options = {});

// The given values of a graph, in training mode.
EVENGRAD_EXPORT absl::StatusOr<std::vector<ReferenceTensor>> RunReference(
    const Graph& graph, std::span<const Value> values,
    std::span<const ReferenceFeed> feeds, const ReferenceOptions& options = {});

}  // namespace evengrad

#endif  // EVENGRAD_RUNTIME_REFERENCE_EXECUTOR_H_
