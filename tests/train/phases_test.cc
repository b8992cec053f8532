// Training in phases: one session, a program for each phase.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "evengrad/evengrad.h"
#include "tests/train/tiny_training.h"

namespace evengrad {
namespace {

void ExpectError(const absl::Status& status, std::string_view part) {
  EXPECT_NE(Message(status).find(part), std::string_view::npos) << status;
}

struct Layers {
  Layers() {
    inputs = Placeholder(graph, "inputs", F32({"batch", 1}));
    labels = Placeholder(graph, "labels", I32({"batch"}));
    Value hidden = inputs;
    for (int i = 1; i <= 2; ++i) {
      hidden = Tanh(Dense(hidden, 8, {.name = StrCat("hidden", i)}));
      // A head on each layer.
      const Value logits = Dense(hidden, 2, {.name = StrCat("head", i)});
      models.push_back(
          {inputs, labels, logits, SparseSoftmaxCrossEntropy(logits, labels)});
    }
    session = Session::Create(graph, {.seed = 4, .num_threads = 1});
  }
  absl::Status Train(int model, const MinimizeOptions& options, double rate) {
    MinimizeOptions with_logits = options;
    with_logits.fetches = {{"logits", models[model].logits}};
    EVENGRAD_ASSIGN_OR_RETURN(
        const Program program,
        Minimize(models[model].loss,
                 Sgd{.learning_rate = rate, .momentum = 0.5}, with_logits));
    return Fit(*session, program, models[model], LinePoints(),
               {.epochs = 3, .batch_size = 10})
        .status();
  }
  Tensor Read(const std::string& state) { return *session->Read(state); }

  Graph graph;
  Value inputs, labels;
  std::vector<Classifier> models;
  absl::StatusOr<Session> session;
};

// Frozen, then thawed at another rate: what was frozen keeps its bits until
// then, and each phase has a rate and slots of its own.
TEST(PhasesTest, FreezesAndUnfreezes) {
  Layers layers;
  const Tensor lower = layers.Read("hidden1/weights");
  const Tensor upper = layers.Read("hidden2/weights");
  absl::Status status = layers.Train(
      1, {.groups = {{.pattern = "hidden1/*", .frozen = true}}, .name = "head"},
      0.1);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_TRUE(layers.Read("hidden1/weights") == lower);
  EXPECT_FALSE(layers.Read("hidden2/weights") == upper);
  status = layers.Train(1, {.name = "all"}, 0.01);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_FALSE(layers.Read("hidden1/weights") == lower);
  EXPECT_EQ(layers.Read("head/learning_rate").ToDoubles()[0],
            static_cast<float>(0.1));
  EXPECT_EQ(layers.Read("all/learning_rate").ToDoubles()[0],
            static_cast<float>(0.01));
  EXPECT_TRUE(layers.session->Read("all/hidden1/weights/momentum").ok());
  EXPECT_FALSE(layers.session->Read("head/hidden1/weights/momentum").ok());
}

// Without names, phases share their states, so their numbers must agree.
TEST(PhasesTest, RefusesAnotherRateUnderTheSameName) {
  Layers layers;
  ASSERT_TRUE(layers.Train(1, {}, 0.1).ok());
  const Tensor weights = layers.Read("hidden1/weights");
  const absl::Status status = layers.Train(1, {}, 0.01);
  ExpectError(
      status,
      "the state 'learning_rate' begins with another value in this program "
      "(0.01) than in what the session met first (0.1); a session keeps "
      "one value for each name, so give the program a name "
      "(MinimizeOptions::name)");
  ExpectError(status, "phases_test.cc:");
  EXPECT_TRUE(layers.Read("hidden1/weights") == weights);
  EXPECT_TRUE(layers.Train(1, {.name = "fine"}, 0.01).ok());
}

// The same program derived again goes on with what the session keeps; so does
// one whose equal numbers are written as other nodes.
TEST(PhasesTest, GoesOnWithAProgramDerivedAgain) {
  Layers layers;
  ASSERT_TRUE(layers.Train(1, {}, 0.1).ok());
  ASSERT_TRUE(
      layers.session->Write("learning_rate", *Tensor::Of<float>({}, {0.02F}))
          .ok());
  const absl::Status again = layers.Train(1, {}, 0.1);
  EXPECT_TRUE(again.ok()) << again;
  EXPECT_FLOAT_EQ(layers.Read("learning_rate").ToDoubles()[0], 0.02F);
  EXPECT_EQ(layers.Read("step").ToDoubles()[0], 30);
}

// A hook whose state begins with what it was told.
class Counter : public Hook {
 public:
  explicit Counter(std::function<Value(const Graph&)> start)
      : start_(std::move(start)) {}
  absl::Status Instrument(Instrumentation& instrumentation) override {
    const Value count =
        instrumentation.AddState("count", start_(instrumentation.graph()));
    return instrumentation.UpdateState(count, count + 1.0);
  }

