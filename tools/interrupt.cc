#include "interrupt.h"

#include <time.h>

#include <csignal>
#include <cstdint>

namespace evengrad::tools {
namespace {

constexpr int64_t kSameMilliseconds = 200;

std::atomic<bool> interrupted = false;
std::atomic<int64_t> first_at = 0;  // milliseconds; 0: not yet
static_assert(std::atomic<bool>::is_always_lock_free &&
              std::atomic<int64_t>::is_always_lock_free);

// Calls only what a signal handler may call.
void OnSignal(int signal) {
  timespec time = {};
  clock_gettime(CLOCK_MONOTONIC, &time);
  const int64_t now = time.tv_sec * int64_t{1000} + time.tv_nsec / 1000000 + 1;
  int64_t first = 0;
  if (first_at.compare_exchange_strong(first, now)) {
    interrupted.store(true);
  } else if (now - first > kSameMilliseconds) {
    struct sigaction action = {};
    action.sa_handler = SIG_DFL;
    sigaction(signal, &action, nullptr);
    raise(signal);
  }
}

}  // namespace

void EndAfterStep() {
  struct sigaction action = {};
  action.sa_handler = OnSignal;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction before = {};
    sigaction(signal, nullptr, &before);
    // One that is ignored stays so: nohup asks for it.
    if (before.sa_handler != SIG_IGN) sigaction(signal, &action, nullptr);
  }
}

std::atomic<bool>& Interrupted() { return interrupted; }

}  // namespace evengrad::tools
