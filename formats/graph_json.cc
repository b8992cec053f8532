#include "evengrad/formats/graph_json.h"

#include <optional>

#include "evengrad/formats/json_writer.h"

namespace evengrad {
namespace {

class Printer {
 public:
  explicit Printer(const GraphPicture& picture) : picture_(picture) {}

  std::string Print() {
    json_.BeginObject().Name("format").Value("evengrad graph");
    json_.Name("version").Value(kGraphJsonVersion);
    json_.Name("title").Value(picture_.title);
    json_.Name("stage").Value(picture_.stage);
    json_.Name("mode").Value(picture_.mode == Mode::kTraining ? "training"
                                                              : "inference");
    json_.Name("sizes").BeginObject();
    for (const auto& [name, size] : picture_.sizes) {
      json_.Name(name).Value(size);
    }
    json_.EndObject();
    if (!picture_.costs_missing.empty()) {
      json_.Name("costs_missing").Value(picture_.costs_missing);
    }
    AddOps();
    AddLayers();
    AddNodes();
    AddResults();
    if (picture_.num_stages > 0) AddPlan();
    if (!picture_.statistics.records.empty()) AddStatistics();
    return json_.Line().EndObject().Take() + "\n";
  }

 private:
  void Member(std::string_view name) { json_.Line().Name(name); }

  void Add(ValueId value) {
    json_.BeginArray().Value(value.node).Value(value.output).EndArray();
  }

  void AddOps() {
    Member("ops");
    json_.BeginObject();
    for (const auto& [op, summary] : picture_.ops) {
      json_.Line().Name(op).Value(summary);
    }
    json_.EndObject();
  }

  void AddLayers() {
    Member("layers");
    json_.BeginArray();
    for (const PictureLayer& layer : picture_.layers) {
      json_.Line().BeginObject().Name("name").Value(layer.name);
      json_.Name("kind").Value(Name(layer.kind));
      json_.Name("parameters").Value(layer.parameters).EndObject();
    }
    json_.EndArray();
  }

  void AddNodes() {
    Member("nodes");
    json_.BeginArray();
    for (const PictureNode& node : picture_.nodes) AddNode(node);
    json_.EndArray();
  }

  void AddNode(const PictureNode& node) {
    json_.Line().BeginObject().Name("name").Value(node.name);
    json_.Name("op").Value(node.op);
    json_.Name("pass").Value(Name(node.pass));
    json_.Name("role").Value(Name(node.role));
    json_.Name("layer").Value(node.layer);
    json_.Name("inputs").BeginArray();
    for (ValueId input : node.inputs) Add(input);
    json_.EndArray().Name("outputs").BeginArray();
    for (const TensorType& type : node.types) json_.Value(type.ToString());
    json_.EndArray();
    if (!node.attributes.empty()) {
      json_.Name("attributes").BeginObject();
      for (const auto& [name, value] : node.attributes) {
        json_.Name(name).Value(value);
      }
      json_.EndObject();
    }
    if (!node.location.empty()) json_.Name("location").Value(node.location);
    if (node.gradient_of >= 0) {
      json_.Name("gradient_of").Value(node.gradient_of);
    }
    if (node.initial.valid()) {
      json_.Name("initial");
      Add(node.initial);
    }
    if (node.flops > 0) json_.Name("flops").Value(node.flops);
    if (node.bytes > 0) json_.Name("bytes").Value(node.bytes);
    if (node.kernel >= 0) json_.Name("kernel").Value(node.kernel);
    json_.EndObject();
  }

  void AddResults() {
    Member("results");
    json_.BeginArray();
    for (const auto& [name, value] : picture_.results) {
      json_.BeginObject().Name("name").Value(name).Name("value");
      Add(value);
      json_.EndObject();
    }
    json_.EndArray();
    Member("updates");
    json_.BeginArray();
    for (const auto& [state, value] : picture_.updates) {
      json_.BeginObject().Name("state").Value(state).Name("value");
      Add(value);
      json_.EndObject();
    }
    json_.EndArray();
    Member("guards");
    json_.BeginArray();
    for (const auto& [description, value] : picture_.guards) {
      json_.BeginObject().Name("of").Value(description).Name("value");
      Add(value);
      json_.EndObject();
    }
    json_.EndArray();
  }

  void AddNumbers(std::string_view name, const std::vector<int>& numbers) {
    json_.Name(name).BeginArray();
    for (int number : numbers) json_.Value(number);
    json_.EndArray();
  }

