#include "tools/interrupt.h"

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <thread>

namespace evengrad::tools {
namespace {

// What the signal's handler does is done when raise() returns.
void RaiseTwice(int signal, std::chrono::milliseconds between) {
  EndAfterStep();
  raise(signal);
  if (!Interrupted()) std::exit(1);
  std::this_thread::sleep_for(between);
  raise(signal);
  std::exit(0);
}

TEST(InterruptTest, OneThatIsToldTwiceIsOne) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    EXPECT_EXIT(RaiseTwice(signal, std::chrono::milliseconds(0)),
                ::testing::ExitedWithCode(0), "");
  }
}

TEST(InterruptTest, ASecondOneEndsTheProgram) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    EXPECT_EXIT(RaiseTwice(signal, std::chrono::milliseconds(300)),
                ::testing::KilledBySignal(signal), "");
  }
}

TEST(InterruptTest, WhatIsIgnoredStaysSo) {
  EXPECT_EXIT(
      {
        signal(SIGHUP, SIG_IGN);
        EndAfterStep();
        raise(SIGHUP);
        std::exit(Interrupted() ? 1 : 0);
      },
      ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace evengrad::tools
