#include "evengrad/runtime/rebuild.h"

#include <utility>

#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

class Rebuilder {
 public:
  Rebuilder(const Graph& old, const ReplaceFunction& replace)
      : old_(old), replace_(replace) {
    result_.places.resize(static_cast<size_t>(old.num_nodes()));
  }

  absl::Status AddNode(const Node& node) {
    EVENGRAD_ASSIGN_OR_RETURN(std::vector<Value> inputs, InputsOf(node));
    std::optional<std::vector<Value>> values;
    if (replace_) {
      const LocationScope location(result_.graph, node.location());
      const GradientScope gradient(result_.graph, GradientLinkOf(node));
      EVENGRAD_ASSIGN_OR_RETURN(values, replace_(node, inputs, result_.graph));
      EVENGRAD_RETURN_IF_ERROR(result_.graph.status());
    }
    if (!values.has_value()) return Copy(node, inputs);
    return Replace(node, *values);
  }

  absl::Status KeepInitializers() {
    for (const Value& state : States(old_)) {
      const Value copy = result_(state);
      if (!copy.valid() || !state.node().initializer().valid()) continue;
      const Value initializer = result_(state.node().initializer());
      if (!initializer.valid()) {
        return InvalidArgument(state.node().ErrorPrefix(),
                               "the state is kept, its initializer is not");
      }
      EVENGRAD_RETURN_IF_ERROR(
          result_.graph.SetInitializer(copy.node(), initializer));
      const Value update = result_(state.node().training_update());
      if (!update.valid()) continue;
      EVENGRAD_RETURN_IF_ERROR(
          result_.graph.SetTrainingUpdate(copy.node(), update));
    }
    return absl::OkStatus();
  }

  RebuiltGraph Take() { return std::move(result_); }

 private:
  int GradientLinkOf(const Node& node) const {
    const int link = node.gradient_of();
    return link < 0 ? -1 : result_.NodeId(link);
  }

  absl::StatusOr<std::vector<Value>> InputsOf(const Node& node) const {
    std::vector<Value> inputs;
    inputs.reserve(static_cast<size_t>(node.num_inputs()));
    for (int i = 0; i < node.num_inputs(); ++i) {
      inputs.push_back(result_(node.input_id(i)));
      if (!inputs.back().valid()) {
        return InvalidArgument(node.ErrorPrefix(), "the node is kept, input ",
                               i, " ('", node.input(i).name(), "') is dropped");
      }
    }
    return inputs;
  }

  absl::Status Copy(const Node& node, std::span<const Value> inputs) {
    std::string free_name;
    std::string_view name = node.name();
    if (result_.graph.FindNode(name).valid()) {
      free_name = FreeName(result_.graph, name);
      name = free_name;
    }
    const Node copy =
        result_.graph.AddNamed(node.op(), inputs, node.attributes(), name,
                               node.location(), GradientLinkOf(node));
    if (!copy.valid()) return result_.graph.status();
    for (int i = 0; i < copy.num_outputs(); ++i) {
      result_.places[node.id()].push_back({copy.id(), i});
    }
    return absl::OkStatus();
  }

  absl::Status Replace(const Node& node, std::span<const Value> values) {
    if (static_cast<int>(values.size()) != node.num_outputs()) {
      return InvalidArgument(node.ErrorPrefix(), "op '", node.op().name,
                             "' has ", node.num_outputs(),
                             " output(s), what replaces it has ",
                             values.size());
    }
    for (int i = 0; i < node.num_outputs(); ++i) {
      if (!values[i].valid() || !result_.graph.Owns(values[i])) {
        return InvalidArgument(node.ErrorPrefix(), "what replaces output ", i,
                               " of op '", node.op().name,
                               "' is no value of the new graph");
      }
      if (values[i].dtype() != node.output_type(i).dtype ||
          values[i].rank() != node.output_type(i).rank()) {
        return InvalidArgument(
            node.ErrorPrefix(), "output ", i, " of op '", node.op().name,
            "' has type ", node.output_type(i).ToString(),
            ", what replaces it has type ", values[i].type().ToString());
      }
      result_.places[node.id()].push_back(values[i].id());
    }
    return absl::OkStatus();
  }

  const Graph& old_;
  const ReplaceFunction& replace_;
  RebuiltGraph result_;
};

}  // namespace

Value RebuiltGraph::operator()(ValueId old) const {
  if (old.node < 0 || old.node >= static_cast<int>(places.size()) ||
      old.output < 0 ||
      old.output >= static_cast<int>(places[old.node].size())) {
    return graph.Invalid();
  }
  return graph.value(places[old.node][old.output]);
}

int RebuiltGraph::NodeId(int old) const { return (*this)({old, 0}).id().node; }

absl::StatusOr<RebuiltGraph> RebuildGraph(const Graph& graph,
                                          const std::vector<bool>* keep,
                                          const ReplaceFunction& replace,
                                          RebuildOptions options) {
  EVENGRAD_RETURN_IF_ERROR(graph.status());
  Rebuilder rebuilder(graph, replace);
  for (int id = 0; id < graph.num_nodes(); ++id) {
    if (keep != nullptr && !(*keep)[id]) continue;
    EVENGRAD_RETURN_IF_ERROR(rebuilder.AddNode(graph.node(id)));
  }
  if (options.keep_initializers) {
    EVENGRAD_RETURN_IF_ERROR(rebuilder.KeepInitializers());
  }
  return rebuilder.Take();
}

std::string FreeName(const Graph& graph, std::string_view name,
                     const Graph* other) {
  auto taken = [&](std::string_view candidate) {
    return graph.FindNode(candidate).valid() ||
           (other != nullptr && other->FindNode(candidate).valid());
  };
  std::string candidate(name);
  for (int number = 1; taken(candidate); ++number) {
    candidate = StrCat(name, "_", number);
  }
  return candidate;
}

}  // namespace evengrad
