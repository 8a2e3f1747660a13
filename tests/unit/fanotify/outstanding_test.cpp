// SPDX-License-Identifier: Apache-2.0
//
// What waits, and the life of workers: arithmetic without a kernel.
#include "fanotify/outstanding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fanotify/worker_health.h"

namespace lazymirror::fanotify {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const SteadyTime kStart = SteadyTime{} + std::chrono::hours(1);

Event event(std::uint64_t offset) { return {Event::Kind::read, UniqueFd(), offset, 4096, 1}; }

TEST(OutstandingEvents, KeepTheirTicketsInOrderUntilTaken) {
  Outstanding waiting;
  const Ticket first = waiting.add(event(0), kStart + seconds(2));
  const Ticket second = waiting.add(event(4096), kStart + seconds(1));
  EXPECT_THAT(waiting.tickets(), ElementsAre(first, second));
  EXPECT_EQ(waiting.take(first)->offset, 0U);
  EXPECT_FALSE(waiting.take(first));
  EXPECT_EQ(waiting.find(first), nullptr);
  EXPECT_EQ(message_of(second, *waiting.find(second)).offset, 4096U);
  EXPECT_GT(waiting.add(event(0), kStart), second);
}

TEST(OutstandingEvents, AreOverdueAtTheirDeadline) {
  Outstanding waiting;
  EXPECT_FALSE(waiting.next_deadline());
  const Ticket late = waiting.add(event(0), kStart + seconds(5));
  const Ticket soon = waiting.add(event(0), kStart + seconds(1));
  EXPECT_EQ(waiting.next_deadline(), kStart + seconds(1));
  EXPECT_THAT(waiting.overdue(kStart), IsEmpty());
  EXPECT_THAT(waiting.overdue(kStart + seconds(1)), ElementsAre(soon));
  waiting.extend(soon, kStart + seconds(9));
  EXPECT_THAT(waiting.overdue(kStart + seconds(8)), ElementsAre(late));
  waiting.extend(12345, kStart);  // nobody's ticket
  EXPECT_EQ(waiting.next_deadline(), kStart + seconds(5));
}

TEST(OutstandingEvents, CountAWalkOncePerEntry) {
  Outstanding waiting;
  EXPECT_TRUE(waiting.add_walk(7, kStart + seconds(1)));
  EXPECT_FALSE(waiting.add_walk(7, kStart + seconds(9)));
  EXPECT_EQ(waiting.next_deadline(), kStart + seconds(1));
  waiting.extend_walk(7, kStart + seconds(3));
  EXPECT_THAT(waiting.overdue_walks(kStart + seconds(2)), IsEmpty());
  EXPECT_THAT(waiting.overdue_walks(kStart + seconds(3)), ElementsAre(7));
  EXPECT_THAT(waiting.walks(), ElementsAre(7));
  EXPECT_TRUE(waiting.take_walk(7));
  EXPECT_FALSE(waiting.take_walk(7));
}

TEST(WorkersHealth, AsksForALifeSignTwiceASecondAndGivesUpAfterFour) {
  WorkerHealth health{{}};
  health.started(kStart, false);
  EXPECT_TRUE(health.is_ping_due(kStart));
  health.pinged(kStart);
  EXPECT_FALSE(health.is_ping_due(kStart + milliseconds(499)));
  EXPECT_TRUE(health.is_ping_due(kStart + milliseconds(500)));
  health.sign_of_life(kStart + seconds(3));
  EXPECT_FALSE(health.is_hanging(kStart + milliseconds(6'999)));
  EXPECT_TRUE(health.is_hanging(kStart + seconds(7)));
  health.given_up();
  EXPECT_FALSE(health.is_hanging(kStart + seconds(60)));
}

TEST(WorkersHealth, LetsTheFirstStartTakeItsTime) {
  WorkerHealth health{{}};
  health.started(kStart, true);
  EXPECT_FALSE(health.is_hanging(kStart + std::chrono::hours(1)));
  health.sign_of_life(kStart);
  EXPECT_TRUE(health.is_hanging(kStart + seconds(4)));
}

TEST(WorkersHealth, StartsAgainAtOnceAfterAWorkerThatLived) {
  WorkerHealth health{{}};
  for (int i = 0; i < 100; ++i) {
    health.started(kStart, false);
    health.sign_of_life(kStart);
    health.ended(kStart);
    EXPECT_TRUE(health.is_start_due(kStart));
  }
  EXPECT_EQ(health.failures(), 0U);
}

TEST(WorkersHealth, PausesAndAllowsMoreTimeWhenStartsFail) {
  WorkerHealth health{{}};
  for (unsigned i = 1; i < WorkerHealth::kFewFailures; ++i) {
    health.started(kStart, false);
    health.ended(kStart);
    EXPECT_TRUE(health.is_start_due(kStart)) << i;
  }
  health.started(kStart, false);
  EXPECT_FALSE(health.is_hanging(kStart + seconds(63)));
  EXPECT_TRUE(health.is_hanging(kStart + seconds(64)));
  health.ended(kStart);
  EXPECT_FALSE(health.is_start_due(kStart));
  EXPECT_EQ(health.next(), kStart + milliseconds(100));
  for (int i = 0; i < 20; ++i) {
    health.started(kStart, false);
    health.ended(kStart);
  }
  EXPECT_EQ(health.next(), kStart + seconds(2));
}

}  // namespace
}  // namespace lazymirror::fanotify
