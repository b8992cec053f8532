// A hook of your own: it changes the gradients of a network of 50 logistic
// layers, whose gradients vanish, watches the network beside a built-in hook,
// and ends the training when it has seen enough. Usage: own_hook [folder of the
// data]
#include <cmath>
#include <cstdio>

#include "evengrad/evengrad.h"

namespace eg = evengrad;

// Brings the gradient of every parameter to the norm 1 / 100, and looks at the
// first one after the first step and every 50th.
class NormalizedGradients : public eg::Hook {
 public:
  // Adds nodes to the training program.
  absl::Status Instrument(eg::Instrumentation& instrumentation) override {
    for (const eg::Value& parameter : instrumentation.parameters()) {
      const eg::Value gradient = instrumentation.gradient(parameter);
      const eg::Value norm = eg::Sqrt(eg::SumOfSquares(gradient));
      EVENGRAD_RETURN_IF_ERROR(instrumentation.ReplaceGradient(
          parameter,
          gradient * eg::Cast(0.01 / (norm + 1e-30), gradient.dtype())));
    }
    const eg::Value first = instrumentation.parameters().front();
    return instrumentation.Observe(
        {.name = "first layer",
         .values = {eg::SumOfSquares(instrumentation.raw_gradient(first)),
                    instrumentation.loss()},
         .every_n_steps = 50});
  }

  // Is called when the observed values are there. An error ends the training
  // with its message.
  absl::Status Observe(const eg::Observation& observation) override {
    const double norm = std::sqrt(observation.values[0].ToDoubles()[0]);
    const double loss = observation.values[1].ToDoubles()[0];
    std::printf("step %3d: loss %.3f, gradient of the first layer %.1e\n",
                static_cast<int>(observation.step), loss, norm);
    if (observation.step < 200) return absl::OkStatus();
    return absl::CancelledError("seen enough");
  }
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
  for (int i = 1; i <= 50; ++i) {
    eg::NameScope layer(graph, eg::StrCat("hidden", i));
    hidden = eg::Sigmoid(eg::Dense(hidden, 32));
  }
  eg::Value logits = eg::Dense(hidden, 10, {.name = "logits"});
  eg::Value loss = eg::SparseSoftmaxCrossEntropy(logits, labels);

  auto statistics = std::make_shared<eg::LayerStatistics>(
      eg::LayerStatisticsOptions{.every_n_steps = 100});
  EVENGRAD_ASSIGN_OR_RETURN(
      eg::Program program,
      eg::Minimize(
          loss, eg::Sgd{.learning_rate = 0.1},
          {.hooks = {std::make_shared<NormalizedGradients>(), statistics},
           .fetches = {{"logits", logits}}}));
  EVENGRAD_ASSIGN_OR_RETURN(eg::Session session,
                            eg::Session::Create(graph, {.seed = 42}));
  const absl::Status ended =
      eg::Fit(session, program, {images, labels, logits, loss}, training)
          .status();
  if (!absl::IsCancelled(ended)) return ended;
  std::printf("%s", eg::StatisticsTable(statistics->latest(),
                                        statistics->findings(), {.max_rows = 8})
                        .c_str());
  return absl::OkStatus();
}

int main(int argc, char** argv) {
  absl::Status status =
      Run(argc > 1 ? argv[1] : "/usr/share/datasets/fashion-mnist");
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
