#include "evengrad/runtime/core.h"

#include <gtest/gtest.h>

#if defined(__linux__)
#include <sched.h>
#endif

#include <climits>
#include <cstddef>
#include <thread>

namespace evengrad {
namespace {

TEST(CoreTest, LeavesNoCoreThatIsUnknown) {
  for (const int core : {kUnknownCore, INT_MIN, INT_MAX}) LeaveCore(core);
  EXPECT_GE(CurrentCore(), kUnknownCore);
}

#if defined(__linux__)

cpu_set_t AllowedCores() {
  cpu_set_t cores;
  EXPECT_EQ(sched_getaffinity(0, sizeof(cores), &cores), 0);
  return cores;
}

void Allow(const cpu_set_t& cores) {
  EXPECT_EQ(sched_setaffinity(0, sizeof(cores), &cores), 0);
}

cpu_set_t Only(int core) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET(static_cast<size_t>(core), &cores);
  return cores;
}

TEST(CoreTest, GoesToAnotherAndMayStillRunOnAll) {
  const cpu_set_t all = AllowedCores();
  if (CPU_COUNT(&all) < 2) GTEST_SKIP() << "there is one core only";
  // A thread of its own; the system may move it back at any time.
  std::thread([&] {
    bool moved = false;
    for (int i = 0; i < 100 && !moved; ++i) {
      const int core = CurrentCore();
      Allow(Only(core));
      Allow(all);
      LeaveCore(core);
      moved = CurrentCore() != core;
      const cpu_set_t allowed = AllowedCores();
      EXPECT_TRUE(CPU_EQUAL(&allowed, &all));
    }
    EXPECT_TRUE(moved);
  }).join();
}

TEST(CoreTest, StaysWhereItMayRunNowhereElse) {
  std::thread([] {
    const int core = CurrentCore();
    const cpu_set_t only = Only(core);
    Allow(only);
    LeaveCore(core);
    EXPECT_EQ(CurrentCore(), core);
    const cpu_set_t allowed = AllowedCores();
    EXPECT_TRUE(CPU_EQUAL(&allowed, &only));
  }).join();
}

#endif

}  // namespace
}  // namespace evengrad
