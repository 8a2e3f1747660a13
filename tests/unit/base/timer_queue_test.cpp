// SPDX-License-Identifier: Apache-2.0
#include "base/timer_queue.h"

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <mutex>
#include <vector>

namespace lazymirror {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kLimit{30};

bool comes(std::future<void>& future) {
  return future.wait_for(kLimit) == std::future_status::ready;
}

TEST(TimerQueueTest, RunsInTheOrderOfTimeNotOfCall) {
  std::mutex mutex;
  std::vector<int> order;
  std::promise<void> last;
  auto future = last.get_future();
  TimerQueue timers;
  const auto note = [&](int n) {
    const std::lock_guard lock(mutex);
    order.push_back(n);
    if (n == 3) last.set_value();
  };
  const SteadyTime now = std::chrono::steady_clock::now();
  timers.run_at(now + milliseconds(60), [&] { note(3); });
  timers.run_at(now + milliseconds(20), [&] { note(1); });
  timers.run_at(now + milliseconds(40), [&] { note(2); });
  ASSERT_TRUE(comes(future));
  EXPECT_EQ(order, (std::vector{1, 2, 3}));
}

TEST(TimerQueueTest, NeverRunsEarly) {
  TimerQueue timers;
  std::promise<SteadyTime> ran;
  const SteadyTime due = std::chrono::steady_clock::now() + milliseconds(30);
  timers.run_at(due, [&] { ran.set_value(std::chrono::steady_clock::now()); });
  auto future = ran.get_future();
  ASSERT_EQ(future.wait_for(kLimit), std::future_status::ready);
  EXPECT_GE(future.get(), due);
}

TEST(TimerQueueTest, AnEarlierTimeWakesTheThread) {
  TimerQueue timers;
  timers.run_after(hours(1), [] {});
  std::promise<void> ran;
  auto future = ran.get_future();
  timers.run_after(milliseconds(1), [&] { ran.set_value(); });
  EXPECT_TRUE(comes(future));
}

TEST(TimerQueueTest, CancelledFunctionsDoNotRunAndLetGoOfTheirCaptures) {
  TimerQueue timers;
  auto held = std::make_shared<int>(0);
  const TimerId id = timers.run_after(hours(1), [held] { ++*held; });
  EXPECT_EQ(held.use_count(), 2);
  EXPECT_TRUE(timers.cancel(id));
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_FALSE(timers.cancel(id)) << "only once";
  EXPECT_EQ(*held, 0);
}

TEST(TimerQueueTest, WhatHasRunCannotBeCancelled) {
  TimerQueue timers;
  std::promise<void> ran;
  auto future = ran.get_future();
  const TimerId id = timers.run_after(milliseconds(0), [&] { ran.set_value(); });
  ASSERT_TRUE(comes(future));
  EXPECT_FALSE(timers.cancel(id));
}

TEST(TimerQueueTest, CanBeUsedFromAFunctionThatRuns) {
  TimerQueue timers;
  std::promise<void> ran;
  auto future = ran.get_future();
  const TimerId victim = timers.run_after(hours(1), [] {});
  timers.run_after(milliseconds(0), [&] {
    EXPECT_TRUE(timers.cancel(victim));
    timers.run_after(milliseconds(0), [&] { ran.set_value(); });
  });
  EXPECT_TRUE(comes(future));
}

TEST(TimerQueueTest, DestructionDropsWhatIsPending) {
  auto held = std::make_shared<int>(0);
  {
    TimerQueue timers;
    timers.run_after(hours(1), [held] { ++*held; });
  }
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_EQ(*held, 0);
}

}  // namespace
}  // namespace lazymirror
