// SPDX-License-Identifier: Apache-2.0
#include "fanotify/pulse.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <barrier>
#include <latch>
#include <memory>
#include <thread>

#include "base/timer_queue.h"
#include "base/worker_pool.h"

namespace lazymirror::fanotify {
namespace {

using std::chrono::milliseconds;

class PulseTest : public ::testing::Test {
 protected:
  PulseTest()
      : ends_(std::move(*Channel::make_pair())),
        outbox_(ends_.second),
        pulse_(outbox_, *gate_, {pool.lane(), other.lane(), timers_.lane()},
               [this] { return threads; }) {}
  ~PulseTest() override { gate_->close(); }

  void ping() { pulse_.on_ping(now_ += milliseconds(500)); }
  // Whether there is an answer, once it must have come if it comes at all.
  bool answers() {
    ping();
    pollfd waiting{ends_.first.fd(), POLLIN, 0};
    return ::poll(&waiting, 1, 30'000) == 1 && is_pong();
  }
  // The lanes have done all they were given, but for the one that is busy. (Who leaves a
  // barrier last may still look at it.)
  void let_the_others_answer() {
    const auto both = std::make_shared<std::barrier<>>(3);
    for (int i = 0; i < 2; ++i) pool.run([both] { both->arrive_and_wait(); });
    both->arrive_and_wait();
    const auto timers = std::make_shared<std::latch>(1);
    timers_.lane().run([timers] { timers->count_down(); });
    timers->wait();
  }
  bool is_pong() {
    auto message = ends_.first.receive_from_worker();
    return message && *message && (*message)->kind == ToKeeper::Kind::pong;
  }

  // What jobs use outlives the pools.
  ThreadStates threads;
  std::latch busy{1}, end{1};
  std::atomic<int> steps{0};
  std::atomic<bool> stop{false};
  WorkerPool pool{"pool", 2}, other{"other", 1};

 private:
  std::pair<Channel, Channel> ends_;
  const std::shared_ptr<Gate> gate_ = std::make_shared<Gate>();
  Outbox outbox_;
  TimerQueue timers_;
  SteadyTime now_{std::chrono::seconds(1'000)};

 protected:
  Pulse pulse_;
};

TEST_F(PulseTest, EachPingIsAnsweredOnce) {
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(answers());
  EXPECT_FALSE(is_pong());
}

TEST_F(PulseTest, OneBusyThreadOfSeveralIsNoHang) {
  pool.run([&] { end.wait(); });
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(answers());
  end.count_down();
}

TEST_F(PulseTest, NothingIsSaidWhileALaneHangs) {
  other.run([&] {
    threads[::gettid()].state = 'S';
    busy.count_down();
    end.wait();
  });
  busy.wait();
  for (int i = 0; i < 20; ++i) ping();
  EXPECT_FALSE(is_pong());
  end.count_down();
  EXPECT_TRUE(answers()) << "that of before, once the lane has answered";
}

TEST_F(PulseTest, ALaneThatWaitsForADiskIsExcused) {
  other.run([&] {
    threads[::gettid()].state = 'D';
    busy.count_down();
    end.wait();
  });
  busy.wait();
  ping();
  let_the_others_answer();
  for (int i = 0; i < 3; ++i) ping();
  EXPECT_TRUE(is_pong());
  end.count_down();
}

TEST_F(PulseTest, LongWorkThatGetsOnIsExcused) {
  other.run([&] {
    threads[::gettid()].state = 'R';
    busy.count_down();
    while (!stop) {
      note_progress();
      ++steps;
    }
  });
  busy.wait();
  ping();
  let_the_others_answer();
  for (int i = 0; i < 3; ++i) {
    ping();
    for (const int before = steps; steps < before + 10;) std::this_thread::yield();
  }
  EXPECT_TRUE(is_pong());
  stop = true;
}

}  // namespace
}  // namespace lazymirror::fanotify
