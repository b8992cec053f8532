#include "evengrad/runtime/sharing.h"

#include <utility>

namespace evengrad {
namespace {

using std::chrono::milliseconds;

// Of so many runs one is not disturbed.
constexpr int kTrialRuns = 3;
constexpr int kRunsOfBlock = 8;
// The time between trials is doubled while they change nothing.
constexpr milliseconds kShortestWait{100};
constexpr milliseconds kLongestWait{300};
// What a trial may cost of the time until the next one.
constexpr int kCostOfTrials = 100;
// Handing kernels over costs little of what takes so long.
constexpr milliseconds kLongRun{5};

}  // namespace

void Sharing::Add(Nanoseconds time) {
  if (trial_runs_left_ > 0) {
    tried_ = std::min(tried_, time);
    if (--trial_runs_left_ == 0) EndTrial();
    return;
  }
  since_trial_ += time;
  block_ = std::min(block_, time);
  if (++runs_of_block_ < kRunsOfBlock) return;
  const Nanoseconds best = std::min(block_, block_before_);
  block_before_ = std::exchange(block_, kNever);
  runs_of_block_ = 0;
  if (best > kLongRun && shared_) return;
  if (since_trial_ < std::max<Nanoseconds>(wait_, kShortestWait)) return;
  block_before_ = best;  // what the trial is compared with
  tried_ = kNever;
  trial_runs_left_ = kTrialRuns;
}

void Sharing::EndTrial() {
  const Nanoseconds best = block_before_;
  if (tried_ < best - best / 10) {
    shared_ = !shared_;
    wait_ = kShortestWait;
  } else {
    const Nanoseconds cost =
        kTrialRuns * std::max(tried_ - best, Nanoseconds(0));
    wait_ = std::max<Nanoseconds>(
        std::clamp<Nanoseconds>(2 * wait_, kShortestWait, kLongestWait),
        kCostOfTrials * cost);
  }
  since_trial_ = {};
  block_ = block_before_ = kNever;
  runs_of_block_ = 0;
}

}  // namespace evengrad
