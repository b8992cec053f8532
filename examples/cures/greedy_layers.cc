// Symptom: the gradient vanishes on its way through many layers. Cure: train
// them one after the other, from the input, each under an output layer of its
// own and on top of those that have been trained and frozen, so that no
// gradient passes more than two layers (Bengio et al., 2007).
//
// 10 layers of 100 logistic units, all at once for 10 epochs; then layer by
// layer, one epoch each; then all of that network together, which now works.
#include <vector>

#include "fashion_mnist.h"

constexpr int kLayers = 10;

struct Network {
  Network() {
    const eg::Value images =
        eg::Placeholder(graph, "images", eg::F32({"batch", 784}));
    const eg::Value labels =
        eg::Placeholder(graph, "labels", eg::I32({"batch"}));
    eg::Value hidden = images;
    for (int i = 1; i <= kLayers; ++i) {
      hidden = eg::Sigmoid(
          eg::Dense(hidden, 100, {.name = eg::StrCat("hidden", i)}));
      const eg::Value logits =
          eg::Dense(hidden, 10, {.name = eg::StrCat("logits", i)});
      models.push_back({images, labels, logits,
                        eg::SparseSoftmaxCrossEntropy(logits, labels)});
    }
  }
  eg::Graph graph;
  std::vector<eg::Classifier> models;  // models[i] ends after i + 1 layers
};

absl::Status Run(const FashionMnist& data) {
  const Network net;
  const eg::Sgd optimizer = {.learning_rate = 0.1, .momentum = 0.9};
  EVENGRAD_ASSIGN_OR_RETURN(eg::Session at_once,
                            eg::Session::Create(net.graph, {.seed = 42}));
  EVENGRAD_ASSIGN_OR_RETURN(const eg::Evaluation before,
                            Train(at_once, net.models.back(), data.training,
                                  data.test, optimizer, kLayers));
  std::printf("all layers at once:  test accuracy %.4f\n", before.accuracy);

  EVENGRAD_ASSIGN_OR_RETURN(eg::Session session,
                            eg::Session::Create(net.graph, {.seed = 42}));
  std::vector<eg::ParameterGroup> frozen;
  for (int i = 1; i <= kLayers; ++i) {
    // A name for each phase: the momentum of the last one is of no use here.
    EVENGRAD_ASSIGN_OR_RETURN(
        const eg::Evaluation test,
        Train(session, net.models[i - 1], data.training, data.test, optimizer,
              1, {.groups = frozen, .name = eg::StrCat("phase", i)}));
    std::printf("layer %2d trained:    test accuracy %.4f\n", i, test.accuracy);
    frozen.push_back(
        {.pattern = eg::StrCat("hidden", i, "/*"), .frozen = true});
  }
  EVENGRAD_ASSIGN_OR_RETURN(
      const eg::Evaluation after,
      Train(session, net.models.back(), data.training, data.test, optimizer, 2,
            {.name = "fine_tuning"}));
  std::printf("fine-tuned together: test accuracy %.4f\n", after.accuracy);
  return absl::OkStatus();
}

int main(int argc, char** argv) { return Main(argc, argv, Run); }
