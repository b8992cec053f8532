// A run that goes on clips and observes as one that was not cut.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "evengrad/graph/status.h"
#include "tests/formats/file_testing.h"
#include "tests/train/tiny_training.h"

namespace evengrad {
namespace {

constexpr int64_t kSteps = 21;  // of three epochs of 50 examples, 8 a batch

// AutoClip, whose window of norms wraps around, and statistics whose records
// are kept as text.
struct WatchedTraining {
  explicit WatchedTraining(int64_t every = 2, uint64_t seed = 1)
      : statistics(std::make_shared<LayerStatistics>(LayerStatisticsOptions{
            .every_n_steps = every,
            .dead_window = 3,
            .on_record =
                [this](const StatisticsRecord& record) {
                  records += StatisticsCsvLines(record);
                  for (const Finding& f : statistics->findings()) {
                    records += StrCat(f.text, " since ", f.since, "\n");
                  }
                  return absl::OkStatus();
                }})),
        run(Adam{.learning_rate = 0.05}, seed, 8,
            {AutoClip(10, {.window = 5}), statistics}) {}

  absl::StatusOr<FitResult> Fit(const std::string& directory, bool resume,
                                int64_t last_step = -1) {
    std::atomic<bool> interrupt = false;
    int64_t step = 0;
    return run.Fit(
        {.epochs = 3,
         .batch_size = 8,
         .seed = 5,
         .on_step = [&](const StepReport&) { interrupt = ++step == last_step; },
         .interrupt = &interrupt,
         .checkpoints = {.directory = directory, .keep = 0, .resume = resume}});
  }

  std::string records;
  std::shared_ptr<LayerStatistics> statistics;
  TinyTraining run;
};

void ExpectSameStates(const Session& a, const Session& b) {
  ASSERT_EQ(a.StateNames(), b.StateNames());
  for (const std::string& name : a.StateNames()) {
    EXPECT_TRUE(*a.Read(name) == *b.Read(name)) << name;
  }
}

TEST(CheckpointHooksTest, ClippingAndStatisticsGoOn) {
  WatchedTraining whole;
  const absl::StatusOr<FitResult> expected =
      whole.Fit(PathForTest("whole"), false);
  ASSERT_TRUE(expected.ok()) << expected.status();
  const ClippingReport report =
      *ReadClippingReport(*whole.run.session, "auto_clip");
  EXPECT_EQ(report.steps, kSteps);
  EXPECT_GT(report.acted, 0);
  for (const int64_t cut : {1, 4, 7, 9, 20}) {
    SCOPED_TRACE(cut);
    const std::string directory = PathForTest("cut");
    WatchedTraining first;
    ASSERT_TRUE(first.Fit(directory, false, cut).ok());
    WatchedTraining second(2, 77);
    const absl::StatusOr<FitResult> after = second.Fit(directory, true);
    ASSERT_TRUE(after.ok()) << after.status();
    EXPECT_EQ(after->steps, kSteps);
    EXPECT_EQ(first.records + second.records, whole.records);
    ExpectSameStates(*second.run.session, *whole.run.session);
    EXPECT_EQ(ContentsOf(after->checkpoint), ContentsOf(expected->checkpoint));
  }
}

// Who only looks may come, go and look at other steps.
TEST(CheckpointHooksTest, StatisticsMayBeginAndEndWithAnyRun) {
  WatchedTraining whole;
  ASSERT_TRUE(whole.Fit(PathForTest("whole"), false).ok());
  const auto clip = [] { return AutoClip(10, {.window = 5}); };
  const std::string directory = PathForTest("run");
  WatchedTraining first;
  ASSERT_TRUE(first.Fit(directory, false, 5).ok());
  TinyTraining second(Adam{.learning_rate = 0.05}, 1, 8, {clip()});
  std::atomic<bool> interrupt = false;
  int64_t step = 0;
  const absl::StatusOr<FitResult> unwatched = second.Fit(
      {.epochs = 3,
       .batch_size = 8,
       .seed = 5,
       .on_step = [&](const StepReport&) { interrupt = ++step == 5; },
       .interrupt = &interrupt,
       .checkpoints = {.directory = directory, .keep = 0, .resume = true}});
  ASSERT_TRUE(unwatched.ok()) << unwatched.status();
  EXPECT_EQ(unwatched->steps, 10);
  WatchedTraining third(3);
  const absl::StatusOr<FitResult> last = third.Fit(directory, true);
  ASSERT_TRUE(last.ok()) << last.status();
  EXPECT_EQ(third.records.substr(0, 3), "12,");
  ExpectSameStates(*third.run.session, *whole.run.session);
}

}  // namespace
}  // namespace evengrad
