// Symptom: activations shrink layer by layer, because the weights start too
// small. Cure: LSUV, initial weights that are fitted to a batch of the data
// (Mishkin and Matas, 2016), whatever the activation.
//
// 20 layers of 100 ReLU units start with the weights that PyTorch gives a
// linear layer, of variance 1 / (3 fan_in), and train for one epoch; then the
// same after InitializeLsuv; and, as a yardstick, with He's weights, which are
// made for ReLU.
#include "fashion_mnist.h"

constexpr int kLayers = 20;

struct Network {
  explicit Network(const eg::LayerInitializers& initializers) {
    model.inputs = eg::Placeholder(graph, "images", eg::F32({"batch", 784}));
    model.labels = eg::Placeholder(graph, "labels", eg::I32({"batch"}));
    eg::Value hidden = model.inputs;
    for (int i = 1; i <= kLayers; ++i) {
      eg::NameScope layer(graph, eg::StrCat("hidden", i));
      hidden = eg::Relu(eg::Dense(hidden, 100,
                                  {.initializer = initializers.weights,
                                   .bias_initializer = initializers.bias}));
    }
    model.logits = eg::Dense(hidden, 10, {.name = "logits"});
    model.loss = eg::SparseSoftmaxCrossEntropy(model.logits, model.labels);
  }
  eg::Graph graph;
  eg::Classifier model;
};

absl::Status TrainWith(const char* name, const char* initializers, bool lsuv,
                       const FashionMnist& data) {
  EVENGRAD_ASSIGN_OR_RETURN(const eg::LayerInitializers weights,
                            eg::LayerInitializersByName(initializers));
  const Network net(weights);
  EVENGRAD_ASSIGN_OR_RETURN(eg::Session session,
                            eg::Session::Create(net.graph, {.seed = 42}));
  if (lsuv) {
    // Any batch will do; labels are not needed.
    EVENGRAD_ASSIGN_OR_RETURN(
        eg::Batches batches, eg::Batches::Create(data.training, {.size = 500}));
    EVENGRAD_ASSIGN_OR_RETURN(
        const std::vector<eg::LsuvLayer> layers,
        eg::InitializeLsuv(session, net.model.logits,
                           {{net.model.inputs, batches.Next()->inputs}}));
    std::printf("LSUV: variance of layer %d from %.1e to %.2f\n", kLayers,
                layers[kLayers - 1].variance_before,
                layers[kLayers - 1].variance);
  }
  EVENGRAD_ASSIGN_OR_RETURN(
      const eg::Evaluation test,
      Train(session, net.model, data.training, data.test,
            eg::Sgd{.learning_rate = 0.01, .momentum = 0.9}, 1));
  std::printf("%-28s test accuracy %.4f, loss %.4f\n", name, test.accuracy,
              test.loss);
  return absl::OkStatus();
}

absl::Status Run(const FashionMnist& data) {
  EVENGRAD_RETURN_IF_ERROR(
      TrainWith("PyTorch's default", "pytorch_default", false, data));
  EVENGRAD_RETURN_IF_ERROR(
      TrainWith("the same after LSUV", "pytorch_default", true, data));
  return TrainWith("He's", "he_normal", false, data);
}

int main(int argc, char** argv) { return Main(argc, argv, Run); }
