// Twenty training steps of a small network, compared with libtorch.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "evengrad/evengrad.h"
#include "torch_training.h"

namespace evengrad {
namespace {

Value Activate(const std::string& name, const Value& x) {
  if (name == "sigmoid") return Sigmoid(x);
  if (name == "tanh") return Tanh(x);
  if (name == "relu") return Relu(x);
  if (name == "leaky_relu") return LeakyRelu(x, 0.3);
  if (name == "elu") return Elu(x);
  if (name == "gelu") return Gelu(x);
  return Selu(x);
}

// A number in [-1, 1) for each n, with no pattern that matters.
double Scatter(int64_t n) {
  const double x = std::sin(static_cast<double>(n) * 12.9898) * 43758.5453;
  return 2 * (x - std::floor(x)) - 1;
}

TrainingTask MakeTask(const std::string& activation,
                      const std::string& optimizer, double learning_rate) {
  TrainingTask task;
  task.activation = activation;
  task.optimizer = optimizer;
  task.learning_rate = learning_rate;
  const int64_t rows = task.steps * task.batch;
  for (int64_t i = 0; i < rows * task.sizes.front(); ++i) {
    task.images.push_back(static_cast<float>(Scatter(i)));
  }
  for (int64_t i = 0; i < rows; ++i) {
    task.labels.push_back(i * i % task.sizes.back());
  }
  return task;
}

absl::StatusOr<Tensor> Rows(const TrainingTask& task, int step) {
  const int64_t columns = task.sizes.front();
  const DType dtype = task.wide ? DType::kF64 : DType::kF32;
  EVENGRAD_ASSIGN_OR_RETURN(
      Tensor tensor, Tensor::Zeros({dtype, Shape({task.batch, columns})}));
  for (int64_t i = 0; i < tensor.num_elements(); ++i) {
    StoreFromDouble(dtype, tensor.mutable_data(), i,
                    task.images[step * tensor.num_elements() + i]);
  }
  return tensor;
}

absl::StatusOr<Tensor> Labels(const TrainingTask& task, int step) {
  const auto begin = task.labels.begin() + step * task.batch;
  return Tensor::Of<int32_t>({task.batch},
                             std::vector<int32_t>(begin, begin + task.batch));
}

Optimizer MakeOptimizer(const TrainingTask& task) {
  const WeightDecay decay = {.rate = task.weight_decay};
  if (task.optimizer == "adam") {
    return Adam{.learning_rate = task.learning_rate, .weight_decay = decay};
  }
  if (task.optimizer == "adamw") {
    return AdamW{.learning_rate = task.learning_rate,
                 .weight_decay = task.weight_decay};
  }
  if (task.optimizer == "adagrad") {
    return AdaGrad{.learning_rate = task.learning_rate,
                   .initial_accumulator = task.initial_accumulator,
                   .weight_decay = decay};
  }
  if (task.optimizer == "rmsprop") {
    return RmsProp{.learning_rate = task.learning_rate,
                   .momentum = task.momentum,
                   .centered = task.centered,
                   .weight_decay = decay};
  }
  return Sgd{.learning_rate = task.learning_rate,
             .momentum = task.momentum,
             .nesterov = task.nesterov,
             .weight_decay = decay};
}

std::vector<std::vector<double>> ReadAll(const Session& session,
                                         const std::vector<Value>& states) {
  std::vector<std::vector<double>> values;
  for (const Value& state : states) {
    values.push_back(session.Read(state).value().ToDoubles());
  }
  return values;
}

// Trains, and fills in the task's parameters with those it started from.
absl::StatusOr<TrainingRecord> Train(TrainingTask& task) {
  Graph graph;
  const DType dtype = task.wide ? DType::kF64 : DType::kF32;
  const Value images = Placeholder(
      graph, "images", {dtype, Shape({"batch", task.sizes.front()})});
  const Value labels = Placeholder(graph, "labels", I32({"batch"}));
  Value x = images;
  for (size_t i = 1; i < task.sizes.size(); ++i) {
    const NameScope layer(graph, StrCat("layer", i));
    x = Dense(x, task.sizes[i]);
    if (i + 1 < task.sizes.size()) x = Activate(task.activation, x);
  }
  const Value loss = SparseSoftmaxCrossEntropy(x, labels);
  EVENGRAD_ASSIGN_OR_RETURN(const Program training,
                            Minimize(loss, MakeOptimizer(task)));
  EVENGRAD_ASSIGN_OR_RETURN(
      Session session, Session::Create(graph, {.seed = 5, .num_threads = 2}));
  task.parameters = ReadAll(session, Parameters(graph));
  TrainingRecord record;
  for (int step = 0; step < task.steps; ++step) {
    EVENGRAD_ASSIGN_OR_RETURN(const Tensor rows, Rows(task, step));
    EVENGRAD_ASSIGN_OR_RETURN(const Tensor answers, Labels(task, step));
    EVENGRAD_ASSIGN_OR_RETURN(
        const RunResult result,
        session.Run(training, {{images, rows}, {labels, answers}}));
    EVENGRAD_ASSIGN_OR_RETURN(const double value, result.Scalar("loss"));
    record.losses.push_back(value);
  }
  record.parameters = ReadAll(session, Parameters(graph));
  return record;
}

// The two differ by rounding alone, and the steps have changed the parameters
// by far more than that.
void Compare(TrainingTask task, double tolerance) {
  const absl::StatusOr<TrainingRecord> found = Train(task);
  ASSERT_TRUE(found.ok()) << found.status();
  const TrainingRecord expected = TrainWithTorch(task);
  ASSERT_EQ(found->losses.size(), expected.losses.size());
  for (size_t i = 0; i < expected.losses.size(); ++i) {
    EXPECT_NEAR(found->losses[i], expected.losses[i], tolerance) << i;
  }
  ASSERT_EQ(found->parameters.size(), expected.parameters.size());
  for (size_t k = 0; k < expected.parameters.size(); ++k) {
    double change = 0;
    ASSERT_EQ(found->parameters[k].size(), expected.parameters[k].size());
    for (size_t i = 0; i < expected.parameters[k].size(); ++i) {
      EXPECT_NEAR(found->parameters[k][i], expected.parameters[k][i], tolerance)
          << "parameter " << k << ", element " << i;
      change += std::fabs(expected.parameters[k][i] - task.parameters[k][i]);
    }
    EXPECT_GT(change / static_cast<double>(expected.parameters[k].size()),
              100 * tolerance);
  }
}

constexpr double kFloatTolerance = 4e-6;
constexpr double kDoubleTolerance = 1e-12;

void CompareInBoth(TrainingTask task) {
  Compare(task, kFloatTolerance);
  task.wide = true;
  Compare(task, kDoubleTolerance);
}

TEST(LibtorchTest, SgdWithEveryActivation) {
  for (const char* activation :
       {"sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu", "gelu"}) {
    SCOPED_TRACE(activation);
    CompareInBoth(MakeTask(activation, "sgd", 0.1));
  }
}

TEST(LibtorchTest, SgdWithMomentum) {
  TrainingTask task = MakeTask("selu", "sgd", 0.05);
  task.momentum = 0.9;
  CompareInBoth(task);
}

TEST(LibtorchTest, SgdWithNesterovMomentum) {
  TrainingTask task = MakeTask("tanh", "sgd", 0.05);
  task.momentum = 0.9;
  task.nesterov = true;
  CompareInBoth(task);
}

TEST(LibtorchTest, SgdWithWeightDecay) {
  TrainingTask task = MakeTask("tanh", "sgd", 0.05);
  task.momentum = 0.9;
  task.weight_decay = 0.1;
  CompareInBoth(task);
}

TEST(LibtorchTest, AdaGrad) {
  TrainingTask task = MakeTask("relu", "adagrad", 0.02);
  CompareInBoth(task);
  task.initial_accumulator = 0.1;
  task.weight_decay = 0.1;
  CompareInBoth(task);
}

TEST(LibtorchTest, RmsProp) {
  TrainingTask task = MakeTask("selu", "rmsprop", 0.01);
  CompareInBoth(task);
  task.momentum = 0.5;
  task.weight_decay = 0.1;
  CompareInBoth(task);
}

TEST(LibtorchTest, CenteredRmsProp) {
  TrainingTask task = MakeTask("tanh", "rmsprop", 0.01);
  task.centered = true;
  CompareInBoth(task);
}

TEST(LibtorchTest, Adam) {
  TrainingTask task = MakeTask("relu", "adam", 0.01);
  CompareInBoth(task);
  task.weight_decay = 0.1;
  CompareInBoth(task);
}

TEST(LibtorchTest, AdamW) {
  TrainingTask task = MakeTask("relu", "adamw", 0.01);
  task.weight_decay = 0.5;
  CompareInBoth(task);
}

}  // namespace
}  // namespace evengrad
