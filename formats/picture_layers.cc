#include "evengrad/formats/picture_layers.h"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "evengrad/graph/source_ops.h"
#include "evengrad/runtime/passes.h"

namespace evengrad {
namespace {

// Marks what the marked nodes are computed from.
void MarkAncestors(const Graph& graph, std::vector<bool>& marked) {
  for (int id = graph.num_nodes() - 1; id >= 0; --id) {
    if (!marked[id]) continue;
    const Node node = graph.node(id);
    for (int i = 0; i < node.num_inputs(); ++i) {
      marked[node.input_id(i).node] = true;
    }
  }
}

// `node` stands below a state, such as "hidden1/weights/initial".
bool IsBelowState(const Graph& graph, std::string_view name) {
  for (size_t at = name.rfind('/'); at != std::string_view::npos && at > 0;
       at = name.rfind('/', at - 1)) {
    const Node around = graph.FindNode(name.substr(0, at));
    if (around.valid() && IsState(around)) return true;
  }
  return false;
}

// What only the first values of states are computed from. In a program with
// results, also what looks like that and is not needed: an initializer in whose
// place there is another.
std::vector<bool> InitialNodes(const Program& program) {
  const Graph& graph = program.graph;
  const auto size = static_cast<size_t>(graph.num_nodes());
  std::vector<bool> initial(size, false);
  for (const Value& state : States(graph)) {
    const Value first = state.node().initializer();
    if (first.valid()) initial[first.id().node] = true;
  }
  if (!program.fetches.empty() || !program.updates.empty()) {
    const std::vector<bool> needed = NeededNodes(program);
    for (int id = 0; id < graph.num_nodes(); ++id) {
      const Node node = graph.node(id);
      const bool draws = node.num_inputs() == 0 && !node.op().is_source &&
                         !IsConstant(node);  // numbers out of nothing
      if (!needed[id] && !IsState(node) && node.gradient_of() < 0 &&
          (draws || IsBelowState(graph, node.name()))) {
        initial[id] = true;
      }
    }
  }
  MarkAncestors(graph, initial);
  std::vector<bool> used(size, false);
  for (size_t id = 0; id < size; ++id) used[id] = !initial[id];
  for (const NamedValue& fetch : program.fetches) {
    used[fetch.value.id().node] = true;
  }
  MarkAncestors(graph, used);
  for (size_t id = 0; id < size; ++id) {
    initial[id] = initial[id] && !used[id];
  }
  return initial;
}

// What fetched values, and the nodes that have gradients, are computed from.
// Everything, where there are neither.
std::vector<bool> ForwardNodes(const Program& program) {
  const Graph& graph = program.graph;
  std::vector<bool> forward(static_cast<size_t>(graph.num_nodes()), false);
  bool any = false;
  auto add = [&](int id) {
    forward[id] = true;
    any = true;
  };
  for (const NamedValue& fetch : program.fetches) add(fetch.value.id().node);
  for (int id = 0; id < graph.num_nodes(); ++id) {
    const int of = graph.node(id).gradient_of();
    if (of >= 0 && of < graph.num_nodes() && graph.node(of).gradient_of() < 0) {
      add(of);
    }
  }
  if (!any) return std::vector<bool>(forward.size(), true);
  MarkAncestors(graph, forward);
  return forward;
}

}  // namespace

void SetPasses(const Program& program, GraphPicture& picture) {
  const Graph& graph = program.graph;
  const std::vector<bool> initial = InitialNodes(program);
  const std::vector<bool> forward = ForwardNodes(program);
  const bool has_updates = !program.updates.empty();
  for (int id = 0; id < graph.num_nodes(); ++id) {
    PictureNode& node = picture.nodes[id];
    if (initial[id]) {
      node.pass = PicturePass::kInitial;
    } else if (node.gradient_of >= 0) {
      node.pass = PicturePass::kGradient;
    } else if (forward[id] || !has_updates ||
               node.role == PictureRole::kParameter ||
               node.role == PictureRole::kInput) {
      node.pass = PicturePass::kForward;
    } else {
      node.pass = PicturePass::kUpdate;
    }
  }
}

namespace {

class LayerFinder {
 public:
  LayerFinder(const Program& program, GraphPicture& picture)
      : graph_(program.graph), picture_(picture) {}

