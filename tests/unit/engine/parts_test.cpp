// SPDX-License-Identifier: Apache-2.0
//
// The engine's smaller parts by themselves.
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "engine/probe_window.h"
#include "engine/recent_failures.h"
#include "engine/single_flight.h"
#include "engine/view_cache.h"

namespace lazymirror {
namespace {

using namespace std::chrono_literals;

std::vector<EntryId> ids(EntryId first, std::size_t count) {
  std::vector<EntryId> result;
  for (std::size_t i = 0; i < count; ++i) result.push_back(first + i);
  return result;
}

TEST(ProbeWindow, OpensAtTheFirstUnsizedEntryAndMovesInHalfSteps) {
  ProbeWindow window(8);
  const auto first = window.on_use(1, 10, true);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->after, 10u);
  EXPECT_EQ(first->count, 8u);
  EXPECT_FALSE(window.on_use(1, 11, true)) << "the first step is still being made";
  window.asked(1, *first, ids(11, 8));
  for (EntryId id = 11; id < 14; ++id) EXPECT_FALSE(window.on_use(1, id, true)) << id;
  const auto second = window.on_use(1, 14, false);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->after, 18u);
  EXPECT_EQ(second->count, 4u);
}

TEST(ProbeWindow, RestsAtTheEndOfTheDirectory) {
  ProbeWindow window(8);
  const auto step = window.on_use(1, 10, true);
  window.asked(1, *step, ids(11, 3));
  EXPECT_FALSE(window.on_use(1, 13, false));
  EXPECT_TRUE(window.on_use(1, 40, true)) << "an entry that was not asked for";
}

TEST(ProbeWindow, EntriesWithASizeOpenNoWindow) {
  ProbeWindow window(8);
  EXPECT_FALSE(window.on_use(1, 10, false));
  ProbeWindow none(0);
  EXPECT_FALSE(none.on_use(1, 10, true));
}

TEST(RecentFailures, AreForgottenInTime) {
  class Hands final : public Clock {
   public:
    SteadyTime now() const override { return time; }
    std::int64_t wall_ns() const override { return 0; }
    SteadyTime time{};
  } clock;
  RecentFailures failures(Duration(1'000), clock);
  failures.remember(5, Error{Errc::denied, "403", 0});
  EXPECT_EQ(failures.recall(5)->code, Errc::denied);
  EXPECT_FALSE(failures.recall(6));
  clock.time += 2s;
  EXPECT_FALSE(failures.recall(5));
}

TEST(SingleFlight, TheFirstStartsTheOthersWait) {
  TransferQueue queue(1);
  TimerQueue timers;
  SingleFlight<int> flights(queue, timers, "late");
  const RequestContext soon{Priority::demand, std::chrono::steady_clock::now() + 30s};
  int sum = 0, starts = 0;
  EXPECT_TRUE(flights.join(7, soon, [&](Result<int> r) { sum += *r; }));
  EXPECT_FALSE(flights.join(7, soon, [&](Result<int> r) { sum += *r; }));
  flights.submit(7, [&](TicketId) { ++starts; });
  flights.complete(7, 21);
  EXPECT_EQ(sum, 42);
  EXPECT_EQ(starts, 1);
  EXPECT_TRUE(flights.join(7, soon, [&](Result<int>) {})) << "a new question";
  flights.stop();
}

TEST(SingleFlight, AWaiterPromotesWhatWasAGuess) {
  TransferQueue queue(1);
  TimerQueue timers;
  SingleFlight<int> flights(queue, timers, "late");
  std::vector<int> started;
  const TicketId gate = queue.submit(Priority::demand, [](TicketId) {});
  for (int key : {1, 2, 3}) {
    ASSERT_TRUE(flights.begin(static_cast<EntryId>(key), Priority::look_ahead));
    flights.submit(static_cast<EntryId>(key),
                   [&started, key](TicketId) { started.push_back(key); });
  }
  EXPECT_FALSE(flights.begin(3, Priority::demand)) << "under way";
  EXPECT_FALSE(flights.join(3, {Priority::demand, std::chrono::steady_clock::now() + 30s},
                            [](Result<int>) {}));
  queue.release(gate);
  EXPECT_EQ(started, (std::vector<int>{3}));
  flights.stop();
}

ViewCache::View view_of(EntryId id, std::size_t items) {
  auto view = std::make_shared<DirectoryView>();
  view->id = id;
  for (std::size_t i = 0; i < items; ++i) {
    view->items.push_back({"x", EntryKind::file, 100 + i, std::nullopt});
  }
  return view;
}

TEST(ViewCache, KeepsTheLastUsedWithinItsBound) {
  ViewCache views(25);
  for (EntryId id : {1, 2, 3}) views.put(view_of(id, 10), 0, views.begin(id));
  EXPECT_FALSE(views.find(1));
  EXPECT_TRUE(views.find(2));
  EXPECT_TRUE(views.find(3));
}

TEST(ViewCache, AViewThatWasOvertakenIsNotKept) {
  ViewCache views(100);
  const auto token = views.begin(1);
  views.drop(1);
  views.put(view_of(1, 3), 0, token);
  EXPECT_FALSE(views.find(1));
}

TEST(ViewCache, OutdatedEntriesAreHandedOutOnce) {
  ViewCache views(100);
  const auto token = views.begin(1);
  views.outdate(1, 101);  // while it is being made: cannot be known to be in it
  views.put(view_of(1, 3), 7, token);
  const auto first = views.find(1);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->outdated, (std::vector<EntryId>{101}));
  EXPECT_EQ(first->fresh_until_ns, 7);
  views.put(view_of(1, 3), 7, first->token);
  EXPECT_TRUE(views.find(1)->outdated.empty());
}

}  // namespace
}  // namespace lazymirror
