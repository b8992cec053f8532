// Experiment A23, trained: a recurrent network of 50 tanh units reads an image
// of Fashion-MNIST in 98 steps of 8 pixels. Its recurrent weights start as an
// orthogonal matrix times 0.5, 1 or 1.5, the spectral radius: gradients vanish,
// pass or explode. Two epochs of SGD, without clipping and with.
// Usage: recurrent_clipping [folder of the data [most examples]]
#include <string_view>
#include <vector>

#include "fashion_mnist.h"

constexpr int64_t kPixels = 8;
constexpr int64_t kSteps = 784 / kPixels;
constexpr int64_t kUnits = 50;

struct Network {
  explicit Network(double radius) {
    model.inputs = eg::Placeholder(graph, "images", eg::F32({"batch", 784}));
    model.labels = eg::Placeholder(graph, "labels", eg::I32({"batch"}));
    const eg::Value weights =
        Weights("rnn/weights", eg::GlorotUniform(), kPixels);
    const eg::Value recurrent =
        Weights("rnn/recurrent", eg::OrthogonalInitializer(radius), kUnits);
    eg::Value state;
    for (const eg::Value& pixels : eg::Split(model.inputs, kSteps, 1)) {
      const eg::Value input = eg::MatMul(pixels, weights);
      state = eg::Tanh(state.valid() ? eg::MatMul(state, recurrent) + input
                                     : input);
    }
    model.logits = eg::Dense(state, 10, {.name = "logits"});
    model.loss = eg::SparseSoftmaxCrossEntropy(model.logits, model.labels);
  }
  eg::Value Weights(std::string_view name, const eg::Initializer& initializer,
                    int64_t inputs) {
    return eg::Parameter(
        graph, name,
        eg::AddInitializer(graph, initializer, eg::F32({inputs, kUnits}),
                           eg::StrCat(name, "/initial")));
  }
  eg::Graph graph;
  eg::Classifier model;
};

absl::Status TrainAndPrint(double radius, bool clips,
                           const FashionMnist& data) {
  const Network net(radius);
  double largest = 0;
  auto statistics =
      std::make_shared<eg::LayerStatistics>(eg::LayerStatisticsOptions{
          .every_n_steps = 10,
          .on_record = [&](const eg::StatisticsRecord& record) {
            largest = std::max(largest, record.gradient_norm);
            return absl::OkStatus();
          }});
  eg::MinimizeOptions options = {.fetches = {{"logits", net.model.logits}}};
  if (clips) options.hooks.push_back(eg::ClipByGlobalNorm(1));
  options.hooks.push_back(statistics);
  EVENGRAD_ASSIGN_OR_RETURN(
      const eg::Program program,
      eg::Minimize(net.model.loss, eg::Sgd{.learning_rate = 0.05}, options));
  EVENGRAD_ASSIGN_OR_RETURN(eg::Session session,
                            eg::Session::Create(net.graph, {.seed = 42}));
  std::printf("radius %.1f, %s:", radius,
              clips ? "clipped to 1" : "not clipped");
  const absl::StatusOr<eg::FitResult> result =
      eg::Fit(session, program, net.model, data.training,
              {.epochs = 2, .validation = data.validation});
  if (!result.ok()) {
    std::printf(" %s\n", std::string(eg::Message(result.status())).c_str());
    return absl::OkStatus();
  }
  for (const eg::EpochReport& epoch : result->epochs) {
    std::printf(" loss %.3f, accuracy %.4f;", epoch.validation->loss,
                epoch.validation->accuracy);
  }
  std::printf(" largest gradient norm %.3g\n", largest);
  return absl::OkStatus();
}

absl::Status Run(const FashionMnist& data) {
  for (const double radius : {0.5, 1.0, 1.5}) {
    for (const bool clips : {false, true}) {
      EVENGRAD_RETURN_IF_ERROR(TrainAndPrint(radius, clips, data));
    }
  }
  return absl::OkStatus();
}

int main(int argc, char** argv) { return Main(argc, argv, Run); }