  void Run() {
    for (size_t id = 0; id < picture_.nodes.size(); ++id) {
      const PictureNode& node = picture_.nodes[id];
      if (node.pass == PicturePass::kForward &&
          node.role == PictureRole::kCompute) {
        AddForward(static_cast<int>(id));
      }
    }
    for (size_t id = 0; id < picture_.nodes.size(); ++id) {
      if (picture_.nodes[id].layer < 0) AddOther(static_cast<int>(id));
    }
    for (PictureNode& node : picture_.nodes) {
      if (node.role != PictureRole::kParameter) continue;
      const Node state = graph_.FindNode(node.name);
      PictureLayer& layer = picture_.layers[node.layer];
      layer.parameters += state.output_type().shape.NumElements().value_or(0);
      if (layer.kind == PictureLayerKind::kOther) {
        layer.kind = PictureLayerKind::kLayer;
      }
    }
    Order();
  }

 private:
  int AddLayer(std::string name, PictureLayerKind kind) {
    picture_.layers.push_back({.name = std::move(name), .kind = kind});
    return static_cast<int>(picture_.layers.size()) - 1;
  }

  // Reads before it computes: inputs come right before their first reader.
  void AddForward(int id) {
    PictureNode& node = picture_.nodes[id];
    for (const ValueId& input : node.inputs) {
      PictureNode& source = picture_.nodes[input.node];
      if (source.role != PictureRole::kInput || source.layer >= 0) continue;
      source.layer = AddLayer(source.name, PictureLayerKind::kInput);
      open_ = -1;
    }
    const std::string name = LayerOf(graph_.node(id));
    if (!name.empty()) {
      open_ = -1;
      node.layer = NamedLayer(name);
      return;
    }
    // Outside of scopes, a layer begins where a matrix of weights is read.
    const bool begins = ReadsMatrix(node);
    if (open_ < 0 || begins) {
      open_ = AddLayer(node.name, PictureLayerKind::kOther);
      open_begins_ = begins;
    }
    if (!open_begins_) picture_.layers[open_].name = node.name;
    node.layer = open_;
  }

  bool ReadsMatrix(const PictureNode& node) const {
    return std::ranges::any_of(node.inputs, [&](const ValueId& input) {
      const PictureNode& source = picture_.nodes[input.node];
      return source.role == PictureRole::kParameter &&
             source.types[0].rank() >= 2;
    });
  }

  int NamedLayer(const std::string& name) {
    auto [it, inserted] = by_name_.emplace(name, 0);
    if (inserted) {
      it->second =
          AddLayer(name, graph_.HasParameters(name) ? PictureLayerKind::kLayer
                                                    : PictureLayerKind::kOther);
    }
    return it->second;
  }

  void AddOther(int id) {
    PictureNode& node = picture_.nodes[id];
    switch (node.pass) {
      case PicturePass::kForward:
        node.layer = SourceLayer(id);
        return;
      case PicturePass::kGradient:
        node.layer = GradientLayer(id);
        return;
      case PicturePass::kUpdate:
        node.layer = UpdateLayer(id);
        return;
      case PicturePass::kInitial:
        node.layer = InitialLayer(id);
        return;
    }
  }

  // A source belongs to the layer around it, or to its first reader.
  int SourceLayer(int id) {
    const PictureNode& node = picture_.nodes[id];
    if (node.role == PictureRole::kInput) {
      return AddLayer(node.name, PictureLayerKind::kInput);
    }
    const std::string name = LayerOf(graph_.node(id));
    if (auto it = by_name_.find(name); it != by_name_.end()) return it->second;
    for (size_t reader = id + 1; reader < picture_.nodes.size(); ++reader) {
      const PictureNode& other = picture_.nodes[reader];
      if (other.pass == PicturePass::kForward && other.layer >= 0 &&
          std::ranges::find(other.inputs, id, &ValueId::node) !=
              other.inputs.end()) {
        return other.layer;
      }
    }
    return NamedLayer(name.empty() ? node.name : name);
  }

