// SessionOptions::memory_limit_bytes.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/layers.h"
#include "evengrad/ops/losses.h"
#include "evengrad/ops/ops.h"
#include "evengrad/ops/vector_matmul.h"
#include "evengrad/runtime/session.h"
#include "evengrad/train/minimize.h"

namespace evengrad {
namespace {

struct Model {
  Graph graph;
  Program program;
  std::vector<Feed> feeds;
};

Model MakeModel(int64_t inputs = 50, int64_t units = 400) {
  Model model;
  const Value images =
      Placeholder(model.graph, "images", F32({"batch", inputs}));
  const Value labels = Placeholder(model.graph, "labels", I32({"batch"}));
  Value x = images;
  {
    const NameScope layer(model.graph, "hidden1");
    x = Relu(Dense(x, units));
  }
  const Value loss =
      SparseSoftmaxCrossEntropy(Dense(x, 10, {.name = "logits"}), labels);
  model.program = *Minimize(loss, Sgd{.learning_rate = 0.1});
  model.feeds = {{images, *Tensor::Zeros(F32({64, inputs}))},
                 {labels, *Tensor::Zeros(I32({64}))}};
  return model;
}

TEST(MemoryLimitTest, TooLittleIsAnErrorThatNamesTheLargest) {
  const Model model = MakeModel();
  absl::StatusOr<Session> session =
      Session::Create(model.graph, {.memory_limit_bytes = 150'000});
  ASSERT_TRUE(session.ok()) << session.status();
  const absl::Status status = session->Run(model.program, model.feeds).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  const std::string message(Message(status));
  // The activations, 64 x 400 numbers, and the weights, 50 x 400.
  for (const char* part :
       {"the program needs ", "memory_limit_bytes = 150000", "f32[64,400]",
        "(102400 bytes, memory_limit_test.cc:",
        "hidden1/weights f32[50,400] (80000 bytes"}) {
    EXPECT_NE(message.find(part), std::string::npos) << part << "\n" << message;
  }
  // Nothing was changed: a smaller batch fits.
  const std::vector<Feed> few = {
      {model.feeds[0].value, *Tensor::Zeros(F32({4, 50}))},
      {model.feeds[1].value, *Tensor::Zeros(I32({4}))}};
  EXPECT_TRUE(session->Run(model.program, few).ok());
}

// The figure of the error is the least limit that will do. `too_little` is
// enough for the first values of the states.
void ExpectExactFigure(const Model& model, int64_t too_little) {
  auto run = [&](int64_t limit) {
    absl::StatusOr<Session> session =
        Session::Create(model.graph, {.memory_limit_bytes = limit});
    return session.ok() ? session->Run(model.program, model.feeds).status()
                        : session.status();
  };
  const std::string message(Message(run(too_little)));
  const std::string before = "the program needs ";
  const int64_t needed =
      std::stoll(message.substr(message.find(before) + before.size()));
  EXPECT_TRUE(run(needed).ok()) << needed;
  EXPECT_FALSE(run(needed - 1).ok()) << needed;
  EXPECT_TRUE(run(0).ok());
  EXPECT_FALSE(run(-1).ok());
}

TEST(MemoryLimitTest, TheFigureIsExact) {
  ExpectExactFigure(MakeModel(), 150'000);
}

// Where long products share copies of matrices, too.
TEST(MemoryLimitTest, CopiesOfMatricesCount) {
  const Model model = MakeModel(300, 2048);
  ExpectExactFigure(model, 3'000'000);
  absl::StatusOr<Session> session = Session::Create(model.graph);
  ASSERT_TRUE(session.ok());
  const absl::StatusOr<std::string> text =
      session->Explain(model.program, model.feeds);
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_EQ(text->find("copies of matrices 0;") == std::string::npos,
            VectorMatMul::Available())
      << *text;
}

}  // namespace
}  // namespace evengrad
