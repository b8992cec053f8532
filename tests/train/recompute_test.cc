// MinimizeOptions::recompute.
#include "evengrad/train/recompute.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/layers.h"
#include "evengrad/ops/losses.h"
#include "evengrad/ops/ops.h"
#include "evengrad/runtime/compiler.h"
#include "evengrad/runtime/reference_executor.h"
#include "evengrad/runtime/session.h"
#include "evengrad/testing/numbers.h"
#include "evengrad/train/minimize.h"

namespace evengrad {
namespace {

constexpr int64_t kBatch = 64;
constexpr int64_t kFeatures = 12;
constexpr int64_t kUnits = 24;

struct Model {
  Graph graph;
  Value images;
  Value labels;
  Value loss;
};

// Layers in blocks of four, with all that a layer can hold: normalization,
// random numbers, a state that training keeps up to date.
Model MakeModel(int num_layers, bool dropout = true) {
  Model model;
  model.images = Placeholder(model.graph, "images", F32({"batch", kFeatures}));
  model.labels = Placeholder(model.graph, "labels", I32({"batch"}));
  Value x = model.images;
  for (int i = 1; i <= num_layers; ++i) {
    const NameScope block(model.graph, StrCat("block", (i + 3) / 4));
    const NameScope layer(model.graph, StrCat("hidden", i));
    x = Gelu(BatchNorm(Dense(x, kUnits)));
    if (dropout) x = Dropout(x, 0.1);
  }
  model.loss =
      SparseSoftmaxCrossEntropy(Dense(x, 5, {.name = "logits"}), model.labels);
  return model;
}

std::vector<Feed> Batch(const Model& model) {
  testing::NumberSource numbers(4);
  Tensor images = *Tensor::Zeros(F32({kBatch, kFeatures}));
  for (int64_t i = 0; i < images.num_elements(); ++i) {
    StoreFromDouble(DType::kF32, images.mutable_data(), i,
                    numbers.Uniform(-1, 1));
  }
  Tensor labels = *Tensor::Zeros(I32({kBatch}));
  for (int64_t i = 0; i < kBatch; ++i) {
    StoreFromDouble(DType::kI32, labels.mutable_data(), i,
                    static_cast<double>(numbers.Index(5)));
  }
  return {{model.images, images}, {model.labels, labels}};
}

Program Training(const Model& model, std::vector<Recompute> recompute) {
  absl::StatusOr<Program> program =
      Minimize(model.loss, Sgd{.learning_rate = 0.05, .momentum = 0.9},
               {.recompute = std::move(recompute)});
  EXPECT_TRUE(program.ok()) << program.status();
  return *std::move(program);
}

// Every state after a few steps.
std::vector<Tensor> StatesAfter(const Model& model, const Program& program,
                                int steps, bool fuse = true) {
  Session session = *Session::Create(
      model.graph, {.seed = 7, .num_threads = 2, .fuse = fuse});
  for (int step = 0; step < steps; ++step) {
    const absl::Status status = session.Run(program, Batch(model)).status();
    EXPECT_TRUE(status.ok()) << status;
  }
  std::vector<Tensor> states;
  for (const std::string& name : session.StateNames()) {
    states.push_back(*session.Read(name));
  }
  return states;
}

int64_t ArenaBytes(const Model& model, const Program& program) {
  const std::map<int, Shape> shapes = {
      {model.images.id().node, Shape({kBatch, kFeatures})},
      {model.labels.id().node, Shape({kBatch})}};
  return (*Compile(program, shapes))->memory.arena;
}

TEST(RecomputeTest, TrainingIsTheSameToTheLastBit) {
  const Model model = MakeModel(8);
  const std::vector<Tensor> kept = StatesAfter(model, Training(model, {}), 4);
  for (int layers : {1, 2, 3, 100}) {
    const Program program =
        Training(model, RecomputeLayers(model.loss, layers));
    EXPECT_EQ(StatesAfter(model, program, 4), kept) << layers;
  }
  const Program blocks = Training(
      model, {{.scopes = {"block1"}}, {.scopes = {"block2", "logits"}}});
  EXPECT_EQ(StatesAfter(model, blocks, 4), kept);
  EXPECT_EQ(StatesAfter(model, blocks, 4, /*fuse=*/false),
            StatesAfter(model, Training(model, {}), 4, /*fuse=*/false));
}

TEST(RecomputeTest, ADeepNetworkNeedsLessMemory) {
  const Model model = MakeModel(64, /*dropout=*/false);
  const int64_t kept = ArenaBytes(model, Training(model, {}));
  const int64_t one =
      ArenaBytes(model, Training(model, RecomputeLayers(model.loss, 1)));
  const int64_t eight =
      ArenaBytes(model, Training(model, RecomputeLayers(model.loss, 8)));
  EXPECT_LT(one, kept);
  EXPECT_LT(eight, one);
  EXPECT_LT(eight * 3, kept) << eight << " of " << kept;
}

TEST(RecomputeTest, TheReferenceAgrees) {
  const Model model = MakeModel(4);
  std::vector<ReferenceFeed> feeds;
  for (const Feed& feed : Batch(model)) {
    feeds.push_back({feed.value, ToReference(feed.tensor)});
  }
  const absl::StatusOr<ReferenceResult> kept =
      RunReference(Training(model, {}), feeds);
  const absl::StatusOr<ReferenceResult> recomputed =
      RunReference(Training(model, RecomputeLayers(model.loss, 2)), feeds);
  ASSERT_TRUE(kept.ok()) << kept.status();
  ASSERT_TRUE(recomputed.ok()) << recomputed.status();
  ASSERT_EQ(kept->states.size(), recomputed->states.size());
  for (const auto& [name, state] : kept->states) {
    EXPECT_EQ(state.values, recomputed->states.at(name).values) << name;
  }
}

// What is computed again is computed when the gradient has come to it: not
// before the last layer has run.
TEST(RecomputeTest, IsDoneLate) {
  const Model model = MakeModel(4, /*dropout=*/false);
  const Program program = Training(model, RecomputeLayers(model.loss, 1));
  const auto compiled =
      *Compile(program, {{model.images.id().node, Shape({kBatch, kFeatures})},
                         {model.labels.id().node, Shape({kBatch})}});
  int logits = -1;
  int copies = 0;
  for (size_t k = 0; k < compiled->kernels.size(); ++k) {
    const std::string& name = compiled->kernel_names[k];
    const int stage = compiled->kernel_descriptions[k].stage;
    if (name == "logits/matmul") logits = stage;
    if (!name.starts_with("block1/hidden1/recomputed/")) continue;
    ++copies;
    ASSERT_GE(logits, 0) << name;
    EXPECT_GT(stage, logits) << name;
  }
  EXPECT_GT(copies, 0);
}

TEST(RecomputeTest, LayersInOrder) {
  const Model model = MakeModel(3);
  const std::vector<Recompute> regions = RecomputeLayers(model.loss, 2);
  ASSERT_EQ(regions.size(), 2u);
  EXPECT_EQ(regions[0].scopes,
            std::vector<std::string>({"block1/hidden1", "block1/hidden2"}));
  EXPECT_EQ(regions[1].scopes,
            std::vector<std::string>({"block1/hidden3", "logits"}));
  const Value hidden = model.graph.FindNode("block1/hidden2/weights").output();
  const std::vector<Recompute> needed = RecomputeLayers(ReduceSum(hidden), 2);
  ASSERT_EQ(needed.size(), 1u);
  EXPECT_EQ(needed[0].scopes, std::vector<std::string>({"block1/hidden2"}));
  EXPECT_TRUE(RecomputeLayers(model.loss, 0).empty());
  EXPECT_TRUE(RecomputeLayers(Value(), 1).empty());
}

TEST(RecomputeTest, BadScopes) {
  const Model model = MakeModel(4);
  auto error = [&](std::vector<Recompute> recompute) {
    return std::string(Message(Minimize(model.loss, Sgd{.learning_rate = 0.1},
                                        {.recompute = std::move(recompute)})
                                   .status()));
  };
  EXPECT_EQ(error({{.scopes = {"blok1"}}}),
            "recompute: no scope of the model matches 'blok1'; did you mean "
            "'block1'?");
  EXPECT_EQ(error({{}}), "recompute: a region has no scopes");
}

}  // namespace
}  // namespace evengrad
