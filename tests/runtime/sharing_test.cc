#include "evengrad/runtime/sharing.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>

namespace evengrad {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

struct Machine {
  nanoseconds shared;
  nanoseconds alone;
};

// What `total` of runs on such a machine held.
struct Summary {
  int64_t shared_runs = 0;
  int64_t alone_runs = 0;
  nanoseconds time = {};
};

Summary Simulate(Sharing& sharing, const Machine& machine, nanoseconds total) {
  Summary summary;
  while (summary.time < total) {
    const bool shared = sharing.shared();
    (shared ? summary.shared_runs : summary.alone_runs) += 1;
    const nanoseconds time = shared ? machine.shared : machine.alone;
    sharing.Add(time);
    summary.time += time;
  }
  return summary;
}

constexpr Machine kNear = {microseconds(180), microseconds(270)};
constexpr Machine kFar = {microseconds(420), microseconds(270)};

TEST(SharingTest, SharesAndRarelyTriesOtherwise) {
  Sharing sharing;
  EXPECT_TRUE(sharing.shared());
  const Summary summary = Simulate(sharing, kNear, milliseconds(10000));
  EXPECT_GT(summary.alone_runs, 0);
  EXPECT_LT(summary.alone_runs * 270, summary.shared_runs * 180 / 100);
}

TEST(SharingTest, FindsWhatIsFasterAndThatItNoLongerIs) {
  Sharing sharing;
  for (int i = 0; i < 3; ++i) {
    Simulate(sharing, kFar, milliseconds(1200));
    const Summary far = Simulate(sharing, kFar, milliseconds(2000));
    EXPECT_LT(far.shared_runs * 420, far.alone_runs * 270 / 50);
    Simulate(sharing, kNear, milliseconds(1200));
    const Summary near = Simulate(sharing, kNear, milliseconds(2000));
    EXPECT_LT(near.alone_runs * 270, near.shared_runs * 180 / 50);
  }
}

// A hundredth at most, though every trial takes ten times as long.
TEST(SharingTest, TrialsCostLittle) {
  Sharing sharing;
  const Machine many = {microseconds(400), microseconds(4000)};
  const Summary summary = Simulate(sharing, many, milliseconds(20000));
  EXPECT_GT(summary.alone_runs, 0);
  EXPECT_LT(summary.alone_runs * 4000, summary.shared_runs * 400 / 50);
}

TEST(SharingTest, LongRunsAreAlwaysShared) {
  Sharing sharing;
  const Machine slow = {milliseconds(30), milliseconds(20)};
  EXPECT_EQ(Simulate(sharing, slow, milliseconds(20000)).alone_runs, 0);
}

// One run in four takes a time slice of somebody else longer.
TEST(SharingTest, DisturbedRunsDecideNothing) {
  Sharing sharing;
  int64_t alone = 0;
  for (int run = 0; run < 20000; ++run) {
    const bool shared = sharing.shared();
    alone += shared ? 0 : 1;
    const nanoseconds time = shared ? kNear.shared : kNear.alone;
    sharing.Add(run % 4 == 0 ? time + milliseconds(4) : time);
  }
  EXPECT_LT(alone, 20000 / 50);
}

// Nothing to choose: what is as fast is left as it is.
TEST(SharingTest, AsFastIsNotFaster) {
  Sharing sharing;
  const Machine same = {microseconds(100), microseconds(95)};
  const Summary summary = Simulate(sharing, same, milliseconds(5000));
  EXPECT_LT(summary.alone_runs, summary.shared_runs / 100);
}

}  // namespace
}  // namespace evengrad
