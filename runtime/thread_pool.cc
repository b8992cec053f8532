#include "evengrad/runtime/thread_pool.h"

#include <algorithm>
#include <system_error>

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#endif

namespace evengrad {
namespace {

// A value of `unclaimed_` that tells workers to end.
constexpr uint32_t kStop = UINT32_MAX;

// A sleeping worker needs some 50 µs to wake: watching that long costs at most
// twice what sleeping at once would. With more workers than cores, watching
// takes time from the one that is watched.
constexpr std::chrono::microseconds kSpinTime{80};
constexpr std::chrono::microseconds kSpinTimeWhenOversubscribed{4};

void Pause() {
#if defined(__x86_64__) || defined(__i386__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// True as soon as `condition` holds; false when it did not within `limit`.
template <typename Condition>
bool SpinUntil(Condition condition, std::chrono::nanoseconds limit) {
  constexpr int kPausesBetweenClockReads = 32;
  const auto end = std::chrono::steady_clock::now() + limit;
  do {
    for (int i = 0; i < kPausesBetweenClockReads; ++i) {
      if (condition()) return true;
      Pause();
    }
  } while (std::chrono::steady_clock::now() < end);
  return false;
}

int NumCores() {
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace

ThreadPool::ThreadPool(int num_threads) {
  const int wanted = num_threads > 0 ? num_threads : NumCores();
  has_core_each_ = wanted <= NumCores();
  spin_time_ = has_core_each_ ? kSpinTime : kSpinTimeWhenOversubscribed;
  threads_.reserve(static_cast<size_t>(wanted - 1));
  try {
    for (int worker = 1; worker < wanted; ++worker) {
      threads_.emplace_back([this, worker] { Work(worker); });
    }
  } catch (const std::system_error&) {
    // The system gives no more threads: those there are do the work.
  }
}

ThreadPool::~ThreadPool() {
  unclaimed_.store(kStop);
  tasks_to_claim_.Wake(static_cast<int>(threads_.size()));
  for (std::thread& thread : threads_) thread.join();
}

void ThreadPool::Run(int num_tasks, Function function, void* argument) {
  if (num_tasks <= 1 || threads_.empty()) {
    for (int task = 0; task < num_tasks; ++task) function(argument, task, 0);
    return;
  }
  if (has_core_each_) {
    callers_core_.store(CurrentCore(), std::memory_order_relaxed);
  }
  function_ = function;
  argument_ = argument;
  num_tasks_ = static_cast<uint32_t>(num_tasks);
  unfinished_.store(num_tasks_, std::memory_order_relaxed);
  unclaimed_.store(num_tasks_);  // publishes all of the above
  tasks_to_claim_.Wake(num_tasks - 1);

  unfinished_.fetch_sub(static_cast<uint32_t>(RunTasks(0)));
  auto finished = [&] { return unfinished_.load() == 0; };
  if (!SpinUntil(finished, spin_time_)) tasks_finished_.SleepUntil(finished);
}

void ThreadPool::Work(int worker) {
  for (;;) {
    auto woken = [&] { return unclaimed_.load() != 0; };
    const bool sleeps = !SpinUntil(woken, spin_time_);
    if (sleeps) tasks_to_claim_.SleepUntil(woken);
    if (unclaimed_.load(std::memory_order_relaxed) == kStop) return;
    if (sleeps) LeaveCore(callers_core_.load(std::memory_order_relaxed));
    const auto done = static_cast<uint32_t>(RunTasks(worker));
    if (done == 0) continue;
    if (unfinished_.fetch_sub(done) == done) tasks_finished_.Wake(1);
  }
}

// Claims and runs tasks until none is left; returns how many.
int ThreadPool::RunTasks(int worker) {
  int done = 0;
  for (int task = ClaimTask(); task >= 0; task = ClaimTask()) {
    function_(argument_, task, worker);
    ++done;
  }
  return done;
}

// The next task of the current job, or -1. Once a task is claimed the job
// cannot change before it is finished, so only then may the job be read.
int ThreadPool::ClaimTask() {
  uint32_t unclaimed = unclaimed_.load(std::memory_order_relaxed);
  do {
    if (unclaimed == 0 || unclaimed == kStop) return -1;
  } while (!unclaimed_.compare_exchange_weak(unclaimed, unclaimed - 1,
                                             std::memory_order_acquire,
                                             std::memory_order_relaxed));
  return static_cast<int>(num_tasks_ - unclaimed);
}

}  // namespace evengrad
