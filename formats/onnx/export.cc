// SaveOnnx: a program's results as an ONNX model.
#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "evengrad/formats/onnx.h"
#include "evengrad/formats/onnx/export_writer.h"
#include "evengrad/formats/onnx/model.h"
#include "evengrad/formats/onnx/model_file.h"
#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/runtime/passes.h"
#include "evengrad/runtime/rebuild.h"

namespace evengrad {
namespace {

// What becomes of a node that has no counterpart: what stands for it in
// inference mode, or what it is composed of. Null where there is neither.
const RewriteFunction* RewriteOf(const OpDef& op) {
  if (FindOnnxExport(op) != nullptr || op.is_source) return nullptr;
  if (op.inference) return &op.inference;
  return op.decompose ? &op.decompose : nullptr;
}

bool HasRewrites(const Graph& graph, const std::vector<bool>& needed) {
  for (int id = 0; id < graph.num_nodes(); ++id) {
    if (needed[static_cast<size_t>(id)] &&
        RewriteOf(graph.node(id).op()) != nullptr) {
      return true;
    }
  }
  return false;
}

absl::StatusOr<std::optional<std::vector<Value>>> Rewrite(
    const Node& node, std::span<const Value> inputs, Graph& graph) {
  const RewriteFunction* rewrite = RewriteOf(node.op());
  if (rewrite == nullptr) return std::nullopt;
  const Node copy =
      graph.AddNamed(node.op(), inputs, node.attributes(),
                     FreeName(graph, node.name(), nullptr), node.location());
  if (!copy.valid()) return graph.status();
  std::vector<Value> values = (*rewrite)(copy);
  EVENGRAD_RETURN_IF_ERROR(graph.status());
  if (values.empty()) return std::vector<Value>{copy.output()};
  return values;
}

// Programs with none of those nodes left, where that is possible.
absl::Status Lower(Program& program) {
  constexpr int kMostRounds = 16;  // compositions of compositions
  for (int round = 0; round < kMostRounds; ++round) {
    const std::vector<bool> needed = NeededNodes(program);
    if (!HasRewrites(program.graph, needed)) break;
    EVENGRAD_ASSIGN_OR_RETURN(RebuiltGraph rebuilt,
                              RebuildGraph(program.graph, &needed, Rewrite));
    for (NamedValue& fetch : program.fetches) {
      fetch.value = rebuilt(fetch.value);
    }
    program.graph = rebuilt.graph;
  }
  return absl::OkStatus();
}

// The values that no node reads, under their names.
std::vector<NamedValue> Sinks(const Graph& graph) {
  std::vector<bool> read(static_cast<size_t>(graph.num_nodes()));
  for (int id = 0; id < graph.num_nodes(); ++id) {
    const Node node = graph.node(id);
    for (int i = 0; i < node.num_inputs(); ++i) {
      read[static_cast<size_t>(node.input_id(i).node)] = true;
    }
    if (node.initializer().valid()) {
      read[static_cast<size_t>(node.initializer().id().node)] = true;
    }
  }
  std::vector<NamedValue> sinks;
  for (int id = 0; id < graph.num_nodes(); ++id) {
    const Node node = graph.node(id);
    if (read[static_cast<size_t>(id)] || node.op().is_source) continue;
    sinks.push_back({node.name(), node.output()});
  }
  return sinks;
}

class Exporter {
 public:
  Exporter(const Session& session, Program program)
      : session_(session), program_(std::move(program)), writer_(model_) {}

  absl::StatusOr<OnnxModel> Run() {
    EVENGRAD_RETURN_IF_ERROR(VerifyProgram(program_));
    program_.updates.clear();
    program_.observations.clear();
    program_.guards.clear();
    if (program_.fetches.empty()) program_.fetches = Sinks(program_.graph);
    if (program_.fetches.empty()) {
      return InvalidArgument("the program has no results to export");
    }
    EVENGRAD_RETURN_IF_ERROR(Lower(program_));
    needed_ = NeededNodes(program_);
    EVENGRAD_RETURN_IF_ERROR(CheckOps());
    model_.producer = "evengrad";
    model_.graph_name = "model";
    model_.opset = kOnnxOpset;
    ReserveNames();
    EVENGRAD_RETURN_IF_ERROR(WriteInputs());
    for (int id = 0; id < program_.graph.num_nodes(); ++id) {
      if (!needed_[static_cast<size_t>(id)]) continue;
      const Node node = program_.graph.node(id);
      EVENGRAD_RETURN_IF_ERROR(Prefixed(WriteNode(node), node.ErrorPrefix()));
    }
    WriteOutputs();
    return std::move(model_);
  }

 private:
  // One error that lists all ops without a counterpart.
  absl::Status CheckOps() {
    std::map<std::string_view, std::vector<std::string>> missing;
    for (int id = 0; id < program_.graph.num_nodes(); ++id) {
      const Node node = program_.graph.node(id);
      if (!needed_[static_cast<size_t>(id)] || node.op().is_source ||
          FindOnnxExport(node.op()) != nullptr) {
        continue;
      }
      missing[node.op().name].push_back(node.name());
    }
    if (missing.empty()) return absl::OkStatus();
    std::string list;
    for (const auto& [op, nodes] : missing) {
      list += StrCat(list.empty() ? "" : "; ", op, " (", nodes[0]);
      if (nodes.size() > 1) list += StrCat(" and ", nodes.size() - 1, " more");
      list += ")";
    }
    return OnnxWriter::Unsupported("ONNX has no counterpart of ", list);
  }

