#include "evengrad/runtime/thread_pool.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace evengrad {
namespace {

TEST(ThreadPoolTest, HasTheThreadsItIsAskedFor) {
  EXPECT_EQ(ThreadPool(1).num_threads(), 1);
  EXPECT_EQ(ThreadPool(3).num_threads(), 3);
  EXPECT_GE(ThreadPool(0).num_threads(), 1);
  EXPECT_EQ(ThreadPool(0).num_threads(), ThreadPool(-5).num_threads());
}

TEST(ThreadPoolTest, RunsEveryTaskOnce) {
  for (int num_threads : {1, 2, 5}) {
    ThreadPool pool(num_threads);
    for (int num_tasks : {0, 1, 2, 3, 100, 5000}) {
      std::vector<std::atomic<int>> runs(static_cast<size_t>(num_tasks));
      pool.Run(num_tasks, [&](int task, int worker) {
        EXPECT_GE(worker, 0);
        EXPECT_LT(worker, num_threads);
        runs[task].fetch_add(1);
      });
      for (const std::atomic<int>& count : runs) EXPECT_EQ(count, 1);
    }
  }
}

TEST(ThreadPoolTest, TheCallerIsWorkerZero) {
  ThreadPool pool(3);
  const std::thread::id caller = std::this_thread::get_id();
  std::atomic<int> wrong = 0;
  pool.Run(1000, [&](int, int worker) {
    if ((worker == 0) != (std::this_thread::get_id() == caller)) ++wrong;
  });
  EXPECT_EQ(wrong, 0);
}

// What tasks write without atomics is seen by the caller and by later jobs.
TEST(ThreadPoolTest, ManyShortJobsInARow) {
  ThreadPool pool(4);
  std::vector<int64_t> sums(7, 0);
  int64_t expected = 0;
  for (int job = 0; job < 20000; ++job) {
    const int num_tasks = 1 + job % 7;
    pool.Run(num_tasks, [&](int task, int) { sums[task] += job; });
    expected += int64_t{job} * num_tasks;
  }
  int64_t total = 0;
  for (int64_t sum : sums) total += sum;
  EXPECT_EQ(total, expected);
}

TEST(ThreadPoolTest, WorkersThatSleepWakeUp) {
  ThreadPool pool(2);
  std::atomic<int> runs = 0;
  for (int i = 0; i < 20; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    pool.Run(8, [&](int, int) { runs.fetch_add(1); });
  }
  EXPECT_EQ(runs, 160);
}

// Two tasks that wait for each other end only if two workers run them.
TEST(ThreadPoolTest, TasksRunAtTheSameTime) {
  ThreadPool pool(2);
  for (int i = 0; i < 100; ++i) {
    std::atomic<int> begun = 0;
    pool.Run(2, [&](int, int) {
      begun.fetch_add(1);
      while (begun.load() < 2) std::this_thread::yield();
    });
    EXPECT_EQ(begun, 2);
  }
}

// A slow task does not hold the others back: the caller runs them.
TEST(ThreadPoolTest, TheCallerDoesWhatIsLeft) {
  ThreadPool pool(2);
  std::vector<int> worker_of(50, -1);
  pool.Run(50, [&](int task, int worker) {
    worker_of[task] = worker;
    if (worker != 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  });
  int by_caller = 0;
  for (int worker : worker_of) by_caller += worker == 0 ? 1 : 0;
  EXPECT_GT(by_caller, 0);
}

TEST(ThreadPoolTest, PoolsAreIndependent) {
  std::atomic<int> runs = 0;
  auto use = [&] {
    ThreadPool pool(3);
    for (int i = 0; i < 500; ++i) {
      pool.Run(6, [&](int, int) { runs.fetch_add(1); });
    }
  };
  std::thread other(use);
  use();
  other.join();
  EXPECT_EQ(runs, 6000);
}

}  // namespace
}  // namespace evengrad
