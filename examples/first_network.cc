// The first network: 20 hidden layers of 100 SELU units, trained for one epoch
// on Fashion-MNIST. Usage: first_network [folder of the data]
#include <cstdio>

#include "evengrad/evengrad.h"

namespace eg = evengrad;

absl::Status Run(const std::string& folder) {
  // The data, and its pixels scaled to mean 0 and variance 1.
  EVENGRAD_ASSIGN_OR_RETURN(
      eg::DataSet data,
      eg::DataSet::ReadIdx(folder + "/train-images-idx3-ubyte.gz",
                           folder + "/train-labels-idx1-ubyte.gz"));
  EVENGRAD_ASSIGN_OR_RETURN(eg::DataSplit split,
                            eg::SplitValidation(data, {.size = 5000}));
  const eg::Scaling scaling = eg::StandardScaling(split.training);
  EVENGRAD_ASSIGN_OR_RETURN(eg::DataSet training,
                            split.training.Scaled(scaling));
  EVENGRAD_ASSIGN_OR_RETURN(eg::DataSet validation,
                            split.validation.Scaled(scaling));

  // The model is a graph of values. "batch" is a size known only when fed.
  eg::Graph graph;
  eg::Value images = eg::Placeholder(graph, "images", eg::F32({"batch", 784}));
  eg::Value labels = eg::Placeholder(graph, "labels", eg::I32({"batch"}));
  eg::Value hidden = images;
  for (int i = 1; i <= 20; ++i) {
    eg::NameScope layer(graph, eg::StrCat("hidden", i));
    hidden = eg::Selu(eg::Dense(hidden, 100));  // LeCun normal: SELU follows
  }
  eg::Value logits = eg::Dense(hidden, 10, {.name = "logits"});
  eg::Value loss = eg::SparseSoftmaxCrossEntropy(logits, labels);

  // Gradients, clipping and updates are nodes of a copy of that graph.
  EVENGRAD_ASSIGN_OR_RETURN(
      eg::Program program,
      eg::Minimize(loss, eg::Sgd{.learning_rate = 1e-3, .momentum = 0.9},
                   {.hooks = {eg::ClipByGlobalNorm(1.0)},
                    .fetches = {{"logits", logits}}}));

  // A session compiles the program, and keeps the parameters between steps.
  EVENGRAD_ASSIGN_OR_RETURN(eg::Session session,
                            eg::Session::Create(graph, {.seed = 42}));
  const eg::Classifier model = {images, labels, logits, loss};
  EVENGRAD_ASSIGN_OR_RETURN(
      eg::FitResult result,
      eg::Fit(session, program, model, training, {.validation = validation}));
  std::printf("train loss %.4f, validation accuracy %.4f\n",
              result.epochs[0].train_loss,
              result.epochs[0].validation->accuracy);
  return absl::OkStatus();
}

int main(int argc, char** argv) {
  absl::Status status =
      Run(argc > 1 ? argv[1] : "/usr/share/datasets/fashion-mnist");
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