  // A result keeps its name; so do inputs and states.
  void ReserveNames() {
    for (const NamedValue& fetch : program_.fetches) {
      writer_.Reserve(fetch.name);
      const Node node = fetch.value.node();
      const bool renamed = !node.op().is_source;
      if (renamed) result_names_.try_emplace(fetch.value.id(), fetch.name);
    }
  }

  absl::Status WriteInputs() {
    for (int id = 0; id < program_.graph.num_nodes(); ++id) {
      const Node node = program_.graph.node(id);
      if (!needed_[static_cast<size_t>(id)] || !IsPlaceholder(node)) continue;
      const std::string name = writer_.FreeName(node.name());
      if (name != node.name()) {
        return InvalidArgument("input '", node.name(),
                               "' has the name of a result");
      }
      writer_.SetName(node.output(), name);
      model_.inputs.push_back({name, node.output_type()});
      const Shape& shape = node.output_type().shape;
      for (int axis = 0; axis < shape.rank(); ++axis) {
        if (shape[axis].is_symbol()) {
          writer_.SetSymbol(shape[axis].symbol(), name, axis);
        }
      }
    }
    return absl::OkStatus();
  }

  absl::Status WriteState(const Node& node) {
    EVENGRAD_ASSIGN_OR_RETURN(Tensor tensor, session_.Read(node.name()));
    const std::string name = writer_.FreeName(node.name());
    writer_.SetName(node.output(), name);
    model_.initializers.push_back({name, std::move(tensor)});
    return absl::OkStatus();
  }

  absl::Status WriteNode(const Node& node) {
    if (IsPlaceholder(node)) return absl::OkStatus();
    if (IsState(node)) return WriteState(node);
    writer_.Begin(node);
    if (IsConstant(node)) {
      const std::string name =
          writer_.Constant(node.attribute<Tensor>("value"));
      return SetNames(node, {name}, model_.nodes.size() - 1);
    }
    if (node.op().is_source) return absl::OkStatus();  // only a type
    const size_t first = model_.nodes.size();
    const OnnxExport& rule = *FindOnnxExport(node.op());
    if (!rule.same_as.empty()) {
      std::vector<std::string> inputs;
      for (int i = 0; i < node.num_inputs(); ++i) {
        inputs.push_back(writer_.Name(node.input(i)));
      }
      return SetNames(node, {writer_.Add(rule.same_as, std::move(inputs))},
                      first);
    }
    EVENGRAD_ASSIGN_OR_RETURN(std::vector<std::string> names,
                              rule.write(writer_, node));
    return SetNames(node, std::move(names), first);
  }

  // Outputs of nodes from `first` on get the names that the graph, or the
  // program, has for them.
  absl::Status SetNames(const Node& node, std::vector<std::string> names,
                        size_t first) {
    for (int i = 0; i < node.num_outputs(); ++i) {
      const Value value = node.output(i);
      const auto result = result_names_.find(value.id());
      const bool is_result = result != result_names_.end();
      const auto k = static_cast<size_t>(i);
      if (k >= names.size() || names[k].empty()) {
        if (!IsRead(value) && !is_result) continue;
        return OnnxWriter::Unsupported("output ", i, " of ", node.op().name);
      }
      OnnxNode* maker = MakerOf(names[k], first);
      if (maker == nullptr) {  // an alias of what there was
        writer_.SetName(value, names[k]);
        continue;
      }
      const std::string wanted =
          is_result ? result->second : writer_.FreeName(value.name());
      std::ranges::replace(maker->outputs, names[k], wanted);
      if (i == 0) maker->name = wanted;
      writer_.SetName(value, wanted);
      if (is_result) written_.insert(wanted);
    }
    return absl::OkStatus();
  }

  OnnxNode* MakerOf(const std::string& name, size_t first) {
    for (size_t i = model_.nodes.size(); i > first; --i) {
      OnnxNode& node = model_.nodes[i - 1];
      if (std::ranges::find(node.outputs, name) != node.outputs.end()) {
        return &node;
      }
    }
    return nullptr;
  }

  bool IsRead(const Value& value) {
    if (read_.empty()) {
      for (int id = 0; id < program_.graph.num_nodes(); ++id) {
        const Node node = program_.graph.node(id);
        if (!needed_[static_cast<size_t>(id)]) continue;
        for (int i = 0; i < node.num_inputs(); ++i) {
          read_.insert(node.input_id(i));
        }
      }
    }
    return read_.contains(value.id());
  }

  // A result that is an input, a state, an alias or twice a result is copied.
  void WriteOutputs() {
    for (const NamedValue& fetch : program_.fetches) {
      if (!written_.contains(fetch.name)) {
        model_.nodes.push_back({.name = fetch.name,
                                .op = "Identity",
                                .inputs = {writer_.Name(fetch.value)},
                                .outputs = {fetch.name}});
      }
      model_.outputs.push_back({fetch.name, fetch.value.type()});
    }
  }

  const Session& session_;
  Program program_;
  OnnxModel model_;
  OnnxWriter writer_;
  std::vector<bool> needed_;
  std::set<ValueId> read_;
  std::map<ValueId, std::string> result_names_;
  std::set<std::string> written_;
};

}  // namespace

absl::Status SaveOnnx(const Session& session, const Program& program,
                      const std::string& path) {
  absl::StatusOr<OnnxModel> model = Exporter(session, program).Run();
  if (!model.ok()) return Prefixed(model.status(), StrCat(path, ": "));
  return WriteOnnxModel(*model, path);
}

}  // namespace evengrad