  void AddPlan() {
    Member("plan");
    json_.BeginObject().Name("stages").Value(picture_.num_stages);
    json_.Name("arena_bytes").Value(picture_.arena_bytes);
    json_.Name("scratch_bytes").Value(picture_.scratch_bytes);
    Member("kernels");
    json_.BeginArray();
    for (const PictureKernel& kernel : picture_.kernels) {
      json_.Line().BeginObject().Name("name").Value(kernel.name);
      json_.Name("stage").Value(kernel.stage);
      json_.Name("implementation").Value(kernel.implementation);
      json_.Name("parts").Value(kernel.parts);
      AddNumbers("nodes", kernel.nodes);
      json_.Name("home").Value(kernel.home);
      AddNumbers("reads", kernel.reads);
      AddNumbers("writes", kernel.writes);
      json_.EndObject();
    }
    json_.EndArray();
    Member("buffers");
    json_.BeginArray();
    for (const PictureBuffer& buffer : picture_.buffers) {
      json_.Line().BeginObject().Name("kind").Value(Name(buffer.kind));
      json_.Name("name").Value(buffer.name).Name("type").Value(buffer.type);
      json_.Name("bytes").Value(buffer.bytes);
      if (buffer.kind == BufferKind::kArena) {
        json_.Name("offset").Value(buffer.offset);
      }
      json_.Name("first").Value(buffer.first);
      json_.Name("last").Value(buffer.last).EndObject();
    }
    json_.EndArray().EndObject();
  }

  void AddTensor(std::string_view name, const TensorSummary& tensor) {
    if (tensor.elements == 0) return;
    json_.Name(name).BeginObject().Name("elements").Value(tensor.elements);
    json_.Name("mean").Value(tensor.mean);
    json_.Name("deviation").Value(tensor.deviation);
    json_.Name("minimum").Value(tensor.minimum);
    json_.Name("maximum").Value(tensor.maximum);
    json_.Name("norm").Value(tensor.norm);
    json_.Name("zero_share").Value(tensor.zero_share);
    if (!tensor.finite()) {
      json_.Name("nans").Value(tensor.nans);
      json_.Name("infinities").Value(tensor.infinities);
    }
    json_.EndObject();
  }

  void AddOptional(std::string_view name, const std::optional<double>& value) {
    if (value.has_value()) json_.Name(name).Value(*value);
  }

  void AddLayerRecord(const LayerRecord& layer) {
    const auto it = picture_.statistics.layers.find(layer.name);
    if (it == picture_.statistics.layers.end() || it->second < 0) return;
    json_.Line().BeginObject().Name("layer").Value(it->second);
    AddTensor("output", layer.output);
    AddTensor("output_gradient", layer.output_gradient);
    AddOptional("saturated_share", layer.saturated_share);
    if (layer.dead_units.has_value()) {
      json_.Name("dead_units").Value(*layer.dead_units);
    }
    if (layer.units > 0) json_.Name("units").Value(layer.units);
    json_.Name("parameters").BeginArray();
    for (const ParameterRecord& parameter : layer.parameters) {
      json_.BeginObject().Name("name").Value(parameter.name);
      json_.Name("is_matrix").Value(parameter.is_matrix);
      AddTensor("value", parameter.value);
      AddTensor("gradient", parameter.gradient);
      AddTensor("update", parameter.update);
      AddOptional("update_ratio", parameter.update_ratio);
      json_.EndObject();
    }
    json_.EndArray().EndObject();
  }

  void AddStatistics() {
    const PictureStatistics& statistics = picture_.statistics;
    Member("statistics");
    json_.BeginObject().Name("source").Value(statistics.source);
    Member("records");
    json_.BeginArray();
    for (const StatisticsRecord& record : statistics.records) {
      json_.Line().BeginObject().Name("step").Value(record.step);
      json_.Name("loss").Value(record.loss);
      json_.Name("gradient_norm").Value(record.gradient_norm);
      json_.Name("clipped_norm").Value(record.clipped_norm);
      json_.Name("layers").BeginArray();
      for (const LayerRecord& layer : record.layers) AddLayerRecord(layer);
      json_.EndArray();
      AddFindings(FindingsOf(record));
      json_.EndObject();
    }
    json_.EndArray().EndObject();
  }

  void AddFindings(const std::vector<Finding>& findings) {
    json_.Line().Name("findings").BeginArray();
    for (const Finding& finding : findings) {
      json_.BeginObject().Name("kind").Value(Name(finding.kind));
      const auto it = picture_.statistics.layers.find(finding.layer);
      json_.Name("layer").Value(
          it == picture_.statistics.layers.end() ? -1 : it->second);
      json_.Name("text").Value(finding.text);
      json_.Name("cure").Value(finding.cure).EndObject();
    }
    json_.EndArray();
  }

  const GraphPicture& picture_;
  JsonWriter json_;
};

}  // namespace

std::string PrintGraphJson(const GraphPicture& picture) {
  return Printer(picture).Print();
}

}  // namespace evengrad
