#include "load_model.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "evengrad/graph/suggest.h"
#include "load_ops.h"

namespace evengrad::tools {

bool IsOnnxFile(std::string_view path) { return path.ends_with(".onnx"); }

absl::StatusOr<Program> LoadModel(const std::string& path,
                                  std::span<const NamedTensor> inputs) {
  if (IsOnnxFile(path)) return LoadOnnx(path, {.inputs = inputs});
  return LoadProgram(path, &Ops());
}

std::vector<NamedValue> ResultsOf(const Program& program) {
  if (!program.fetches.empty()) return program.fetches;
  const Graph& graph = program.graph;
  std::vector<bool> is_read(static_cast<size_t>(graph.num_nodes()));
  const auto mark = [&](const Value& value) {
    if (value.valid()) is_read[static_cast<size_t>(value.id().node)] = true;
  };
  for (int id = 0; id < graph.num_nodes(); ++id) {
    const Node node = graph.node(id);
    for (int i = 0; i < node.num_inputs(); ++i) mark(node.input(i));
    mark(node.initializer());
    mark(node.training_update());
  }
  std::vector<NamedValue> results;
  for (int id = 0; id < graph.num_nodes(); ++id) {
    const Node node = graph.node(id);
    if (is_read[static_cast<size_t>(id)] || node.op().is_source) continue;
    results.push_back({node.name(), node.output()});
  }
  return results;
}

absl::StatusOr<Value> FindValue(const Program& program, std::string_view name) {
  std::vector<std::string_view> known;
  for (const NamedValue& fetch : program.fetches) {
    if (fetch.name == name) return fetch.value;
    known.push_back(fetch.name);
  }
  if (const Node node = program.graph.FindNode(name); node.valid()) {
    return node.output();
  }
  constexpr int kMost = 10'000;
  for (int id = 0; id < std::min(program.graph.num_nodes(), kMost); ++id) {
    known.push_back(program.graph.node(id).name());
  }
  return absl::NotFoundError(StrCat("the model has no result and no node '",
                                    name, "'", DidYouMean(name, known)));
}

absl::Status LoadWeights(const std::string& path, const Graph& graph,
                         Session& session) {
  EVENGRAD_ASSIGN_OR_RETURN(const SafetensorsReader reader,
                            SafetensorsReader::Open(path));
  for (const Value& state : States(graph)) {
    const std::string& name = state.node().name();
    const SafetensorsEntry* entry = reader.Find(name);
    if (entry == nullptr) {
      return absl::NotFoundError(StrCat(path, ": there is no tensor '", name,
                                        "', which the model ", "has as ",
                                        state.type().ToString()));
    }
    EVENGRAD_ASSIGN_OR_RETURN(const Tensor tensor, reader.Read(*entry));
    EVENGRAD_RETURN_IF_ERROR(
        Prefixed(session.Write(state, tensor), StrCat(path, ": ")));
  }
  return absl::OkStatus();
}

}  // namespace evengrad::tools
