// The workers of a session.
//
//   ThreadPool pool(2);
//   pool.Run(num_parts, [&](int part, int worker) { … });
//
// The caller is worker 0 and does what no other worker has begun, so that a
// worker the operating system holds back costs no more than the task it is in.
// Idle workers watch for work for a bounded time, then sleep. One that wakes on
// the caller's core, as happens where all cores are busy, goes to another (on
// Linux, where threads are not more than cores).
#ifndef EVENGRAD_RUNTIME_THREAD_POOL_H_
#define EVENGRAD_RUNTIME_THREAD_POOL_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>
#include <type_traits>
#include <vector>

#include "evengrad/graph/export.h"
#include "evengrad/runtime/core.h"
#include "evengrad/runtime/event_count.h"

namespace evengrad {

class EVENGRAD_EXPORT ThreadPool {
 public:
  // Called once for each task, on worker 0 <= worker < num_threads(). Must not
  // throw and must not call Run of the same pool.
  using Function = void (*)(void* argument, int task, int worker);

  // Workers, the calling thread included; 0 or less: one a core. Has fewer
  // where the system gives no more threads.
  explicit ThreadPool(int num_threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int num_threads() const { return static_cast<int>(threads_.size()) + 1; }

  // Calls function(argument, task, worker) for every 0 <= task < num_tasks and
  // returns when all have returned. Tasks begin in order; who runs which is
  // decided by who is free. Allocates nothing. One call at a time.
  void Run(int num_tasks, Function function, void* argument);

  // The same for a callable as function(task, worker).
  template <typename Callable>
  void Run(int num_tasks, Callable&& callable) {
    using Target = std::remove_reference_t<Callable>;
    Run(
        num_tasks,
        [](void* argument, int task, int worker) {
          (*static_cast<Target*>(argument))(task, worker);
        },
        const_cast<void*>(static_cast<const void*>(&callable)));
  }

 private:
  void Work(int worker);
  int RunTasks(int worker);
  int ClaimTask();

  // The current job; written only while no task is unclaimed or unfinished.
  Function function_ = nullptr;
  void* argument_ = nullptr;
  uint32_t num_tasks_ = 0;
  std::chrono::nanoseconds spin_time_{};
  bool has_core_each_ = false;  // no more threads than cores
  std::atomic<int> callers_core_{kUnknownCore};
  // Tasks that nobody has claimed. Whoever lowers it by one owns a task of the
  // job that is current then, whichever job it looked at before.
  alignas(64) std::atomic<uint32_t> unclaimed_{0};
  // Tasks that have not returned.
  alignas(64) std::atomic<uint32_t> unfinished_{0};
  alignas(64) EventCount tasks_to_claim_;
  alignas(64) EventCount tasks_finished_;
  std::vector<std::thread> threads_;
};

}  // namespace evengrad

#endif  // EVENGRAD_RUNTIME_THREAD_POOL_H_
