#include "evengrad/formats/graph_picture.h"

#include <algorithm>

#include "evengrad/formats/graph_text_values.h"
#include "evengrad/formats/picture_layers.h"
#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"

namespace evengrad {
namespace {

// `text`, or its beginning and a sign that it goes on.
std::string Cut(std::string text) {
  constexpr size_t kMost = 200;
  if (text.size() <= kMost) return text;
  size_t end = kMost;  // not within a character
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) {
    --end;
  }
  text.resize(end);
  return text + "…";
}

std::string AttributeText(const AttributeValue& value, const TensorType& type) {
  constexpr int64_t kMostNumbers = 8;
  if (const Tensor* tensor = std::get_if<Tensor>(&value);
      tensor != nullptr && tensor->num_elements() > kMostNumbers) {
    return StrCat(tensor->num_elements(), " numbers");
  }
  std::string text;
  AppendAttribute(value, type, text);
  return Cut(std::move(text));
}

PictureRole RoleOf(const Node& node) {
  if (IsPlaceholder(node)) return PictureRole::kInput;
  if (IsParameter(node)) return PictureRole::kParameter;
  if (IsState(node)) return PictureRole::kState;
  if (IsConstant(node)) return PictureRole::kConstant;
  return PictureRole::kCompute;
}

PictureNode Describe(const Node& node) {
  PictureNode result = {.name = node.name(),
                        .op = std::string(node.op().name),
                        .role = RoleOf(node),
                        .location = node.location().ToString()};
  for (int i = 0; i < node.num_inputs(); ++i) {
    result.inputs.push_back(node.input_id(i));
  }
  for (int i = 0; i < node.num_outputs(); ++i) {
    result.types.push_back(node.output_type(i));
  }
  for (const auto& [name, value] : node.attributes()) {
    const auto definition =
        std::ranges::find(node.op().attributes, name, &AttributeDef::name);
    if (definition != node.op().attributes.end() &&
        IsImplied(*definition, value, node.output_type())) {
      continue;
    }
    result.attributes.emplace_back(name,
                                   AttributeText(value, node.output_type()));
  }
  const int forward = node.gradient_of();
  if (forward >= 0 && forward < node.graph().num_nodes()) {
    result.gradient_of = forward;
  }
  if (node.initializer().valid()) result.initial = node.initializer().id();
  return result;
}

// When each buffer is in use: from its first writer to its last reader, or to
// the end where the caller or a copy takes it.
void SetLifetimes(const CompiledProgram& compiled, GraphPicture& picture) {
  const int end = picture.num_stages;
  for (PictureBuffer& buffer : picture.buffers) {
    const bool whole =
        buffer.kind != BufferKind::kArena && buffer.kind != BufferKind::kResult;
    buffer.first = whole ? -1 : end;
    buffer.last = whole ? end : -1;
  }
  auto use = [&](int b, int stage) {
    picture.buffers[b].first = std::min(picture.buffers[b].first, stage);
    picture.buffers[b].last = std::max(picture.buffers[b].last, stage);
  };
  for (const PictureKernel& kernel : picture.kernels) {
    for (int b : kernel.reads) use(b, kernel.stage);
    for (int b : kernel.writes) use(b, kernel.stage);
  }
  for (const BufferCopy& copy : compiled.first_copies) use(copy.to, -1);
  for (const auto* copies : {&compiled.last_copies, &compiled.commits}) {
    for (const BufferCopy& copy : *copies) {
      use(copy.from, end);
      use(copy.to, end);
    }
  }
  for (const GuardTest& test : compiled.guards) {
    if (test.buffer >= 0) use(test.buffer, test.after_stage);
  }
  for (PictureBuffer& buffer : picture.buffers) {
    if (buffer.kind == BufferKind::kResult) buffer.last = end;
    if (buffer.first > buffer.last) buffer.first = buffer.last;  // unused
  }
}

// Of the nodes of a kernel that do not only watch, where there are such.
int HomeOf(const KernelDescription& kernel,
           const std::vector<PictureNode>& nodes) {
  std::span<const int> ids = kernel.nodes;
  if (kernel.num_trained > 0) {
    ids = ids.first(static_cast<size_t>(kernel.num_trained));
  }
  double flops = 0;
  int most = ids.back();
  for (int id : ids) {
    flops += nodes[id].flops;
    if (nodes[id].flops > nodes[most].flops) most = id;
  }
  return nodes[most].flops > flops / 2 ? most : ids.back();
}

}  // namespace

