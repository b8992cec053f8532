// What the steps that the benchmarks measure compute: against the reference
// executor in double, and fused against unfused.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "benchmarks/training_workloads.h"
#include "evengrad/runtime/reference_executor.h"

namespace evengrad {
namespace {

constexpr uint64_t kSeed = 13;  // why: deep_network_test.cc, Network::seed

double Norm(const std::vector<double>& values) {
  double squares = 0;
  for (const double x : values) squares += x * x;
  return std::sqrt(squares);
}

double NormOfDifference(std::vector<double> a, const std::vector<double>& b) {
  for (size_t i = 0; i < b.size(); ++i) a[i] -= b[i];
  return Norm(a);
}

// What rounding to f32 makes of the gradients of a layer; the deepest network
// enlarges it, and so does batch norm over few examples.
double ToleranceOf(const Workload& workload) {
  if (workload.hidden.size() >= 100) return 2e-3;
  return workload.batch_norm ? 2e-4 : 5e-5;
}

TEST(WorkloadAccuracyTest, SlotsAfterAStepAgreeWithDouble) {
  for (Workload workload : TrainingWorkloads()) {
    workload.batch = 8;  // the reference is a plain loop
    const absl::StatusOr<TrainingModel> model = MakeTrainingModel(workload);
    ASSERT_TRUE(model.ok()) << model.status();
    const auto feeds =
        RandomBatch(model->images, model->labels, workload.batch);
    ASSERT_TRUE(feeds.ok()) << feeds.status();
    std::vector<ReferenceFeed> reference_feeds;
    for (const Feed& feed : *feeds) {
      reference_feeds.push_back({feed.value, ToReference(feed.tensor)});
    }
    const absl::StatusOr<ReferenceResult> expected = RunReference(
        model->program, reference_feeds, {.seed = kSeed, .step = 1});
    ASSERT_TRUE(expected.ok()) << expected.status();
    absl::StatusOr<Session> session =
        Session::Create(model->graph, {.seed = kSeed, .num_threads = 2});
    ASSERT_TRUE(session.ok()) << session.status();
    ASSERT_TRUE(session->Run(model->program, *feeds).ok());
    // Slots hold the gradients. Those of biases before batch norm are 0, and
    // what rounding makes of 0.
    double largest = 0;
    int slots = 0;
    for (const auto& [name, state] : expected->states) {
      if (model->graph.FindNode(name).valid()) continue;  // a parameter
      largest = std::max(largest, Norm(state.values));
    }
    for (const auto& [name, state] : expected->states) {
      if (model->graph.FindNode(name).valid()) continue;
      const absl::StatusOr<Tensor> found = session->Read(name);
      ASSERT_TRUE(found.ok()) << found.status();
      EXPECT_LE(NormOfDifference(found->ToDoubles(), state.values),
                ToleranceOf(workload) * (Norm(state.values) + 1e-3 * largest))
          << workload.Name() << ": " << name;
      ++slots;
    }
    EXPECT_GE(slots, static_cast<int>(2 * workload.hidden.size()));
  }
}

TEST(WorkloadAccuracyTest, AHundredLossesAgreeFusedAndUnfused) {
  for (const Workload& workload : TrainingWorkloads()) {
    if (workload.name != "mlp_300_100") continue;
    const absl::StatusOr<TrainingModel> model = MakeTrainingModel(workload);
    ASSERT_TRUE(model.ok()) << model.status();
    const auto feeds =
        RandomBatch(model->images, model->labels, workload.batch);
    ASSERT_TRUE(feeds.ok()) << feeds.status();
    auto fused = Session::Create(model->graph, {.seed = kSeed});
    auto unfused =
        Session::Create(model->graph, {.seed = kSeed, .fuse = false});
    ASSERT_TRUE(fused.ok() && unfused.ok());
    double worst = 0;
    for (int step = 0; step < 100; ++step) {
      const auto a = fused->Run(model->program, *feeds);
      const auto b = unfused->Run(model->program, *feeds);
      ASSERT_TRUE(a.ok() && b.ok()) << a.status() << b.status();
      const double expected = *b->Scalar("loss");
      const double error = std::abs(*a->Scalar("loss") - expected) / expected;
      worst = std::max(worst, error);
    }
    EXPECT_LT(worst, 1e-3) << workload.Name();
  }
}

}  // namespace
}  // namespace evengrad
