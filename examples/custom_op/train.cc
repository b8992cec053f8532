// Twelve hidden layers made of the three ops, trained for an epoch on
// Fashion-MNIST. Usage: train [folder of the data]
#include <cstdio>
#include <string>

#include "evengrad/evengrad.h"
#include "my_ops.h"

namespace eg = evengrad;

absl::Status Run(const std::string& folder) {
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

  eg::Graph graph;
  eg::Value images = eg::Placeholder(graph, "images", eg::F32({"batch", 784}));
  eg::Value labels = eg::Placeholder(graph, "labels", eg::I32({"batch"}));
  eg::Value hidden = images;
  for (int i = 1; i <= 12; ++i) {
    eg::NameScope layer(graph, eg::StrCat("hidden", i));
    hidden = my_ops::UnitRms(eg::Dense(hidden, 64));
    hidden = my_ops::PenalizedTanh(my_ops::Hadamard(hidden));
  }
  eg::Value logits = eg::Dense(hidden, 10, {.name = "logits"});
  eg::Value loss = eg::SparseSoftmaxCrossEntropy(logits, labels);
  EVENGRAD_ASSIGN_OR_RETURN(
      eg::Program program,
      eg::Minimize(loss, eg::Sgd{.learning_rate = 1e-2, .momentum = 0.9},
                   {.fetches = {{"logits", logits}}}));
  EVENGRAD_ASSIGN_OR_RETURN(eg::Session session,
                            eg::Session::Create(graph, {.seed = 42}));
  EVENGRAD_ASSIGN_OR_RETURN(
      eg::FitResult result,
      eg::Fit(session, program, {images, labels, logits, loss}, training,
              {.validation = validation}));
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
