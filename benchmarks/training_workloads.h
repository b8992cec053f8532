// The training steps of workloads.h as Evengrad's programs.
#ifndef EVENGRAD_BENCHMARKS_TRAINING_WORKLOADS_H_
#define EVENGRAD_BENCHMARKS_TRAINING_WORKLOADS_H_

#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "evengrad/evengrad.h"
#include "workloads.h"

namespace evengrad {

// That many hidden layers of 100 SELU units: for what a layer costs.
inline Workload SeluNetwork(int num_layers) {
  return {.name = StrCat("selu_", num_layers, "x100"),
          .hidden = std::vector<int>(static_cast<size_t>(num_layers), 100),
          .selu = true};
}

// A model and its training program.
struct TrainingModel {
  Graph graph;
  Value images;
  Value labels;
  Value loss;
  Program program;
};

inline absl::StatusOr<TrainingModel> MakeTrainingModel(
    const Workload& workload) {
  TrainingModel model;
  Graph& graph = model.graph;
  model.images =
      Placeholder(graph, "images", F32({workload.batch, kWorkloadInputs}));
  model.labels = Placeholder(graph, "labels", I32({workload.batch}));
  Value hidden = model.images;
  for (size_t i = 0; i < workload.hidden.size(); ++i) {
    NameScope layer(graph, StrCat("hidden", i + 1));
    hidden = Dense(hidden, workload.hidden[i]);
    if (workload.batch_norm) hidden = BatchNorm(hidden);
    hidden = workload.selu ? Selu(hidden) : Relu(hidden);
  }
  const Value logits = Dense(hidden, kWorkloadClasses, {.name = "logits"});
  model.loss = SparseSoftmaxCrossEntropy(logits, model.labels);

  // Like the peer, which does not look for bad numbers: the deepest network
  // diverges at this rate.
  MinimizeOptions options = {
      .non_finite = {.policy = NonFinitePolicy::kPropagate}};
  if (workload.clip) options.hooks.push_back(ClipByGlobalNorm(1.0));
  Optimizer optimizer = Sgd{.learning_rate = 0.01, .momentum = 0.9};
  if (workload.adamw) {
    optimizer = AdamW{.learning_rate = 1e-3, .weight_decay = 0.01};
  }
  EVENGRAD_ASSIGN_OR_RETURN(model.program,
                            Minimize(model.loss, optimizer, options));
  return model;
}

// A fixed batch of random pixels and labels.
inline absl::StatusOr<std::vector<Feed>> RandomBatch(const Value& images,
                                                     const Value& labels,
                                                     int batch) {
  std::mt19937 generator(1);
  std::normal_distribution<float> pixel;
  std::uniform_int_distribution<int32_t> label(0, kWorkloadClasses - 1);
  std::vector<float> pixels(static_cast<size_t>(batch) * kWorkloadInputs);
  for (float& value : pixels) value = pixel(generator);
  std::vector<int32_t> answers(static_cast<size_t>(batch));
  for (int32_t& value : answers) value = label(generator);
  EVENGRAD_ASSIGN_OR_RETURN(
      Tensor image_batch, Tensor::Of<float>({batch, kWorkloadInputs}, pixels));
  EVENGRAD_ASSIGN_OR_RETURN(Tensor label_batch,
                            Tensor::Of<int32_t>({batch}, answers));
  return std::vector<Feed>{{images, image_batch}, {labels, label_batch}};
}

}  // namespace evengrad

#endif  // EVENGRAD_BENCHMARKS_TRAINING_WORKLOADS_H_
