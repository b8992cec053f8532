// LoadClassifier.
#include <optional>
#include <utility>

#include "evengrad/runtime/rebuild.h"
#include "load_model.h"
#include "train_model.h"

namespace evengrad::tools {
namespace {

// The input of that name.
absl::StatusOr<Value> FindInput(const Program& program, std::string_view name) {
  const Node node = program.graph.FindNode(name);
  if (node.valid() && IsPlaceholder(node)) return node.output();
  std::string inputs;
  for (int id = 0; id < program.graph.num_nodes(); ++id) {
    const Node other = program.graph.node(id);
    if (!IsPlaceholder(other)) continue;
    inputs += StrCat(inputs.empty() ? "" : ", ", other.name(), " ",
                     other.output_type().ToString());
  }
  return absl::NotFoundError(StrCat("training needs an input '", name,
                                    "'; the model has ",
                                    inputs.empty() ? "no inputs" : inputs));
}

// Labels are fed as i32; a model that wants i64 gets a cast behind the input.
absl::StatusOr<Program> WithNarrowLabels(const Program& program) {
  EVENGRAD_ASSIGN_OR_RETURN(const Value labels, FindInput(program, "labels"));
  if (labels.dtype() != DType::kI64) return program;
  const auto replace =
      [&](const Node& node, std::span<const Value>,
          Graph& graph) -> absl::StatusOr<std::optional<std::vector<Value>>> {
    if (node.id() != labels.node().id()) return std::nullopt;
    const Value narrow = graph
                             .AddNamed(PlaceholderOp(), {},
                                       {{"dtype", DType::kI32},
                                        {"shape", node.output_type().shape}},
                                       node.name(), node.location())
                             .output();
    return std::vector<Value>{Cast(narrow, DType::kI64)};
  };
  EVENGRAD_ASSIGN_OR_RETURN(const RebuiltGraph rebuilt,
                            RebuildGraph(program.graph, nullptr, replace,
                                         {.keep_initializers = true}));
  Program result = {.graph = rebuilt.graph};
  for (const NamedValue& fetch : program.fetches) {
    result.fetches.push_back({fetch.name, rebuilt(fetch.value)});
  }
  return result;
}

absl::StatusOr<std::vector<int64_t>> ExampleSizes(const Value& images) {
  std::vector<int64_t> sizes;
  for (int i = 1; i < images.rank(); ++i) {
    const Dimension& size = images.shape()[i];
    if (size.is_integer()) sizes.push_back(size.size());
  }
  const bool known = static_cast<int>(sizes.size()) + 1 == images.rank();
  if (images.dtype() == DType::kF32 && !sizes.empty() && known) return sizes;
  return InvalidArgument(
      "images must be f32[batch, …] with numbers for the "
      "sizes of an image, found ",
      images.type().ToString());
}

absl::StatusOr<LoadedClassifier> ClassifierOf(const Program& loaded) {
  EVENGRAD_ASSIGN_OR_RETURN(const Program program, WithNarrowLabels(loaded));
  LoadedClassifier result;
  Classifier& classifier = result.classifier;
  EVENGRAD_ASSIGN_OR_RETURN(classifier.inputs, FindInput(program, "images"));
  EVENGRAD_ASSIGN_OR_RETURN(classifier.labels, FindInput(program, "labels"));
  EVENGRAD_ASSIGN_OR_RETURN(result.example_sizes,
                            ExampleSizes(classifier.inputs));
  if (classifier.labels.dtype() != DType::kI32 ||
      classifier.labels.rank() != 1) {
    return InvalidArgument("labels must be i32[batch] or i64[batch], found ",
                           classifier.labels.type().ToString());
  }
  EVENGRAD_ASSIGN_OR_RETURN(classifier.loss, FindValue(program, "loss"));
  if (!IsFloating(classifier.loss.dtype()) || classifier.loss.rank() != 0) {
    return InvalidArgument("loss must be a floating scalar, found ",
                           classifier.loss.type().ToString());
  }
  const absl::StatusOr<Value> logits = FindValue(program, "logits");
  if (logits.ok()) classifier.logits = *logits;
  if (Parameters(program.graph).empty()) {
    return InvalidArgument("the model has no parameters to train");
  }
  return result;
}

}  // namespace

absl::StatusOr<LoadedClassifier> LoadClassifier(const std::string& path) {
  EVENGRAD_ASSIGN_OR_RETURN(const Program program, LoadModel(path));
  absl::StatusOr<LoadedClassifier> classifier = ClassifierOf(program);
  if (!classifier.ok()) {
    return Prefixed(classifier.status(), StrCat("--model=", path, ": "));
  }
  return classifier;
}

}  // namespace evengrad::tools
