// A small classifier with all that a checkpoint must keep: momentum or Adam's
// moments, random nodes, a hook with states and one with memory of its own.
#ifndef EVENGRAD_TESTS_TRAIN_TINY_TRAINING_H_
#define EVENGRAD_TESTS_TRAIN_TINY_TRAINING_H_

#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "evengrad/evengrad.h"

namespace evengrad {

// Sums the loss of every third step, and updates a state in the graph too.
class LossSum : public Hook {
 public:
  absl::Status Instrument(Instrumentation& instrumentation) override {
    Graph graph = instrumentation.graph();
    const Value loss = instrumentation.loss();
    const Value average =
        instrumentation.AddState("average_loss", Constant(graph, 0.0));
    EVENGRAD_RETURN_IF_ERROR(
        instrumentation.UpdateState(average, average * 0.9 + loss * 0.1));
    return instrumentation.Observe(
        {.name = "loss_sum", .values = {loss}, .every_n_steps = 3});
  }
  absl::Status Observe(const Observation& observation) override {
    sum_ += *observation.values[0].scalar<float>();
    return absl::OkStatus();
  }
  std::string SaveMemory() const override {
    return std::string(reinterpret_cast<const char*>(&sum_), sizeof(sum_));
  }
  absl::Status RestoreMemory(std::string_view bytes) override {
    if (bytes.size() != sizeof(sum_)) return InvalidArgument("no sum");
    std::memcpy(&sum_, bytes.data(), sizeof(sum_));
    return absl::OkStatus();
  }
  double sum() const { return sum_; }

 private:
  double sum_ = 0;
};

// 50 points on a line; the class is the sign of the coordinate.
inline DataSet LinePoints(int64_t count = 50) {
  std::vector<float> inputs;
  std::vector<int32_t> labels;
  for (int64_t i = 0; i < count; ++i) {
    inputs.push_back(static_cast<float>(2 * i + 1 - count) /
                     static_cast<float>(count));
    labels.push_back(inputs.back() < 0 ? 0 : 1);
  }
  return *DataSet::Create(*Tensor::Of<float>({count, 1}, inputs),
                          *Tensor::Of<int32_t>({count}, labels));
}

struct TinyTraining {
  explicit TinyTraining(
      const Optimizer& optimizer = Adam{.learning_rate = 0.05},
      uint64_t seed = 1, int64_t width = 8,
      std::vector<std::shared_ptr<Hook>> hooks = {ClipByGlobalNorm(1.0)}) {
    model.inputs = Placeholder(graph, "inputs", F32({"batch", 1}));
    model.labels = Placeholder(graph, "labels", I32({"batch"}));
    const Value noise = RandomNormal(graph, F32({width}), 0, 0.1);
    const Value hidden =
        Selu(Dense(model.inputs, width, {.name = "hidden"}) + noise);
    model.logits = Dense(hidden, 2, {.name = "logits"});
    model.loss = SparseSoftmaxCrossEntropy(model.logits, model.labels);
    hooks.push_back(hook);
    program = Minimize(
        model.loss, optimizer,
        {.hooks = std::move(hooks), .fetches = {{"logits", model.logits}}});
    session = Session::Create(graph, {.seed = seed, .num_threads = 1});
  }
  absl::Status status() const {
    return program.ok() ? session.status() : program.status();
  }
  absl::StatusOr<FitResult> Fit(const FitOptions& options) {
    EVENGRAD_RETURN_IF_ERROR(status());
    return evengrad::Fit(*session, *program, model, LinePoints(), options);
  }

  Graph graph;
  Classifier model;
  std::shared_ptr<LossSum> hook = std::make_shared<LossSum>();
  absl::StatusOr<Program> program;
  absl::StatusOr<Session> session;
};

}  // namespace evengrad

#endif  // EVENGRAD_TESTS_TRAIN_TINY_TRAINING_H_
