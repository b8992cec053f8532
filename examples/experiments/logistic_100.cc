// Experiment A19: 300 + 99 x 100 logistic units with Glorot's weights on
// Fashion-MNIST. The network does not train; what LayerStatistics says about it
// in its first step; and what cures it. Batch 32, SGD of rate 0.001 unless said
// otherwise, 5 epochs, accuracy on 5,000 validation examples after each.
// Usage: logistic_100 [folder of the data [most examples [part of a name]]]
// Settings whose name has not that part are left out.
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fashion_mnist.h"

constexpr int kLayers = 100;
constexpr int64_t kEpochs = 5;

// A hidden layer, given its input and its number of units.
using Layer = std::function<eg::Value(const eg::Value&, int64_t)>;

struct Network {
  explicit Network(const Layer& layer) {
    model.inputs = eg::Placeholder(graph, "images", eg::F32({"batch", 784}));
    model.labels = eg::Placeholder(graph, "labels", eg::I32({"batch"}));
    eg::Value hidden = model.inputs;
    for (int i = 1; i <= kLayers; ++i) {
      eg::NameScope scope(graph, eg::StrCat("hidden", i));
      hidden = layer(hidden, i == 1 ? 300 : 100);
    }
    model.logits = eg::Dense(hidden, 10, {.name = "logits"});
    model.loss = eg::SparseSoftmaxCrossEntropy(model.logits, model.labels);
  }
  eg::Graph graph;
  eg::Classifier model;
};

struct Setting {
  const char* name;
  Layer layer;
  eg::Optimizer optimizer;
  bool lsuv = false;
};

absl::Status TrainAndPrint(const Setting& setting, const FashionMnist& data) {
  const Network net(setting.layer);
  auto statistics = std::make_shared<eg::LayerStatistics>(
      eg::LayerStatisticsOptions{.every_n_steps = 1});
  EVENGRAD_ASSIGN_OR_RETURN(
      const eg::Program watched,
      eg::Minimize(net.model.loss, setting.optimizer,
                   {.hooks = {statistics}, .name = "watched"}));
  EVENGRAD_ASSIGN_OR_RETURN(
      const eg::Program program,
      eg::Minimize(net.model.loss, setting.optimizer,
                   {.fetches = {{"logits", net.model.logits}}}));
  EVENGRAD_ASSIGN_OR_RETURN(eg::Session session,
                            eg::Session::Create(net.graph, {.seed = 42}));
  EVENGRAD_ASSIGN_OR_RETURN(eg::Batches batches,
                            eg::Batches::Create(data.training, {.size = 200}));
  const eg::Batch* batch = batches.Next();
  if (setting.lsuv) {
    EVENGRAD_RETURN_IF_ERROR(
        eg::InitializeLsuv(session, net.model.logits,
                           {{net.model.inputs, batch->inputs}})
            .status());
  }
  std::printf("%s\n", setting.name);
  EVENGRAD_RETURN_IF_ERROR(
      session
          .Run(watched, {{net.model.inputs, batch->inputs},
                         {net.model.labels, batch->labels}})
          .status());
  if (!statistics->findings().empty()) {
    std::printf("  step 1: %s\n", statistics->findings()[0].text.c_str());
  }
  std::printf("  accuracy:");
  EVENGRAD_RETURN_IF_ERROR(
      eg::Fit(session, program, net.model, data.training,
              {.epochs = kEpochs,
               .validation = data.validation,
               .on_epoch =
                   [](const eg::EpochReport& epoch) {
                     std::printf(" %.4f", epoch.validation->accuracy);
                     std::fflush(stdout);
                     return absl::OkStatus();
                   }})
          .status());
  std::printf("\n");
  return absl::OkStatus();
}

std::string_view wanted = "";

absl::Status Run(const FashionMnist& data) {
  const Layer logistic = [](const eg::Value& input, int64_t units) {
    return eg::Sigmoid(eg::Dense(input, units));
  };
  const Layer normalized = [](const eg::Value& input, int64_t units) {
    return eg::Sigmoid(eg::BatchNorm(eg::Dense(input, units, {.bias = false})));
  };
  const Layer selu = [](const eg::Value& input, int64_t units) {
    return eg::Selu(eg::Dense(input, units));
  };
  const eg::Sgd sgd = {.learning_rate = 1e-3};
  for (const Setting& setting : std::vector<Setting>{
           {"logistic, Glorot", logistic, sgd},
           {"the same, rate 1", logistic, eg::Sgd{.learning_rate = 1}},
           {"the same, Adam", logistic, eg::Adam{}},
           {"the same after LSUV", logistic, sgd, true},
           {"batch norm before the logistic units", normalized, sgd},
           {"SELU, LeCun", selu, sgd}}) {
    if (std::string_view(setting.name).find(wanted) == std::string::npos) {
      continue;
    }
    EVENGRAD_RETURN_IF_ERROR(TrainAndPrint(setting, data));
  }
  return absl::OkStatus();
}

int main(int argc, char** argv) {
  if (argc > 3) wanted = argv[3];
  return Main(argc, argv, Run);
}
