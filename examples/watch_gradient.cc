// C++ code of your own on the numbers of one gradient, in every step: a call on
// the host in the middle of the program, which may end the training before any
// parameter has changed. Usage: watch_gradient [folder of the data]
#include <cmath>
#include <cstdio>

#include "evengrad/evengrad.h"

namespace eg = evengrad;

// Ends the training when more than half of a gradient is 0.
class GradientWatch : public eg::Hook {
 public:
  explicit GradientWatch(std::string parameter)
      : parameter_(std::move(parameter)) {}

  absl::Status Instrument(eg::Instrumentation& instrumentation) override {
    for (const eg::Value& parameter : instrumentation.parameters()) {
      if (parameter.name() != parameter_) continue;
      return instrumentation.ReplaceGradient(
          parameter, eg::HostCall(instrumentation.gradient(parameter), "watch",
                                  [this](const eg::Tensor& gradient) {
                                    return Look(gradient);
                                  }));
    }
    return absl::NotFoundError(parameter_ + " is not trained");
  }

 private:
  absl::Status Look(const eg::Tensor& gradient) {
    int64_t zeros = 0;
    for (const double number : gradient.ToDoubles()) zeros += number == 0;
    if (++steps_ % 100 == 0) {
      std::printf("step %d: %d of %d numbers are 0\n", static_cast<int>(steps_),
                  static_cast<int>(zeros),
                  static_cast<int>(gradient.num_elements()));
    }
    if (2 * zeros <= gradient.num_elements()) return absl::OkStatus();
    return absl::CancelledError(
        eg::StrCat("step ", steps_, ": half of the gradient is 0"));
  }

  const std::string parameter_;
  int64_t steps_ = 0;
};

absl::Status Run(const std::string& folder) {
  EVENGRAD_ASSIGN_OR_RETURN(
      eg::DataSet data,
      eg::DataSet::ReadIdx(folder + "/train-images-idx3-ubyte.gz",
                           folder + "/train-labels-idx1-ubyte.gz"));
  EVENGRAD_ASSIGN_OR_RETURN(eg::DataSet training,
                            data.Scaled(eg::StandardScaling(data)));
  eg::Graph graph;
  eg::Value images = eg::Placeholder(graph, "images", eg::F32({"batch", 784}));
  eg::Value labels = eg::Placeholder(graph, "labels", eg::I32({"batch"}));
  eg::Value hidden = images;
  for (int i = 1; i <= 3; ++i) {
    eg::NameScope layer(graph, eg::StrCat("hidden", i));
    hidden = eg::Relu(eg::Dense(hidden, 64));
  }
  eg::Value logits = eg::Dense(hidden, 10, {.name = "logits"});
  eg::Value loss = eg::SparseSoftmaxCrossEntropy(logits, labels);
  EVENGRAD_ASSIGN_OR_RETURN(
      eg::Program program,
      // So high a rate kills the units.
      eg::Minimize(
          loss, eg::Sgd{.learning_rate = 0.5},
          {.hooks = {std::make_shared<GradientWatch>("hidden3/weights")},
           .fetches = {{"logits", logits}}}));
  EVENGRAD_ASSIGN_OR_RETURN(eg::Session session,
                            eg::Session::Create(graph, {.seed = 42}));
  const absl::Status ended =
      eg::Fit(session, program, {images, labels, logits, loss}, training)
          .status();
  if (!absl::IsCancelled(ended)) return ended;
  std::printf("%s\n", ended.ToString().c_str());
  return absl::OkStatus();
}

int main(int argc, char** argv) {
  absl::Status status =
      Run(argc > 1 ? argv[1] : "/usr/share/datasets/fashion-mnist");
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