  int GradientLayer(int id) {
    int forward = id;
    while (picture_.nodes[forward].gradient_of >= 0 &&
           picture_.nodes[forward].gradient_of < forward) {
      forward = picture_.nodes[forward].gradient_of;
    }
    const int layer = forward == id ? -1 : picture_.nodes[forward].layer;
    return layer >= 0 ? layer : SharedLayer(PictureLayerKind::kUpdate);
  }

  // "update/hidden1/weights" belongs to hidden1, like the slots of an optimizer
  // in hidden1; "clip_by_global_norm/…" is a hook.
  int UpdateLayer(int id) {
    std::string_view scope = graph_.node(id).scope();
    if (auto it = by_name_.find(LayerOf(graph_.node(id)));
        it != by_name_.end() &&
        picture_.layers[it->second].kind == PictureLayerKind::kLayer) {
      return it->second;
    }
    constexpr std::string_view kUpdate = "update";
    const std::string_view first = scope.substr(0, scope.find('/'));
    if (first == kUpdate && scope.size() > kUpdate.size()) {
      const Node state = graph_.FindNode(scope.substr(kUpdate.size() + 1));
      if (state.valid() && picture_.nodes[state.id()].layer >= 0) {
        return picture_.nodes[state.id()].layer;
      }
    }
    // Of a state, such as the step, and what advances it.
    const bool of_state = graph_.FindNode(scope).valid();
    if (first.empty() || first == kUpdate || of_state) {
      return SharedLayer(PictureLayerKind::kUpdate);
    }
    auto [it, inserted] = hooks_.emplace(first, 0);
    if (inserted) {
      it->second = AddLayer(std::string(first), PictureLayerKind::kHook);
    }
    return it->second;
  }

  // That of the state; initial values come before or after their states.
  int InitialLayer(int id) {
    const std::string name = LayerOf(graph_.node(id));
    if (auto it = by_name_.find(name); it != by_name_.end()) return it->second;
    const std::string_view full = graph_.node(id).name();
    for (size_t at = full.find('/'); at != std::string_view::npos;
         at = full.find('/', at + 1)) {
      const Node state = graph_.FindNode(full.substr(0, at));
      if (state.valid() && picture_.nodes[state.id()].layer >= 0) {
        return picture_.nodes[state.id()].layer;
      }
    }
    return SharedLayer(PictureLayerKind::kUpdate);
  }

  int SharedLayer(PictureLayerKind kind) {
    if (shared_ < 0) shared_ = AddLayer("training", kind);
    return shared_;
  }

  // Hooks behind the forward pass, what updates share behind the hooks.
  void Order() {
    std::vector<int> order(picture_.layers.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int>(i);
    auto rank = [&](int layer) {
      const PictureLayerKind kind = picture_.layers[layer].kind;
      if (kind == PictureLayerKind::kUpdate) return 2;
      return kind == PictureLayerKind::kHook ? 1 : 0;
    };
    std::ranges::stable_sort(order, {}, rank);
    std::vector<PictureLayer> layers;
    std::vector<int> place(order.size());
    for (size_t i = 0; i < order.size(); ++i) {
      layers.push_back(std::move(picture_.layers[order[i]]));
      place[order[i]] = static_cast<int>(i);
    }
    picture_.layers = std::move(layers);
    for (PictureNode& node : picture_.nodes) node.layer = place[node.layer];
  }

  const Graph& graph_;
  GraphPicture& picture_;
  std::map<std::string, int, std::less<>> by_name_;
  std::map<std::string, int, std::less<>> hooks_;
  int open_ = -1;             // of nodes outside of layers
  bool open_begins_ = false;  // with a matrix of weights: it has its name
  int shared_ = -1;           // of what updates share
};

}  // namespace

void SetLayers(const Program& program, GraphPicture& picture) {
  LayerFinder(program, picture).Run();
}

}  // namespace evengrad
