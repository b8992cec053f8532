#include "evengrad/runtime/core.h"

#if defined(__linux__)
#include <sched.h>

#include <cstddef>
#endif

namespace evengrad {

#if defined(__linux__)

int CurrentCore() { return sched_getcpu(); }

void LeaveCore(int core) {
  // Sets of cores have room for so many.
  if (core < 0 || core >= CPU_SETSIZE || CurrentCore() != core) return;
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return;
  cpu_set_t others = allowed;
  CPU_CLR(static_cast<size_t>(core), &others);
  if (CPU_COUNT(&others) == 0) return;
  if (sched_setaffinity(0, sizeof(others), &others) != 0) return;
  sched_setaffinity(0, sizeof(allowed), &allowed);
}

#else

int CurrentCore() { return kUnknownCore; }
void LeaveCore(int) {}

#endif

}  // namespace evengrad
