// Whether workers share a program's kernels, or one runs them all: decided by
// how long either takes. Where cores are far from each other, or in use,
// handing small kernels over can cost more than it saves.
#ifndef EVENGRAD_RUNTIME_SHARING_H_
#define EVENGRAD_RUNTIME_SHARING_H_

#include <algorithm>
#include <chrono>

#include "evengrad/graph/export.h"

namespace evengrad {

// Of one program; its results are the same either way. Now and then some runs
// try the other way, which is taken when it is a tenth faster. Trials cost
// about a hundredth of the time, or less. Long runs are always shared.
class EVENGRAD_EXPORT Sharing {
 public:
  using Nanoseconds = std::chrono::nanoseconds;

  // Of the next run.
  bool shared() const { return trial_runs_left_ > 0 ? !shared_ : shared_; }

  // What that run took.
  void Add(Nanoseconds time);

 private:
  void EndTrial();

  static constexpr Nanoseconds kNever = Nanoseconds::max();

  bool shared_ = true;  // outside trials
  int trial_runs_left_ = 0;
  Nanoseconds wait_ = {};  // between trials
  Nanoseconds since_trial_ = {};
  // The shortest run of the trial; of the block of runs under way, and of the
  // one before it.
  Nanoseconds tried_ = kNever;
  Nanoseconds block_ = kNever;
  Nanoseconds block_before_ = kNever;
  int runs_of_block_ = 0;
};

}  // namespace evengrad

#endif  // EVENGRAD_RUNTIME_SHARING_H_