std::string_view Name(PicturePass pass) {
  constexpr std::string_view kNames[] = {"forward", "gradient", "update",
                                         "initial"};
  return kNames[static_cast<int>(pass)];
}

std::string_view Name(PictureRole role) {
  constexpr std::string_view kNames[] = {"input", "parameter", "state",
                                         "constant", "compute"};
  return kNames[static_cast<int>(role)];
}

std::string_view Name(PictureLayerKind kind) {
  constexpr std::string_view kNames[] = {"input", "layer", "other", "hook",
                                         "update"};
  return kNames[static_cast<int>(kind)];
}

std::string_view Name(BufferKind kind) {
  constexpr std::string_view kNames[] = {"arena", "feed", "state", "constant",
                                         "result"};
  return kNames[static_cast<int>(kind)];
}

GraphPicture PictureOf(const Program& program) {
  GraphPicture picture = {.mode = program.mode};
  const Graph& graph = program.graph;
  picture.nodes.reserve(static_cast<size_t>(graph.num_nodes()));
  for (int id = 0; id < graph.num_nodes(); ++id) {
    const Node node = graph.node(id);
    picture.nodes.push_back(Describe(node));
    picture.ops.emplace(node.op().name, node.op().summary);
  }
  for (const NamedValue& fetch : program.fetches) {
    picture.results.emplace_back(fetch.name, fetch.value.id());
  }
  for (const StateUpdate& update : program.updates) {
    picture.updates.emplace_back(update.state.id().node, update.value.id());
  }
  for (const FiniteGuard& guard : program.guards) {
    picture.guards.emplace_back(guard.description, guard.value.id());
  }
  SetPasses(program, picture);
  SetLayers(program, picture);
  return picture;
}

GraphPicture PictureOf(const CompiledProgram& compiled) {
  GraphPicture picture = PictureOf(compiled.program);
  picture.num_stages = static_cast<int>(compiled.stages.size());
  picture.arena_bytes = compiled.arena_bytes;
  picture.scratch_bytes = compiled.scratch_bytes;
  for (size_t k = 0; k < compiled.kernels.size(); ++k) {
    const KernelDescription& description = compiled.kernel_descriptions[k];
    for (int id : description.nodes) {
      picture.nodes[id].kernel = static_cast<int>(k);
    }
    picture.kernels.push_back(
        {.name = compiled.kernel_names[k],
         .stage = description.stage,
         .implementation = compiled.kernels[k]->implementation(),
         .parts = compiled.kernels[k]->num_parts(),
         .nodes = description.nodes,
         .reads = description.reads,
         .writes = description.writes});
  }
  for (const BufferSpec& buffer : compiled.buffers) {
    picture.buffers.push_back({.kind = buffer.kind,
                               .type = buffer.type.ToString(),
                               .name = buffer.name,
                               .bytes = buffer.bytes,
                               .offset = buffer.offset});
  }
  SetLifetimes(compiled, picture);
  AddCosts(compiled.program, picture);
  for (size_t k = 0; k < picture.kernels.size(); ++k) {
    picture.kernels[k].home =
        HomeOf(compiled.kernel_descriptions[k], picture.nodes);
  }
  return picture;
}

void AddCosts(const Program& lowered, GraphPicture& picture) {
  std::map<std::string_view, PictureNode*> by_name;
  for (PictureNode& node : picture.nodes) by_name[node.name] = &node;
  for (int id = 0; id < lowered.graph.num_nodes(); ++id) {
    const Node node = lowered.graph.node(id);
    if (node.op().is_source || IsConstant(node)) continue;
    std::string_view name = node.name();
    auto it = by_name.find(name);
    while (it == by_name.end() && name.rfind('/') != std::string_view::npos) {
      name = name.substr(0, name.rfind('/'));
      it = by_name.find(name);
    }
    if (it == by_name.end()) continue;
    if (node.op().cost) it->second->flops += node.op().cost(node).flops;
    if (node.op().alias) continue;
    for (int i = 0; i < node.num_inputs(); ++i) {
      if (node.op().ReadsTypeOnly(i)) continue;
      it->second->bytes +=
          static_cast<double>(node.input(i).type().ByteSize().value_or(0));
    }
    for (int i = 0; i < node.num_outputs(); ++i) {
      it->second->bytes +=
          static_cast<double>(node.output_type(i).ByteSize().value_or(0));
    }
  }
}

}  // namespace evengrad
