#include <algorithm>
#include <optional>
#include <vector>

#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/initializers.h"

namespace evengrad {
namespace {

// The forward nodes that read elements of each node's outputs, each once: not
// the nodes of gradients, nor those that read no more than a type.
using Readers = std::vector<std::vector<int>>;

Readers FindReaders(const Graph& graph) {
  Readers readers(graph.num_nodes());
  for (int id = 0; id < graph.num_nodes(); ++id) {
    const Node node = graph.node(id);
    if (node.gradient_of() >= 0) continue;
    // Behind its values, a custom gradient reads inputs for gradients only.
    const int num_inputs =
        &node.op() == &CustomGradientOp()
            ? static_cast<int>(node.attribute<int64_t>("outputs"))
            : node.num_inputs();
    for (int i = 0; i < num_inputs; ++i) {
      if (node.op().ReadsTypeOnly(i)) continue;
      std::vector<int>& of_input = readers[node.input_id(i).node];
      if (of_input.empty() || of_input.back() != id) of_input.push_back(id);
    }
  }
  return readers;
}

// Whether `node` hands the role of `value` on to its output: HintFlow::kPass,
// and `value` is its first input or has the shape of its output (the other
// side of a residual sum).
bool Passes(const Node& node, const Value& value) {
  if (node.op().hint_flow != HintFlow::kPass) return false;
  return node.input(0) == value || node.output_type() == value.type();
}

// The hint on the way from `reader`, which reads `value`, a parameter or made
// of one. The first op that passes nothing on is the layer itself; the search
// goes through its output and ends at the second one.
InitializerHint HintAfter(const Graph& graph, const Readers& readers,
                          Node reader, Value value) {
  bool behind_layer = false;
  while (reader.op().initializer_hint == InitializerHint::kNone) {
    if (!Passes(reader, value)) {
      if (behind_layer) return InitializerHint::kNone;
      behind_layer = true;
    }
    const std::vector<int>& next = readers[reader.id()];
    if (next.size() != 1) return InitializerHint::kNone;
    value = reader.output();
    reader = graph.node(next[0]);
  }
  return reader.op().initializer_hint;
}

// The one hint of all ways from `state`; none where two differ.
InitializerHint HintFor(const Graph& graph, const Readers& readers,
                        const Node& state) {
  InitializerHint found = InitializerHint::kNone;
  for (int id : readers[state.id()]) {
    const InitializerHint hint =
        HintAfter(graph, readers, graph.node(id), state.output());
    if (hint == InitializerHint::kNone) continue;
    if (found != InitializerHint::kNone && found != hint) {
      return InitializerHint::kNone;
    }
    found = hint;
  }
  return found;
}

Initializer InitializerFor(InitializerHint hint) {
  switch (hint) {
    case InitializerHint::kHe:
      return HeNormal();
    case InitializerHint::kLeCun:
      return LeCunNormal();
    case InitializerHint::kNone:
    case InitializerHint::kGlorot:
      break;
  }
  return GlorotUniform();
}

}  // namespace

absl::Status ResolveInitializers(Graph& graph) {
  EVENGRAD_RETURN_IF_ERROR(graph.status());
  const Readers readers = FindReaders(graph);
  for (const Value& value : States(graph)) {
    const Node state = value.node();
    const Value initial = state.initializer();
    if (!initial.valid() || &initial.node().op() != &AutoInitializerOp()) {
      continue;
    }
    const Initializer initializer =
        InitializerFor(HintFor(graph, readers, state));
    // The parameter's name alone decides its random numbers.
    const std::string name = StrCat(state.name(), "/initial");
    const Value resolved = AddInitializer(
        graph, initializer, value.type(),
        {.name = name,
         .layout = {.transposed = initial.node().attribute<bool>("transposed"),
                    .groups = initial.node().attribute<int64_t>("groups")}},
        state.location());
    EVENGRAD_RETURN_IF_ERROR(graph.status());
    EVENGRAD_RETURN_IF_ERROR(graph.SetInitializer(state, resolved));
  }
  return absl::OkStatus();
}

}  // namespace evengrad
