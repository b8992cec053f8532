// The graph of one op on one sample, with its gradients, and runs of it.
#ifndef EVENGRAD_TESTING_SAMPLE_GRAPH_H_
#define EVENGRAD_TESTING_SAMPLE_GRAPH_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "evengrad/graph/graph.h"
#include "evengrad/runtime/reference_executor.h"
#include "evengrad/runtime/session.h"
#include "evengrad/testing/numbers.h"
#include "evengrad/testing/op_case.h"

namespace evengrad::testing {

// The sample with `dtype` in place of f32 in its inputs.
OpSample WithDType(OpSample sample, DType dtype);
// The sample with `to` in place of the size `from`, in inputs and attributes.
OpSample WithSize(OpSample sample, Dimension from, Dimension to);
// Every size of 2 or more of an input becomes a symbol, wherever it stands: 3
// becomes "n3".
OpSample WithSymbols(const OpSample& sample);
// Every dimension of every input becomes unknown.
OpSample WithUnknowns(OpSample sample);

struct SampleGraphOptions {
  bool gradients = false;
  // Elementwise nodes stand around the op, for fusion: its floating inputs are
  // what -x is fed for, and what is fetched of its floating outputs is -y.
  bool surrounded = false;
};

struct SampleGraph {
  Graph graph = {};
  std::vector<Value> inputs = {};   // of the op
  std::vector<Value> outputs = {};  // of the op
  std::vector<Value> fetches = {};  // outputs, then gradients
  // Placeholders: those of the inputs, then one for the gradient of each
  // floating output.
  std::vector<Value> feeds = {};
  // One a floating input; empty without SampleGraphOptions::gradients.
  std::vector<Value> gradients = {};
  std::vector<int> differentiable = {};  // their inputs
  bool surrounded = false;
};

// Errors: what the op's type rule or its gradient complains about.
absl::StatusOr<SampleGraph> BuildSampleGraph(const OpDef& op,
                                             const OpSample& sample,
                                             SampleGraphOptions options = {});

// Feeds for such a graph: `inputs` and, for output gradients, random weights.
// `concrete` gives the types of the outputs.
std::vector<ReferenceFeed> MakeFeeds(const SampleGraph& sample_graph,
                                     const SampleGraph& concrete,
                                     std::vector<ReferenceTensor> inputs,
                                     NumberSource& numbers);

// The seed of all runs.
inline constexpr uint64_t kRunSeed = 7;

// What a session, and the reference executor, make of `values`.
absl::StatusOr<std::vector<ReferenceTensor>> RunInSession(
    Session& session, const SampleGraph& sample_graph,
    const std::vector<ReferenceFeed>& feeds);
absl::StatusOr<std::vector<ReferenceTensor>> RunByReference(
    const Graph& graph, const std::vector<Value>& values,
    const std::vector<ReferenceFeed>& feeds);

}  // namespace evengrad::testing

#endif  // EVENGRAD_TESTING_SAMPLE_GRAPH_H_
