#include "evengrad/runtime/model_summary.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/runtime/compiler.h"
#include "evengrad/runtime/passes.h"

namespace evengrad {
namespace {

// True for the nodes of the forward pass: what the fetches depend on (all
// roots, where nothing is fetched), without the nodes of gradients.
std::vector<bool> ForwardNodes(const Program& program) {
  Program fetched = program;
  if (!program.fetches.empty()) {
    fetched.updates.clear();
    fetched.observations.clear();
    fetched.guards.clear();
  }
  std::vector<bool> forward = NeededNodes(fetched);
  for (int id = 0; id < program.graph.num_nodes(); ++id) {
    if (program.graph.node(id).gradient_of() >= 0) forward[id] = false;
  }
  return forward;
}

class Summarizer {
 public:
  explicit Summarizer(const Program& program)
      : program_(program),
        graph_(program.graph),
        forward_(ForwardNodes(program)),
        row_of_(static_cast<size_t>(graph_.num_nodes()), -1) {}

  void AddRows() {
    for (int id = 0; id < graph_.num_nodes(); ++id) {
      const Node node = graph_.node(id);
      if (!forward_[id] || (node.op().is_source && !IsPlaceholder(node))) {
        continue;
      }
      const int row = RowFor(node);
      row_of_[id] = row;
      LayerSummary& layer = summary_.layers[row];
      layer.output = node.output_type();
      if (std::ranges::find(layer.ops, node.op().name) == layer.ops.end()) {
        layer.ops.emplace_back(node.op().name);
      }
    }
  }

  // Parameters that the program needs.
  void AddParameters() {
    const std::vector<bool> needed = NeededNodes(program_);
    for (const Value& parameter : Parameters(graph_)) {
      if (!needed[parameter.id().node]) continue;
      const int64_t elements = parameter.shape().NumElements().value_or(0);
      summary_.parameters += elements;
      summary_.parameter_bytes += parameter.type().ByteSize().value_or(0);
      const int row = RowOfParameter(parameter);
      if (row >= 0) summary_.layers[row].parameters += elements;
    }
  }

  // `lowered` has static types; ops defined by composition are taken apart.
  void AddCosts(const Program& lowered) {
    const std::vector<bool> needed = NeededNodes(lowered);
    const std::vector<bool> forward = ForwardNodes(lowered);
    for (int id = 0; id < lowered.graph.num_nodes(); ++id) {
      const Node node = lowered.graph.node(id);
      if (!needed[id] || node.op().is_source) continue;
      const double flops = node.op().cost ? node.op().cost(node).flops : 0;
      if (!forward[id]) {
        (node.gradient_of() >= 0 ? summary_.gradient_flops
                                 : summary_.update_flops) += flops;
        continue;
      }
      const int64_t bytes = node.op().alias ? 0 : OutputBytes(node);
      summary_.forward_flops += flops;
      summary_.activation_bytes += bytes;
      const int row = RowOfPart(node);
      if (row < 0) continue;
      summary_.layers[row].flops += flops;
      summary_.layers[row].activation_bytes += bytes;
    }
  }

  void AddMemory(const CompiledProgram& compiled) {
    MemorySummary& memory = summary_.memory;
    memory.arena = compiled.memory.arena;
    memory.states = compiled.memory.states;
    memory.constants = compiled.memory.constants;
    memory.results = compiled.memory.results;
    memory.scratch = compiled.scratch_bytes;
    for (const BufferSpec& buffer : compiled.buffers) {
      if (buffer.kind == BufferKind::kFeed) memory.feeds += buffer.bytes;
    }
  }

  ModelSummary Take() { return std::move(summary_); }

 private:
  int AddRow(const std::string& name) {
    summary_.layers.push_back({.name = name});
    return static_cast<int>(summary_.layers.size()) - 1;
  }

  int RowFor(const Node& node) {
    if (IsPlaceholder(node)) {
      open_row_ = -1;
      return AddRow(node.name());
    }
    const std::string layer = LayerOf(node);
    if (layer.empty()) {
      if (open_row_ < 0) open_row_ = AddRow("");
      summary_.layers[open_row_].name = node.name();
      return open_row_;
    }
    open_row_ = -1;
    auto [it, inserted] = row_of_layer_.emplace(layer, 0);
    if (inserted) it->second = AddRow(layer);
    return it->second;
  }

  // The row of its layer, or of its first reader.
  int RowOfParameter(const Value& parameter) const {
    auto it = row_of_layer_.find(LayerOf(parameter.node()));
    if (it != row_of_layer_.end()) return it->second;
    for (int id = 0; id < graph_.num_nodes(); ++id) {
      const Node node = graph_.node(id);
      for (int i = 0; i < node.num_inputs() && row_of_[id] >= 0; ++i) {
        if (node.input_id(i) == parameter.id()) return row_of_[id];
      }
    }
    return -1;
  }

  // The row of the node that a lowered node is, or is a part of: parts are
  // named "<node>/…".
  int RowOfPart(const Node& lowered) const {
    std::string_view name = lowered.name();
    while (true) {
      const Node node = graph_.FindNode(name);
      if (node.valid()) return row_of_[node.id()];
      const size_t slash = name.rfind('/');
      if (slash == std::string_view::npos) return -1;
      name = name.substr(0, slash);
    }
  }

  static int64_t OutputBytes(const Node& node) {
    int64_t bytes = 0;
    for (int i = 0; i < node.num_outputs(); ++i) {
      bytes += node.output_type(i).ByteSize().value_or(0);
    }
    return bytes;
  }

  const Program& program_;
  const Graph& graph_;
  const std::vector<bool> forward_;
  std::vector<int> row_of_;  // by node
  std::map<std::string, int, std::less<>> row_of_layer_;
  int open_row_ = -1;  // of nodes outside of layers
  ModelSummary summary_;
};

}  // namespace

absl::StatusOr<ModelSummary> SummarizeModel(
    const Program& program, const std::map<int, Shape>& placeholder_shapes) {
  EVENGRAD_ASSIGN_OR_RETURN(const Program lowered,
                            Lower(program, placeholder_shapes, "specialize"));
  EVENGRAD_ASSIGN_OR_RETURN(const std::unique_ptr<CompiledProgram> compiled,
                            Compile(program, placeholder_shapes));
  Summarizer summarizer(program);
  summarizer.AddRows();
  summarizer.AddParameters();
  summarizer.AddCosts(lowered);
  summarizer.AddMemory(*compiled);
  return summarizer.Take();
}

}  // namespace evengrad
