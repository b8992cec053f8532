// Symptom: a deep network does not start to learn, and labels are few. Cure:
// unsupervised pre-training. Each layer is first trained, on all images and
// without labels, to restore its clean input from a corrupted one (denoising
// autoencoders; Vincent et al., 2008); then an output layer is put on top and
// the whole is fine-tuned with the labels there are.
//
// 4 layers of 200 logistic units, 1,000 labels.
#include <string>
#include <vector>

#include "fashion_mnist.h"

constexpr int kLayers = 4;

struct Network {
  Network() {
    const eg::Value images =
        eg::Placeholder(graph, "images", eg::F32({"batch", 784}));
    eg::Value hidden = images;
    for (int i = 1; i <= kLayers; ++i) {
      const std::string name = eg::StrCat("hidden", i);
      const eg::Value input = hidden;
      hidden = eg::Sigmoid(eg::Dense(input, 200, {.name = name}));
      // The same weights again, on an input of which a third is missing.
      const eg::Value weights = graph.FindNode(name + "/weights").output();
      const eg::Value bias = graph.FindNode(name + "/bias").output();
      const eg::Value code =
          eg::Sigmoid(eg::MatMul(eg::Dropout(input, 1.0 / 3), weights) + bias);
      const eg::Value restored = eg::Dense(code, input.shape()[1].size(),
                                           {.name = eg::StrCat("decoder", i)});
      autoencoders.push_back(
          {.inputs = images, .loss = eg::MeanSquaredError(restored, input)});
    }
    model = {.inputs = images,
             .labels = eg::Placeholder(graph, "labels", eg::I32({"batch"})),
             .logits = eg::Dense(hidden, 10, {.name = "logits"})};
    model.loss = eg::SparseSoftmaxCrossEntropy(model.logits, model.labels);
  }
  eg::Graph graph;
  std::vector<eg::Classifier> autoencoders;
  eg::Classifier model;
};

absl::Status Run(const FashionMnist& data) {
  const Network net;
  EVENGRAD_ASSIGN_OR_RETURN(const eg::DataSet labelled,
                            First(data.training, 1000));
  for (const bool pretrained : {false, true}) {
    EVENGRAD_ASSIGN_OR_RETURN(eg::Session session,
                              eg::Session::Create(net.graph, {.seed = 42}));
    for (int i = 1; pretrained && i <= kLayers; ++i) {
      // All but this layer and its decoder stays as it is.
      auto others = [i](const eg::Value& parameter) {
        return parameter.name().find(eg::StrCat(i, "/")) == std::string::npos;
      };
      EVENGRAD_ASSIGN_OR_RETURN(
          const eg::Evaluation restored,
          Train(session, net.autoencoders[i - 1], data.training,
                data.validation, eg::Adam{.learning_rate = 1e-3}, 2,
                {.groups = {{.matches = others, .frozen = true}},
                 .name = eg::StrCat("autoencoder", i)}));
      std::printf("layer %d restores its input with error %.4f\n", i,
                  restored.loss);
    }
    EVENGRAD_ASSIGN_OR_RETURN(
        const eg::Evaluation test,
        Train(session, net.model, labelled, data.test,
              eg::Sgd{.learning_rate = 0.1, .momentum = 0.9}, 20));
    std::printf("%s pre-training: test accuracy %.4f\n",
                pretrained ? "with" : "without", test.accuracy);
  }
  return absl::OkStatus();
}

int main(int argc, char** argv) { return Main(argc, argv, Run); }
