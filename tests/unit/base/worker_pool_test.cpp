// SPDX-License-Identifier: Apache-2.0
#include "base/worker_pool.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <future>
#include <latch>
#include <memory>
#include <vector>

namespace lazymirror {
namespace {

constexpr std::chrono::seconds kLimit{30};

TEST(WorkerPoolTest, OneThreadKeepsTheOrder) {
  std::vector<int> order;
  {
    WorkerPool pool("one", 1);
    for (int i = 0; i < 100; ++i) pool.run([&order, i] { order.push_back(i); });
  }
  ASSERT_EQ(order.size(), 100u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
}

TEST(WorkerPoolTest, ThreadsWorkAtTheSameTime) {
  std::latch all(3);
  WorkerPool pool("three", 3);
  std::promise<void> met;
  auto future = met.get_future();
  std::atomic<int> left{3};
  for (int i = 0; i < 3; ++i) {
    pool.run([&] {
      all.arrive_and_wait();  // no single thread would get past this
      if (--left == 0) met.set_value();
    });
  }
  EXPECT_EQ(future.wait_for(kLimit), std::future_status::ready);
}

TEST(WorkerPoolTest, DestructionRunsWhatIsQueued) {
  std::atomic<int> ran{0};
  {
    WorkerPool pool("queued", 2);
    for (int i = 0; i < 1000; ++i) pool.run([&] { ++ran; });
  }
  EXPECT_EQ(ran, 1000);
}

TEST(WorkerPoolTest, JobsCanQueueJobs) {
  std::atomic<int> ran{0};
  {
    WorkerPool pool("nested", 1);
    pool.run([&] { pool.run([&] { ++ran; }); });
  }
  EXPECT_EQ(ran, 1);
}

TEST(WorkerPoolTest, ThreadsAreNamed) {
  WorkerPool pool("a-name-that-is-too-long", 1);
  std::promise<std::string> name;
  pool.run([&] {
    std::array<char, 16> text{};
    ::pthread_getname_np(::pthread_self(), text.data(), text.size());
    name.set_value(text.data());
  });
  EXPECT_EQ(name.get_future().get(), "a-name-that-is-");
}

TEST(WorkerPoolTest, ItsLaneTellsWhoServesItAndThatItGetsOn) {
  WorkerPool pool("lane", 2);
  const Lane lane = pool.lane();
  EXPECT_EQ(lane.name, "lane");
  for (int i = 0; i < 3; ++i) {
    std::promise<pid_t> done;
    auto future = done.get_future();
    lane.run([&] {
      note_progress();
      done.set_value(::gettid());
    });
    ASSERT_EQ(future.wait_for(kLimit), std::future_status::ready);
    const auto members = lane.crew->members();
    EXPECT_NE(std::find(members.begin(), members.end(), future.get()), members.end());
  }
  EXPECT_GE(lane.crew->steps(), 3u);
}

}  // namespace
}  // namespace lazymirror