 private:
  std::function<Value(const Graph&)> start_;
};

TEST(PhasesTest, ComparesWhatStatesBeginWithByValue) {
  const auto status_of = [](const std::function<Value(const Graph&)>& first,
                            const std::function<Value(const Graph&)>& second) {
    Layers layers;
    const absl::Status status =
        layers.Train(0, {.hooks = {std::make_shared<Counter>(first)}}, 0.1);
    EXPECT_TRUE(status.ok()) << status;
    return layers.Train(0, {.hooks = {std::make_shared<Counter>(second)}}, 0.1);
  };
  const auto number = [](double value, DType dtype = DType::kF32) {
    return [=](const Graph& graph) { return Constant(graph, value, dtype); };
  };
  const auto doubled = [](const Graph& graph) {
    return Constant(graph, 2.0) * 2.0;
  };
  const auto random = [](const Graph& graph) {
    return RandomNormal(graph, F32({8}), 0, 1);
  };
  const auto other_random = [](const Graph& graph) {
    return RandomNormal(graph, F32({8}), 0, 2);
  };
  EXPECT_TRUE(status_of(number(4), doubled).ok());
  EXPECT_TRUE(status_of(random, random).ok());
  ExpectError(status_of(random, other_random),
              "'count' begins with another value in this "
              "program than in what the session met");
  ExpectError(status_of(doubled, number(3)),
              "(3) than in what the session met first (4)");
  ExpectError(status_of(number(4), number(4, DType::kF64)),
              "(f64[]) than in what the session met first (f32[])");
}

// Greedily: the first layer under a head of its own, then the second on top of
// it.
TEST(PhasesTest, TrainsLayerByLayer) {
  Layers layers;
  const Tensor second = layers.Read("hidden2/weights");
  absl::Status status = layers.Train(0, {.name = "layer1"}, 0.1);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_TRUE(layers.Read("hidden2/weights") == second);
  const Tensor first = layers.Read("hidden1/weights");
  status = layers.Train(
      1,
      {.groups = {{.pattern = "hidden1/*", .frozen = true}}, .name = "layer2"},
      0.1);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_TRUE(layers.Read("hidden1/weights") == first);
  EXPECT_FALSE(layers.Read("hidden2/weights") == second);
}

// An autoencoder: a model without logits, whose loss reads no labels.
TEST(PhasesTest, FitsAModelWithoutClasses) {
  Graph graph;
  const Value inputs = Placeholder(graph, "inputs", F32({"batch", 1}));
  const Value code = Tanh(Dense(Dropout(inputs, 0.1), 3, {.name = "code"}));
  const Value output = Dense(code, 1, {.name = "decoder"});
  const Classifier model = {.inputs = inputs,
                            .loss = MeanSquaredError(output, inputs)};
  const absl::StatusOr<Program> program =
      Minimize(model.loss, Adam{.learning_rate = 0.02});
  ASSERT_TRUE(program.ok()) << program.status();
  absl::StatusOr<Session> session = Session::Create(graph, {.seed = 1});
  ASSERT_TRUE(session.ok()) << session.status();
  const DataSet data = LinePoints();
  const absl::StatusOr<FitResult> result =
      Fit(*session, *program, model, data,
          {.epochs = 20, .batch_size = 10, .validation = data});
  ASSERT_TRUE(result.ok()) << result.status();
  const EpochReport& last = result->epochs.back();
  // Inputs have variance 1/3.
  EXPECT_LT(last.validation->loss, 0.02);
  EXPECT_LT(last.validation->loss, result->epochs.front().validation->loss);
  EXPECT_TRUE(std::isnan(last.train_accuracy));
  EXPECT_TRUE(std::isnan(last.validation->accuracy));
  EXPECT_EQ(last.validation->examples, 50);
  EXPECT_EQ(Message(Evaluate(*session, model, data, {.top_k = 2}).status()),
            "Evaluate: without logits there are no top classes and no "
            "confusion");
}

}  // namespace
}  // namespace evengrad
