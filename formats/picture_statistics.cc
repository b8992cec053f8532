#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "evengrad/formats/graph_picture.h"
#include "evengrad/graph/status.h"
#include "evengrad/graph/suggest.h"

namespace evengrad {
namespace {

// More records than this are thinned out: a page shows no more.
constexpr size_t kMostRecords = 240;

// What a file of statistics does not say about a layer.
struct LayerFacts {
  std::string activation = {};
  int64_t units = 0;
};

// The last op of one input in the layer, and the width of what it makes.
LayerFacts FactsOf(const GraphPicture& picture, int layer) {
  LayerFacts facts;
  for (const PictureNode& node : picture.nodes) {
    if (node.layer != layer || node.pass != PicturePass::kForward ||
        node.role != PictureRole::kCompute || node.types.empty()) {
      continue;
    }
    if (node.inputs.size() == 1) facts.activation = node.op;
    const Shape& shape = node.types[0].shape;
    if (shape.rank() > 0 && shape[shape.rank() - 1].is_integer()) {
      facts.units = shape[shape.rank() - 1].size();
    }
  }
  return facts;
}

class Joiner {
 public:
  Joiner(const std::string& source, GraphPicture& picture)
      : source_(source), picture_(picture) {
    for (size_t id = 0; id < picture.nodes.size(); ++id) {
      nodes_[picture.nodes[id].name] = static_cast<int>(id);
    }
  }

  absl::Status Join(StatisticsRecord& record) {
    for (LayerRecord& layer : record.layers) {
      EVENGRAD_ASSIGN_OR_RETURN(const int index, LayerNamed(layer.name));
      const LayerFacts& facts = facts_[index];
      if (layer.activation.empty()) layer.activation = facts.activation;
      if (layer.units == 0) layer.units = facts.units;
      for (ParameterRecord& parameter : layer.parameters) {
        EVENGRAD_RETURN_IF_ERROR(JoinParameter(layer.name, parameter));
      }
    }
    return absl::OkStatus();
  }

 private:
  absl::StatusOr<int> LayerNamed(const std::string& name) {
    auto& layers = picture_.statistics.layers;
    if (auto it = layers.find(name); it != layers.end()) return it->second;
    if (name.empty()) return layers[name] = -1;  // parameters at the top
    std::vector<std::string_view> known;
    for (size_t i = 0; i < picture_.layers.size(); ++i) {
      const PictureLayer& layer = picture_.layers[i];
      if (layer.kind != PictureLayerKind::kLayer) continue;
      known.push_back(layer.name);
      if (layer.name != name) continue;
      const int index = static_cast<int>(i);
      layers.emplace(name, index);
      facts_[index] = FactsOf(picture_, index);
      return index;
    }
    return InvalidArgument(source_,
                           ": statistics of another model: the graph "
                           "has no layer '",
                           name, "'", DidYouMean(name, known));
  }

  absl::Status JoinParameter(const std::string& layer,
                             ParameterRecord& parameter) {
    auto it = nodes_.find(parameter.name);
    if (it == nodes_.end()) {  // one outside of the scope of its layer
      it = nodes_.find(
          std::string_view(parameter.name)
              .substr(std::min(parameter.name.size(), layer.size() + 1)));
    }
    if (it == nodes_.end() ||
        picture_.nodes[it->second].role != PictureRole::kParameter) {
      return InvalidArgument(source_,
                             ": statistics of another model: the graph has no "
                             "parameter '",
                             parameter.name, "'");
    }
    const TensorType& type = picture_.nodes[it->second].types[0];
    parameter.is_matrix = type.rank() >= 2;
    const int64_t elements = type.shape.NumElements().value_or(-1);
    if (elements == parameter.value.elements) return absl::OkStatus();
    return InvalidArgument(
        source_, ": statistics of another model: ", parameter.name, " has ",
        parameter.value.elements, " numbers there, and is ", type.ToString(),
        " in the graph");
  }

  const std::string& source_;
  GraphPicture& picture_;
  std::map<std::string, int, std::less<>> nodes_;
  std::map<int, LayerFacts> facts_;  // by layer
};

}  // namespace

absl::Status AddStatistics(std::string source,
                           std::vector<StatisticsRecord> records,
                           GraphPicture& picture) {
  if (records.empty()) {
    return InvalidArgument(source, ": has no record of statistics");
  }
  const size_t count = records.size();
  const size_t kept = std::min(count, kMostRecords);
  picture.statistics = {.source = source};
  Joiner joiner(source, picture);
  for (size_t i = 0; i < kept; ++i) {
    const size_t from = kept == 1 ? count - 1 : i * (count - 1) / (kept - 1);
    EVENGRAD_RETURN_IF_ERROR(joiner.Join(records[from]));
    picture.statistics.records.push_back(std::move(records[from]));
  }
  return absl::OkStatus();
}

}  // namespace evengrad
