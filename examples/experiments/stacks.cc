// Stacks of equal layers, watched by LayerStatistics.
#include <cmath>
#include <functional>
#include <memory>

#include "examples/experiments/gradient_flow.h"

namespace evengrad::experiments {
namespace {

struct StackOptions {
  int layers = 0;
  int64_t width = 0;
  int64_t batch = 0;
  std::function<Value(const Value& input)> layer = {};
};

// One step of a training whose loss is the product of the last output and
// normal numbers, which are its gradient.
absl::StatusOr<StackFlow> Measure(const StackOptions& options, uint64_t seed) {
  Graph graph;
  const TensorType type = F32({options.batch, options.width});
  Value hidden = RandomNormal(graph, type);
  for (int i = 1; i <= options.layers; ++i) {
    const NameScope scope(graph, StrCat("hidden", i));
    hidden = options.layer(hidden);
  }
  const Value loss = ReduceSum(hidden * RandomNormal(graph, type));
  auto statistics = std::make_shared<LayerStatistics>(
      LayerStatisticsOptions{.every_n_steps = 1});
  EVENGRAD_ASSIGN_OR_RETURN(
      const Program program,
      Minimize(loss, Sgd{.learning_rate = 0}, {.hooks = {statistics}}));
  EVENGRAD_ASSIGN_OR_RETURN(Session session,
                            Session::Create(graph, {.seed = seed}));
  EVENGRAD_RETURN_IF_ERROR(session.Run(program, {}).status());
  StackFlow flow;
  for (const LayerRecord& layer : statistics->latest().layers) {
    flow.saturated.push_back(layer.saturated_share.value_or(0));
    if (layer.gradient_ratio.has_value()) {
      flow.backward.push_back(*layer.gradient_ratio * *layer.gradient_ratio);
    }
    flow.last_squares = std::pow(layer.output.root_mean_square(), 2);
  }
  return flow;
}

}  // namespace

absl::StatusOr<StackFlow> LogisticStack(const Initializer& initializer,
                                        uint64_t seed) {
  return Measure(
      {.layers = 20,
       .width = 100,
       .batch = 200,
       .layer =
           [&](const Value& input) {
             return Sigmoid(Dense(input, 100, {.initializer = initializer}));
           }},
      seed);
}

absl::StatusOr<StackFlow> BatchNormStack(uint64_t seed) {
  return Measure(
      {.layers = 20,
       .width = 400,
       .batch = 256,
       .layer =
           [](const Value& input) {
             return Relu(BatchNorm(Dense(
                 input, 400, {.bias = false, .initializer = LeCunNormal()})));
           }},
      seed);
}

absl::StatusOr<StackFlow> ReluStack(double gain, int64_t width, uint64_t seed) {
  return Measure(
      {.layers = 30,
       .width = width,
       .batch = 64,
       .layer =
           [&](const Value& input) {
             return Relu(
                 Dense(input, width,
                       {.initializer = NormalInitializer(
                            0, std::sqrt(gain / static_cast<double>(width)))}));
           }},
      seed);
}

}  // namespace evengrad::experiments
