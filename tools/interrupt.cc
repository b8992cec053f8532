#include "interrupt.h"

#include <csignal>

namespace evengrad::tools {
namespace {

std::atomic<bool> interrupted = false;
static_assert(std::atomic<bool>::is_always_lock_free);

}  // namespace

void EndAfterStep() {
  struct sigaction action = {};
  action.sa_handler = [](int) { interrupted.store(true); };
  action.sa_flags = SA_RESETHAND;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction before = {};
    sigaction(signal, nullptr, &before);
    // One that is ignored stays so: nohup asks for it.
    if (before.sa_handler != SIG_IGN) sigaction(signal, &action, nullptr);
  }
}

std::atomic<bool>& Interrupted() { return interrupted; }

}  // namespace evengrad::tools
