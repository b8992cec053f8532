#include "evengrad/runtime/event_count.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace evengrad {
namespace {

TEST(EventCountTest, WhatHoldsAlreadyNeedsNoWaking) {
  EventCount event;
  event.Wake(1);
  event.SleepUntil([] { return true; });
}

// A wake-up that comes just before the other falls asleep must not be lost.
TEST(EventCountTest, TwoThreadsInTurn) {
  constexpr int kTurns = 20000;
  EventCount even;
  EventCount odd;
  std::atomic<int> turn = 0;
  std::thread other([&] {
    for (int i = 1; i < kTurns; i += 2) {
      odd.SleepUntil([&] { return turn.load() == i; });
      turn.store(i + 1);
      even.Wake(1);
    }
  });
  for (int i = 0; i < kTurns; i += 2) {
    even.SleepUntil([&] { return turn.load() == i; });
    turn.store(i + 1);
    odd.Wake(1);
  }
  other.join();
  EXPECT_EQ(turn, kTurns);
}

TEST(EventCountTest, EverySleeperGetsItsTurn) {
  EventCount event;
  std::atomic<int> tickets = 0;
  std::atomic<int> taken = 0;
  auto take = [&] {
    int left = tickets.load();
    while (left > 0 && !tickets.compare_exchange_weak(left, left - 1)) {
    }
    return left > 0;
  };
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      event.SleepUntil(take);
      taken.fetch_add(1);
    });
  }
  for (int i = 0; i < 4; i += 2) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    tickets.fetch_add(2);
    event.Wake(2);
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(taken, 4);
  EXPECT_EQ(tickets, 0);
}

}  // namespace
}  // namespace evengrad
