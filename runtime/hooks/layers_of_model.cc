#include "evengrad/runtime/hooks/layers_of_model.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "evengrad/graph/source_ops.h"

namespace evengrad {
namespace {

bool IsUnaryElementwise(const Node& node) {
  return node.op().elementwise && node.num_inputs() == 1 &&
         IsFloating(node.output_type().dtype);
}

// The forward pass: what the loss is computed from, who reads what, and which
// layer each node belongs to.
class ForwardPass {
 public:
  explicit ForwardPass(const Value& loss)
      : graph_(*Graph::Of(loss)), loss_(loss.id().node) {
    const auto size = static_cast<size_t>(loss_) + 1;
    layer_.resize(size);
    readers_.resize(size);
    std::vector<bool> needed(size, false);
    needed[loss_] = true;
    for (int id = loss_; id >= 0; --id) {
      if (!needed[id]) continue;
      const Node node = graph_.node(id);
      layer_[id] = LayerOf(node);
      nodes_.push_back(id);
      for (int i = 0; i < node.num_inputs(); ++i) {
        if (node.op().ReadsTypeOnly(i)) continue;
        needed[node.input_id(i).node] = true;
        readers_[node.input_id(i).node].push_back(id);
      }
    }
    std::ranges::reverse(nodes_);
  }

  // The ids of the nodes, in order.
  const std::vector<int>& nodes() const { return nodes_; }
  const std::string& layer(int id) const { return layer_[id]; }
  const std::vector<int>& readers(int id) const { return readers_[id]; }

  // The last value of the layer that is read outside it, with the activation
  // that follows.
  Value OutputOf(const std::string& layer) const {
    int last = -1;
    for (int id : nodes_) {
      const Node node = graph_.node(id);
      if (layer_[id] != layer || node.op().is_source || id == loss_ ||
          !IsFloating(node.output_type().dtype)) {
        continue;
      }
      const bool read_outside = std::ranges::any_of(
          readers_[id], [&](int reader) { return layer_[reader] != layer; });
      if (read_outside) last = id;
    }
    if (last < 0) return Value();
    while (readers_[last].size() == 1) {
      const int reader = readers_[last][0];
      const Node node = graph_.node(reader);
      if (reader == loss_ || !IsUnaryElementwise(node) ||
          graph_.HasParameters(layer_[reader])) {
        break;
      }
      last = reader;
    }
    return graph_.node(last).output();
  }

  // Walks back from `output` to the first elementwise op of one input, as long
  // as the nodes stay in their layer.
  Node ActivationOf(const Value& output) const {
    Node node = output.node();
    const std::string& layer = layer_[node.id()];
    while (layer_[node.id()] == layer && node.op().elementwise) {
      if (IsUnaryElementwise(node)) return node;
      node = node.input(0).node();
    }
    return Node();
  }

 private:
  const Graph graph_;
  const int loss_;
  std::vector<int> nodes_;
  std::vector<std::string> layer_;         // by node
  std::vector<std::vector<int>> readers_;  // by node
};

// Layers from whose outputs the loss is reached without another layer.
void MarkOutputLayers(const ForwardPass& forward,
                      const std::set<std::string>& names,
                      std::vector<ModelLayer>& layers) {
  // The layers that are met first on the way from a node to the loss.
  std::map<int, std::set<std::string>> behind;
  std::map<std::string, bool> is_inner;
  for (size_t k = forward.nodes().size(); k-- > 0;) {
    const int id = forward.nodes()[k];
    std::set<std::string>& met = behind[id];
    const std::string& own = forward.layer(id);
    for (int reader : forward.readers(id)) {
      const std::string& next = forward.layer(reader);
      if (next != own && names.contains(next)) {
        met.insert(next);
      } else {
        met.insert(behind[reader].begin(), behind[reader].end());
      }
    }
    met.erase(own);
    if (names.contains(own) && !met.empty()) is_inner[own] = true;
  }
  for (ModelLayer& layer : layers) layer.is_output = !is_inner[layer.name];
}

}  // namespace

std::vector<ModelLayer> LayersOf(Instrumentation& instrumentation) {
  const ForwardPass forward(instrumentation.loss());
  std::vector<ModelLayer> layers;
  std::set<std::string> names;
  for (const Value& parameter : instrumentation.parameters()) {
    const std::string name = LayerOf(parameter.node());
    auto layer = std::ranges::find(layers, name, &ModelLayer::name);
    if (layer == layers.end()) {
      names.insert(name);
      layers.push_back({.name = name});
      layer = layers.end() - 1;
    }
    layer->parameters.push_back(parameter);
  }
  for (ModelLayer& layer : layers) {
    layer.output = forward.OutputOf(layer.name);
    if (layer.output.valid()) {
      layer.activation = forward.ActivationOf(layer.output);
    }
  }
  MarkOutputLayers(forward, names, layers);
  std::ranges::stable_sort(layers, {}, [](const ModelLayer& layer) {
    return layer.output.id().node;
  });
  return layers;
}

}  // namespace evengrad
