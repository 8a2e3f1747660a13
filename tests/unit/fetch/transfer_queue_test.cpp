// SPDX-License-Identifier: Apache-2.0
#include "fetch/transfer_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace lazymirror {
namespace {

class TransferQueueTest : public ::testing::Test {
 protected:
  TicketId submit(TransferQueue& queue, Priority priority, const std::string& name) {
    return queue.submit(priority, [this, name](TicketId) { started.push_back(name); });
  }
  std::vector<std::string> started;
};

TEST_F(TransferQueueTest, StartsAtOnceWhileSlotsAreFree) {
  TransferQueue queue(2);
  submit(queue, Priority::demand, "a");
  submit(queue, Priority::demand, "b");
  submit(queue, Priority::demand, "c");
  EXPECT_EQ(started, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(queue.load().running, 2u);
  EXPECT_EQ(queue.load().waiting, 1u);
}

TEST_F(TransferQueueTest, TheStartFunctionIsGivenItsOwnTicket) {
  TransferQueue queue(1);
  TicketId seen = 0;
  const TicketId id = queue.submit(Priority::bulk, [&](TicketId ticket) { seen = ticket; });
  EXPECT_NE(id, 0u);
  EXPECT_EQ(seen, id);
}

TEST_F(TransferQueueTest, DemandGoesBeforeGuessesAndFirstComeFirstWithin) {
  TransferQueue queue(1);
  const TicketId first = submit(queue, Priority::demand, "first");
  submit(queue, Priority::bulk, "bulk");
  submit(queue, Priority::look_ahead, "look");
  submit(queue, Priority::read_ahead, "read1");
  submit(queue, Priority::read_ahead, "read2");
  const TicketId demand = submit(queue, Priority::demand, "demand");
  queue.release(first);
  queue.release(demand);
  EXPECT_EQ(started, (std::vector<std::string>{"first", "demand", "read1"}));
}

TEST_F(TransferQueueTest, KeepsAQuarterOfTheSlotsForDemand) {
  TransferQueue queue(8);
  for (int i = 0; i < 8; ++i) submit(queue, Priority::bulk, "guess");
  EXPECT_EQ(started.size(), 6u);
  submit(queue, Priority::demand, "demand");
  submit(queue, Priority::demand, "demand");
  EXPECT_EQ(started.size(), 8u);
}

TEST_F(TransferQueueTest, KeepsFourOfManySlotsForDemand) {
  TransferQueue queue(32);
  for (int i = 0; i < 32; ++i) submit(queue, Priority::bulk, "guess");
  EXPECT_EQ(started.size(), 28u);
  queue.set_capacity(100);
  for (int i = 0; i < 100; ++i) submit(queue, Priority::bulk, "guess");
  EXPECT_EQ(started.size(), 96u);
}

TEST_F(TransferQueueTest, KeepsOneOfTwoSlotsForDemandAndNoneOfOne) {
  TransferQueue two(2);
  submit(two, Priority::bulk, "a");
  submit(two, Priority::bulk, "b");
  EXPECT_EQ(started.size(), 1u);
  TransferQueue one(1);
  submit(one, Priority::bulk, "c");
  EXPECT_EQ(started.back(), "c");
}

TEST_F(TransferQueueTest, LongGuessesAreLimitedOnceMoreAndOvertaken) {
  TransferQueue queue(8);
  queue.set_streams(2);
  std::vector<TicketId> ids;
  const auto lengthy = [&](Priority priority, const std::string& name) {
    ids.push_back(queue.submit(
        priority, [this, name](TicketId) { started.push_back(name); }, Length::lengthy));
  };
  for (const char* name : {"a", "b", "c"}) lengthy(Priority::read_ahead, name);
  EXPECT_EQ(started, (std::vector<std::string>{"a", "b"}));
  submit(queue, Priority::look_ahead, "brief");
  EXPECT_EQ(started.back(), "brief");
  lengthy(Priority::demand, "wanted");
  EXPECT_EQ(started.back(), "wanted");
  queue.release(ids[0]);
  EXPECT_EQ(started.back(), "wanted") << "two long ones run still";
  queue.set_streams(3);
  EXPECT_EQ(started.back(), "c");
}

TEST_F(TransferQueueTest, LongTransfersKeepToTheConnectionsWhenStreamsAreMany) {
  TransferQueue queue(8);
  queue.set_capacity(100);
  EXPECT_EQ(queue.most_streams(), 6u);
  std::vector<TicketId> ids;
  for (int i = 0; i < 20; ++i) {
    ids.push_back(queue.submit(
        Priority::demand, [this](TicketId) { started.emplace_back("long"); }, Length::lengthy));
  }
  EXPECT_EQ(started.size(), 8u);
  EXPECT_TRUE(queue.withdraw(ids[19]));
  queue.release(ids[0]);
  EXPECT_EQ(started.size(), 9u);
  for (int i = 0; i < 50; ++i) submit(queue, Priority::demand, "brief");
  EXPECT_EQ(started.size(), 59u);
}

TEST_F(TransferQueueTest, PromotingOvertakesAndUsesAKeptSlot) {
  TransferQueue queue(2);
  submit(queue, Priority::bulk, "a");
  submit(queue, Priority::bulk, "b");
  const TicketId c = submit(queue, Priority::bulk, "c");
  queue.promote(c, Priority::demand);
  EXPECT_EQ(started, (std::vector<std::string>{"a", "c"}));
}

TEST_F(TransferQueueTest, PromotingNeverDemotes) {
  TransferQueue queue(1);
  const TicketId a = submit(queue, Priority::demand, "a");
  const TicketId b = submit(queue, Priority::demand, "b");
  submit(queue, Priority::read_ahead, "c");
  queue.promote(b, Priority::bulk);
  queue.release(a);
  EXPECT_EQ(started.back(), "b");
}

TEST_F(TransferQueueTest, WithdrawnOnesNeverStart) {
  TransferQueue queue(1);
  const TicketId a = submit(queue, Priority::demand, "a");
  const TicketId b = submit(queue, Priority::demand, "b");
  EXPECT_TRUE(queue.withdraw(b));
  EXPECT_FALSE(queue.withdraw(b));
  EXPECT_FALSE(queue.withdraw(a)) << "it runs";
  queue.release(a);
  EXPECT_EQ(started, (std::vector<std::string>{"a"}));
  EXPECT_EQ(queue.load().running, 0u);
}

TEST_F(TransferQueueTest, MoreCapacityStartsWhatWaits) {
  TransferQueue queue(1);
  for (int i = 0; i < 5; ++i) submit(queue, Priority::demand, "d");
  EXPECT_EQ(started.size(), 1u);
  queue.set_capacity(4);
  EXPECT_EQ(started.size(), 4u);
  queue.set_capacity(0);  // nonsense from a server is one slot, not a standstill
  EXPECT_EQ(queue.load().waiting, 1u);
}

TEST_F(TransferQueueTest, TransfersThatEndAtOnceDoNotGrowTheStack) {
  TransferQueue queue(1);
  int ran = 0;
  UniqueFunction<void()> unblock;
  const TicketId gate = queue.submit(Priority::demand, [](TicketId) {});
  for (int i = 0; i < 200'000; ++i) {
    queue.submit(Priority::demand, [&](TicketId id) {
      ++ran;
      queue.release(id);
    });
  }
  queue.release(gate);
  EXPECT_EQ(ran, 200'000);
}

TEST_F(TransferQueueTest, DropsWhatIsQueuedWhenDestroyed) {
  auto alive = std::make_shared<int>(0);
  {
    TransferQueue queue(1);
    queue.submit(Priority::demand, [](TicketId) {});
    queue.submit(Priority::demand, [alive](TicketId) { ++*alive; });
  }
  EXPECT_EQ(*alive, 0);
  EXPECT_EQ(alive.use_count(), 1);
}

TEST_F(TransferQueueTest, NeverExceedsItsCapacityUnderThreads) {
  TransferQueue queue(4);
  std::atomic<int> running{0}, most{0}, total{0};
  constexpr int kThreads = 4, kEach = 2'000;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        queue.submit(static_cast<Priority>((t + i) % 4), [&](TicketId id) {
          const int now = ++running;
          int seen = most.load();
          while (seen < now && !most.compare_exchange_weak(seen, now)) {
          }
          ++total;
          --running;
          queue.release(id);
        });
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(total, kThreads * kEach);
  EXPECT_LE(most, 4);
  EXPECT_EQ(queue.load().running, 0u);
}

}  // namespace
}  // namespace lazymirror
