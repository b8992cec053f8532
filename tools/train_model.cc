#include "train_model.h"

namespace evengrad::tools {

Classifier BuildClassifier(Graph& graph, int64_t features, int64_t classes,
                           const TrainOptions& options) {
  Classifier model;
  model.inputs = Placeholder(graph, "images", F32({"batch", features}));
  model.labels = Placeholder(graph, "labels", I32({"batch"}));
  Value hidden = model.inputs;
  for (size_t i = 0; i < options.hidden.size(); ++i) {
    NameScope layer(graph, StrCat("hidden", i + 1));
    hidden = options.activation(
        Dense(hidden, options.hidden[i], {.initializer = options.initializer}));
  }
  model.logits = Dense(hidden, classes, {.name = "logits"});
  model.loss = options.loss(model.logits, model.labels);
  return model;
}

absl::StatusOr<int64_t> CountParameters(const Graph& graph) {
  EVENGRAD_RETURN_IF_ERROR(graph.status());
  constexpr int64_t kMost = 1'000'000'000;
  int64_t count = 0;
  for (const Value& parameter : Parameters(graph)) {
    int64_t elements = 1;
    for (const Dimension& dimension : parameter.shape()) {
      elements *= dimension.size();  // at most 10^12: see ParseHidden
    }
    count += elements;
    if (count <= kMost) continue;
    return InvalidArgument("the network would have more than ", kMost,
                           " parameters; make --hidden smaller");
  }
  return count;
}

}  // namespace evengrad::tools
