// Where threads sleep until a condition holds.
//
// std::atomic::wait would do, but for libstdc++'s calling sched_yield before it
// sleeps: with Linux's scheduler each call forfeits the caller's share of a
// core that others want, too.
#ifndef EVENGRAD_RUNTIME_EVENT_COUNT_H_
#define EVENGRAD_RUNTIME_EVENT_COUNT_H_

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>

namespace evengrad {

class EventCount {
 public:
  // Returns when condition() is true. Whoever makes it true calls Wake
  // thereafter; what it reads are atomics that both sides access with
  // sequential consistency. It runs under a lock; all who sleep here wait for
  // the same.
  template <typename Condition>
  void SleepUntil(Condition condition) {
    std::unique_lock<std::mutex> lock(mutex_);
    sleepers_.fetch_add(1);
    wake_.wait(lock, condition);
    sleepers_.fetch_sub(1);
  }

  // Lets up to `num_threads` of those that sleep look at their condition. Costs
  // a load where nobody sleeps.
  void Wake(int num_threads) {
    int sleepers = sleepers_.load();
    if (sleepers == 0) return;
    {
      // Whoever is counted holds the lock until it waits to be woken.
      const std::lock_guard<std::mutex> lock(mutex_);
    }
    for (sleepers = std::min(sleepers, num_threads); sleepers > 0; --sleepers) {
      wake_.notify_one();
    }
  }

 private:
  std::atomic<int> sleepers_{0};
  std::mutex mutex_;
  std::condition_variable wake_;
};

}  // namespace evengrad

#endif  // EVENGRAD_RUNTIME_EVENT_COUNT_H_
