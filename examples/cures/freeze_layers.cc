// Symptom: a deep network takes long, and its lower layers hardly move any
// more. Cure: freeze them. A frozen layer has neither gradient nor update, so
// that a step is shorter; a last phase thaws it again at a lower rate.
//
// 20 layers of 100 SELU units: 6 epochs of all layers; or 3, then 2 with the
// lower 14 layers frozen, then 1 of all layers.
#include <chrono>

#include "fashion_mnist.h"

struct Network {
  Network() {
    model.inputs = eg::Placeholder(graph, "images", eg::F32({"batch", 784}));
    model.labels = eg::Placeholder(graph, "labels", eg::I32({"batch"}));
    eg::Value hidden = model.inputs;
    for (int i = 1; i <= 20; ++i) {
      // Two scopes, so that one pattern names a part of the network.
      eg::NameScope part(graph, i <= 14 ? "lower" : "upper");
      eg::NameScope layer(graph, eg::StrCat("hidden", i));
      hidden = eg::Selu(eg::Dense(hidden, 100));
    }
    model.logits = eg::Dense(hidden, 10, {.name = "logits"});
    model.loss = eg::SparseSoftmaxCrossEntropy(model.logits, model.labels);
  }
  eg::Graph graph;
  eg::Classifier model;
};

struct Phase {
  const char* name;
  int64_t epochs;
  double rate;
  bool frozen;
};

absl::Status TrainIn(const std::vector<Phase>& phases,
                     const FashionMnist& data) {
  const Network net;
  EVENGRAD_ASSIGN_OR_RETURN(eg::Session session,
                            eg::Session::Create(net.graph, {.seed = 42}));
  double total = 0;
  for (const Phase& phase : phases) {
    eg::MinimizeOptions options = {.hooks = {eg::ClipByGlobalNorm(1)},
                                   .name = phase.name};
    if (phase.frozen) {
      options.groups = {{.pattern = "lower/*", .frozen = true}};
    }
    const auto start = std::chrono::steady_clock::now();
    EVENGRAD_ASSIGN_OR_RETURN(
        const eg::Evaluation test,
        Train(session, net.model, data.training, data.test,
              eg::Sgd{.learning_rate = phase.rate, .momentum = 0.9},
              phase.epochs, options));
    const std::chrono::duration<double> seconds =
        std::chrono::steady_clock::now() - start;
    total += seconds.count();
    std::printf("  %-6s %d epochs, %5.2f s each: test accuracy %.4f\n",
                phase.name, static_cast<int>(phase.epochs),
                seconds.count() / static_cast<double>(phase.epochs),
                test.accuracy);
  }
  std::printf("  %.1f s\n", total);
  return absl::OkStatus();
}

absl::Status Run(const FashionMnist& data) {
  std::printf("all layers:\n");
  EVENGRAD_RETURN_IF_ERROR(
      TrainIn({{"first", 3, 1e-3, false}, {"second", 3, 3e-4, false}}, data));
  std::printf("lower layers frozen for a time:\n");
  return TrainIn({{"first", 3, 1e-3, false},
                  {"frozen", 2, 3e-4, true},
                  {"thawed", 1, 3e-4, false}},
                 data);
}

int main(int argc, char** argv) { return Main(argc, argv, Run); }
