// Profiles of runs, and what Session::Explain says.
#include "evengrad/runtime/profile.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "evengrad/formats/chrome_trace.h"
#include "evengrad/graph/source_ops.h"
#include "evengrad/graph/status.h"
#include "evengrad/ops/layers.h"
#include "evengrad/ops/losses.h"
#include "evengrad/ops/ops.h"
#include "evengrad/runtime/session.h"
#include "evengrad/train/minimize.h"

namespace evengrad {
namespace {

struct Model {
  Graph graph;
  Program program;
  std::vector<Feed> feeds;
};

Model MakeModel() {
  Model model;
  const Value images = Placeholder(model.graph, "images", F32({"batch", 300}));
  const Value labels = Placeholder(model.graph, "labels", I32({"batch"}));
  Value x = images;
  {
    const NameScope layer(model.graph, "hidden1");
    x = Relu(Dense(x, 200));
  }
  const Value loss =
      SparseSoftmaxCrossEntropy(Dense(x, 10, {.name = "logits"}), labels);
  model.program = *Minimize(loss, Sgd{.learning_rate = 0.1});
  model.feeds = {{images, *Tensor::Zeros(F32({64, 300}))},
                 {labels, *Tensor::Zeros(I32({64}))}};
  return model;
}

TEST(ProfileTest, EveryPartOfEveryKernelLiesInItsRun) {
  const Model model = MakeModel();
  const auto profile = std::make_shared<Profile>();
  absl::StatusOr<Session> session =
      Session::Create(model.graph, {.num_threads = 2, .profile = profile});
  ASSERT_TRUE(session.ok());
  constexpr int kSteps = 3;
  for (int step = 0; step < kSteps; ++step) {
    ASSERT_TRUE(session->Run(model.program, model.feeds).ok());
  }
  ASSERT_EQ(profile->events().size(), 2u);
  std::vector<ProfileEvent> runs;
  for (const ProfileEvent& event : profile->events()[0]) {
    if (event.kernel < 0) runs.push_back(event);
  }
  ASSERT_EQ(runs.size(), static_cast<size_t>(kSteps));
  int parts_of_a_step = 0;
  for (const ProfiledKernel& kernel : profile->kernels()) {
    parts_of_a_step += kernel.num_parts;
  }
  int parts = 0;
  for (const std::vector<ProfileEvent>& events : profile->events()) {
    int64_t last_end = 0;
    for (const ProfileEvent& event : events) {
      EXPECT_LE(event.begin, event.end);
      if (event.kernel < 0) continue;
      ++parts;
      EXPECT_GE(event.begin, last_end);  // bars of a row do not overlap
      last_end = event.end;
      int around = 0;
      for (const ProfileEvent& run : runs) {
        around += run.begin <= event.begin && event.end <= run.end ? 1 : 0;
      }
      EXPECT_EQ(around, 1);
    }
  }
  EXPECT_EQ(parts, kSteps * parts_of_a_step);
  const std::string trace = ChromeTrace(*profile);
  for (const char* part :
       {"\"name\":\"hidden1/matmul\"", "\"ops\":\"matmul, add, relu\"",
        "\"flops\":7", "\"thread_name\"", "worker 1", "run at step 2"}) {
    EXPECT_NE(trace.find(part), std::string::npos) << part;
  }
}

TEST(ProfileTest, WhatDoesNotFitIsCounted) {
  const Model model = MakeModel();
  const auto profile = std::make_shared<Profile>(5);
  absl::StatusOr<Session> session =
      Session::Create(model.graph, {.num_threads = 1, .profile = profile});
  ASSERT_TRUE(session.ok());
  ASSERT_TRUE(session->Run(model.program, model.feeds).ok());
  EXPECT_EQ(profile->events()[0].size(), 5u);
  EXPECT_GT(profile->num_dropped(), 0);
  EXPECT_NE(ChromeTrace(*profile).find(
                StrCat("\"dropped_events\":", profile->num_dropped())),
            std::string::npos);
}

TEST(ExplainTest, SaysWhatBecameOfTheProgram) {
  const Model model = MakeModel();
  absl::StatusOr<Session> session = Session::Create(model.graph);
  ASSERT_TRUE(session.ok());
  const absl::StatusOr<std::string> text =
      session->Explain(model.program, model.feeds);
  ASSERT_TRUE(text.ok()) << text.status();
  for (const char* part :
       {"specialize: ", "fold: ", "prune: ", "kernels: ", "matmul, relu",
        "memory: ", "states ", "slow products: none"}) {
    EXPECT_NE(text->find(part), std::string::npos) << part << "\n" << *text;
  }
  EXPECT_EQ(session->step(), 0);
}

}  // namespace
}  // namespace evengrad
