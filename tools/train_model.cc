#include "train_model.h"

namespace evengrad::tools {
namespace {

// What follows the images or a hidden layer in the scope "norm" of its own.
Value AddBatchNorm(const Value& input, const TrainOptions& options) {
  BatchNormOptions norm = options.batch_norm;
  norm.name = "norm";
  return BatchNorm(input, norm);
}

// Dense, batch norm and activation in their order, and dropout.
Value AddHidden(const Value& input, int64_t width,
                const TrainOptions& options) {
  const bool before = options.batch_norm_place == BatchNormPlace::kBefore;
  Value output = Dense(input, width,
                       {.bias = !before,
                        .initializer = options.initializers.weights,
                        .bias_initializer = options.initializers.bias});
  if (before) output = AddBatchNorm(output, options);
  output = options.activation(output);
  if (options.batch_norm_place == BatchNormPlace::kAfter) {
    output = AddBatchNorm(output, options);
  }
  if (options.dropout > 0) output = Dropout(output, options.dropout);
  if (options.alpha_dropout > 0) {
    output = AlphaDropout(output, options.alpha_dropout);
  }
  return output;
}

}  // namespace

Classifier BuildClassifier(Graph& graph, int64_t features, int64_t classes,
                           const TrainOptions& options) {
  Classifier model;
  model.inputs = Placeholder(graph, "images", F32({"batch", features}));
  model.labels = Placeholder(graph, "labels", I32({"batch"}));
  Value hidden = model.inputs;
  if (options.batch_norm_input) {
    NameScope scope(graph, "images");
    hidden = AddBatchNorm(hidden, options);
  }
  for (size_t i = 0; i < options.hidden.size(); ++i) {
    NameScope layer(graph, StrCat("hidden", i + 1));
    hidden = AddHidden(hidden, options.hidden[i], options);
  }
  DenseOptions last = {.name = "logits"};
  if (options.initializers.last_layer) {
    last.initializer = options.initializers.weights;
    last.bias_initializer = options.initializers.bias;
  }
  model.logits = Dense(hidden, classes, last);
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
