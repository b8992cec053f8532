// What the examples of this folder share: the data, a training, and main().
#ifndef EVENGRAD_EXAMPLES_CURES_FASHION_MNIST_H_
#define EVENGRAD_EXAMPLES_CURES_FASHION_MNIST_H_

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "evengrad/evengrad.h"

namespace eg = evengrad;

// Pixels have mean 0 and variance 1 over the training part.
struct FashionMnist {
  eg::DataSet training, validation, test;
};

inline absl::StatusOr<eg::DataSet> First(const eg::DataSet& data,
                                         int64_t count) {
  return data.Slice(0, std::min(data.size(), count));
}

// At most `most` examples of each part.
inline absl::StatusOr<FashionMnist> ReadFashionMnist(const std::string& folder,
                                                     int64_t most) {
  auto read = [&](const std::string& part) {
    return eg::DataSet::ReadIdx(folder + "/" + part + "-images-idx3-ubyte.gz",
                                folder + "/" + part + "-labels-idx1-ubyte.gz");
  };
  EVENGRAD_ASSIGN_OR_RETURN(const eg::DataSet all, read("train"));
  EVENGRAD_ASSIGN_OR_RETURN(eg::DataSet test, read("t10k"));
  EVENGRAD_ASSIGN_OR_RETURN(eg::DataSplit split,
                            eg::SplitValidation(all, {.size = 5000}));
  EVENGRAD_ASSIGN_OR_RETURN(split.training, First(split.training, most));
  EVENGRAD_ASSIGN_OR_RETURN(split.validation, First(split.validation, most));
  EVENGRAD_ASSIGN_OR_RETURN(test, First(test, most));
  const eg::Scaling scaling = eg::StandardScaling(split.training);
  EVENGRAD_ASSIGN_OR_RETURN(eg::DataSet training,
                            split.training.Scaled(scaling));
  EVENGRAD_ASSIGN_OR_RETURN(eg::DataSet validation,
                            split.validation.Scaled(scaling));
  EVENGRAD_ASSIGN_OR_RETURN(test, test.Scaled(scaling));
  return FashionMnist{training, validation, test};
}

// Derives a program from the model's loss, runs it for some epochs, and returns
// how good the model is on `test` then.
inline absl::StatusOr<eg::Evaluation> Train(eg::Session& session,
                                            const eg::Classifier& model,
                                            const eg::DataSet& training,
                                            const eg::DataSet& test,
                                            const eg::Optimizer& optimizer,
                                            int64_t epochs,
                                            eg::MinimizeOptions options = {}) {
  if (model.logits.valid()) options.fetches = {{"logits", model.logits}};
  EVENGRAD_ASSIGN_OR_RETURN(const eg::Program program,
                            eg::Minimize(model.loss, optimizer, options));
  EVENGRAD_RETURN_IF_ERROR(
      eg::Fit(session, program, model, training, {.epochs = epochs}).status());
  return eg::Evaluate(session, model, test);
}

// Usage of every example: NAME [folder of the data [most examples]]
inline int Main(int argc, char** argv,
                absl::Status (*run)(const FashionMnist& data)) {
  const absl::StatusOr<FashionMnist> data =
      ReadFashionMnist(argc > 1 ? argv[1] : "/usr/share/datasets/fashion-mnist",
                       argc > 2 ? std::atoll(argv[2]) : 60000);
  const absl::Status status = data.ok() ? run(*data) : data.status();
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}

#endif  // EVENGRAD_EXAMPLES_CURES_FASHION_MNIST_H_
