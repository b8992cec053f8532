// Weights in files: all of a model, or the layers that two models share.
#include "evengrad/train/weights.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "evengrad/formats/safetensors.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/layers.h"
#include "evengrad/ops/losses.h"
#include "evengrad/ops/ops.h"
#include "evengrad/runtime/session.h"
#include "evengrad/train/checkpoint.h"
#include "evengrad/train/minimize.h"
#include "tests/formats/file_testing.h"

namespace evengrad {
namespace {

// Two hidden layers, the second with batch norm, and `classes` logits.
struct Net {
  explicit Net(int64_t classes, uint64_t seed, std::string_view scope = "") {
    const NameScope outer(graph, scope);
    x = Placeholder(graph, "x", F32({"batch", 3}));
    const Value first = Tanh(Dense(x, 4, {.name = "hidden1"}));
    const Value second = Tanh(
        BatchNorm(Dense(first, 5, {.name = "hidden2"}), {.name = "hidden2"}));
    loss = ReduceMean(Square(Dense(second, classes, {.name = "logits"})));
    session = Session::Create(graph, {.seed = seed});
  }
  // A step, so that the optimizer has states and running statistics move.
  absl::StatusOr<Program> Train() {
    EVENGRAD_ASSIGN_OR_RETURN(const Program program,
                              Minimize(loss, Sgd{.momentum = 0.9}));
    const Tensor rows = *Tensor::Of<float>({2, 3}, {1, 2, 3, -4, 5, 6});
    EVENGRAD_RETURN_IF_ERROR(session->Run(program, {{x, rows}}).status());
    return program;
  }
  Tensor Read(std::string_view state) { return *session->Read(state); }

  Graph graph;
  Value x, loss;
  absl::StatusOr<Session> session;
};

TEST(WeightsTest, SavesTheModelsStatesAlone) {
  const std::string path = PathForTest("weights.safetensors");
  Net net(2, 1);
  ASSERT_TRUE(net.Train().ok());
  ASSERT_TRUE(SaveWeights(*net.session, net.graph, path).ok());
  const absl::StatusOr<std::vector<NamedTensor>> tensors =
      ReadSafetensors(path);
  ASSERT_TRUE(tensors.ok()) << tensors.status();
  EXPECT_EQ(tensors->size(), 10);  // three layers, batch norm's four
  for (const NamedTensor& tensor : *tensors) {
    EXPECT_TRUE(tensor.tensor == net.Read(tensor.name)) << tensor.name;
    EXPECT_EQ(tensor.name.find("momentum"), std::string::npos);
  }
  Net other(2, 2);
  EXPECT_FALSE(other.Read("logits/weights") == net.Read("logits/weights"));
  const absl::StatusOr<std::vector<std::string>> loaded =
      LoadWeights(*other.session, other.graph, path);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->size(), 10);
  for (const std::string& name : *loaded) {
    EXPECT_TRUE(other.Read(name) == net.Read(name)) << name;
  }
}

// From a checkpoint, with its optimizer's states, into a model with other
// classes; what does not match keeps its bits.
TEST(WeightsTest, TransfersLowerLayers) {
  const std::string path = PathForTest("checkpoint.safetensors");
  Net net(2, 1);
  const absl::StatusOr<Program> program = net.Train();
  ASSERT_TRUE(program.ok()) << program.status();
  ASSERT_TRUE(SaveCheckpoint(*net.session, *program, path).ok());
  Net other(7, 2);
  ASSERT_TRUE(other.Train().ok());
  const Tensor logits = other.Read("logits/weights");
  const Tensor momentum = other.Read("hidden1/weights/momentum");
  const absl::StatusOr<std::vector<std::string>> loaded =
      LoadWeights(*other.session, other.graph, path,
                  {.patterns = {"hidden1/*", "hidden2/running_*"}});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(*loaded, (std::vector<std::string>{
                         "hidden1/weights", "hidden1/bias",
                         "hidden2/running_mean", "hidden2/running_variance"}));
  for (const std::string& name : *loaded) {
    EXPECT_TRUE(other.Read(name) == net.Read(name)) << name;
  }
  EXPECT_FALSE(other.Read("hidden2/weights") == net.Read("hidden2/weights"));
  EXPECT_TRUE(other.Read("logits/weights") == logits);
  EXPECT_TRUE(other.Read("hidden1/weights/momentum") == momentum);
}

TEST(WeightsTest, OtherNamesInTheFile) {
  const std::string path = PathForTest("weights.safetensors");
  Net net(2, 1);
  ASSERT_TRUE(SaveWeights(*net.session, net.graph, path).ok());
  Net inner(2, 2, "encoder");
  const absl::StatusOr<std::vector<std::string>> loaded = LoadWeights(
      *inner.session, inner.graph, path,
      {.patterns = {"encoder/hidden?/weights"},
       .name_in_file = [](std::string_view name) {
         return std::string(name.substr(std::string_view("encoder/").size()));
       }});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->size(), 2);
  EXPECT_TRUE(inner.Read("encoder/hidden2/weights") ==
              net.Read("hidden2/weights"));
}

TEST(WeightsTest, ErrorsLeaveTheStates) {
  const std::string path = PathForTest("weights.safetensors");
  Net net(2, 1);
  ASSERT_TRUE(SaveWeights(*net.session, net.graph, path).ok());
  Net wide(3, 2);
  const Tensor first = wide.Read("hidden1/weights");
  auto message = [&](const WeightsOptions& options) {
    const absl::Status status =
        LoadWeights(*wide.session, wide.graph, path, options).status();
    EXPECT_TRUE(wide.Read("hidden1/weights") == first);
    return std::string(Message(status));
  };
  EXPECT_EQ(message({}),
            path +
                ": 'logits/weights' has type f32[5,2], the model's "
                "logits/weights is f32[5,3]");
  EXPECT_EQ(message({.patterns = {"hidden1/*", "hiden2/weights"}}),
            "LoadWeights, " + path +
                ": the pattern 'hiden2/weights' matches no state of the "
                "model; did you mean 'hidden2/weights'?");
  EXPECT_EQ(message({.patterns = {"hidden1/weights"},
                     .name_in_file =
                         [](std::string_view name) {
                           return "x" + std::string(name);
                         }}),
            path +
                ": has no tensor 'xhidden1/weights'; did you mean "
                "'hidden1/weights'?; give WeightsOptions::patterns for the "
                "layers that the models have in common");
  EXPECT_EQ(message({.name_in_file =
                         [](std::string_view) { return std::string("one"); }}),
            "LoadWeights, " + path +
                ": two states have the name 'one' in the file, one of them "
                "'hidden1/bias'");
  EXPECT_NE(
      Message(LoadWeights(*wide.session, wide.graph, path + ".none").status())
          .find(path + ".none"),
      std::string_view::npos);
  // A damaged file: the last byte is missing.
  const std::string bytes = ContentsOf(path);
  WriteContents(path, bytes.substr(0, bytes.size() - 1));
  EXPECT_NE(message({.patterns = {"hidden1/*"}}), "");
}

}  // namespace
}  // namespace evengrad
