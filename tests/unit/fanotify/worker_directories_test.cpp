// SPDX-License-Identifier: Apache-2.0
//
// Populating, traps, look-ahead and changes, as the keeper and the user of the
// tree see them.
#include <fcntl.h>

#include <cerrno>
#include <filesystem>

#include "fanotify/trap_plan.h"
#include "support/truth.h"
#include "unit/fanotify/worker_fixture.h"

namespace lazymirror::testing {
namespace {

using fanotify::Channel;
using fanotify::Outbox;
using fanotify::TrapPlan;

class WorkerDirectoriesTest : public WorkerTest {
 protected:
  [[nodiscard]] bool stands(const std::string& path) const {
    return std::filesystem::exists(std::filesystem::symlink_status(through(path)));
  }
  // With more children than the channel has room for orders.
  static constexpr std::size_t kMany = 500;
  void put_children(const std::string& prefix) {
    for (std::size_t i = 0; i < kMany; ++i) web->put(prefix + std::to_string(i) + "/x", {1});
  }
  fanotify::Ticket tell_opendir(const std::string& path) {
    const UniqueFd fd = open_quietly(path, O_RDONLY | O_DIRECTORY);
    return keeper->tell(fd.get(), 0, 0, fanotify::Event::Kind::open);
  }
  std::size_t orders_before_answer(fanotify::Ticket ticket) {
    EXPECT_EQ(keeper->answer_to(ticket), 0);
    return keeper->look([&](const auto& said) { return said.orders_before_answer.at(ticket); });
  }
};

TEST_P(WorkerDirectoriesTest, IsReadyWhenTheRootIsPlaced) {
  web->put("/a", {123'456});
  web->put("/d/b", {1});
  start();
  EXPECT_EQ(std::filesystem::file_size(through("a")), 123'456u);
  EXPECT_TRUE(stands("d"));
  EXPECT_FALSE(stands("d/b"));
  EXPECT_TRUE(keeper->wait_until([&] { return keeper->said.traps.size() == 1; }));
  EXPECT_TRUE(has_trap("d"));
}

TEST_P(WorkerDirectoriesTest, OpendirShowsTheWholeListingInTheVeryCall) {
  for (int i = 0; i < 200; ++i) web->put("/d/f" + std::to_string(i), {kMiB});
  start();
  EXPECT_EQ(names_in_view("d").size(), 200u);
  EXPECT_EQ(keeper->wait_for_untrap(id("d")), 0);
}

TEST_P(WorkerDirectoriesTest, AFreshDirectoryIsNotAskedForAgain) {
  web->put("/d/a", {1});
  start();
  ASSERT_EQ(names_in_view("d").size(), 1u);
  ASSERT_TRUE(eventually([&] {
    const auto before = events();
    return names_in_view("d").size() == 1 && events() == before;
  })) << "the ignore mark comes a moment after the answer";
  EXPECT_EQ(web->count("LIST /d/"), 1u);
}

TEST_P(WorkerDirectoriesTest, ChildrenAreListedAheadOnceTheirParentIsOpened) {
  web->put("/d/e1/x", {1});
  web->put("/d/e2/x/y", {1});
  start();
  EXPECT_EQ(web->count("LIST /d"), 0u) << "the root was not opened yet";
  ASSERT_EQ(names_in_view("d").size(), 2u);
  EXPECT_TRUE(eventually([&] { return stands("d/e1/x") && stands("d/e2/x"); }));
  EXPECT_EQ(keeper->wait_for_untrap(id("d/e1")), 0);
  EXPECT_TRUE(keeper->wait_until([&] { return keeper->said.traps.contains(id("d/e2/x")); }));
  EXPECT_EQ(web->count("LIST /d/e2/x/"), 0u) << "no further than children";
}

TEST_P(WorkerDirectoriesTest, AWalkPopulatesThatDirectoryAndTrapsItsChildren) {
  web->put("/d/e/x", {1});
  web->put("/d/a", {77});
  start();
  keeper->tell_walk(id("d"));
  EXPECT_EQ(keeper->wait_for_untrap(id("d")), 0);
  EXPECT_EQ(std::filesystem::file_size(through("d/a")), 77u);
  EXPECT_TRUE(has_trap("d/e")) << "told before the walk went on";
  keeper->tell_walk(id("d/e"));
  EXPECT_EQ(keeper->wait_for_untrap(id("d/e")), 0);
  EXPECT_TRUE(stands("d/e/x"));
  EXPECT_EQ(web->count("LIST /d/e/"), 1u);
}

TEST_P(WorkerDirectoriesTest, NobodyGoesOnWhileTrapsBelowAreStillAskedFor) {
  options.max_traps = 10 * kMany;
  put_children("/d/e");
  start();
  ASSERT_TRUE(keeper->wait_until([&] { return keeper->said.orders == 1; }));
  keeper->stop_reading();
  (void)tell_opendir("");  // what is below is populated ahead
  ASSERT_TRUE(eventually([&] { return waits_for_the_keeper(); }));
  const auto opened = tell_opendir("d"), again = tell_opendir("d");
  keeper->tell_walk(id("d"));
  keeper->read_on();
  EXPECT_EQ(orders_before_answer(opened), 1 + kMany);
  EXPECT_EQ(orders_before_answer(again), 1 + kMany);
  EXPECT_EQ(keeper->wait_for_untrap(id("d")), 0);
  EXPECT_EQ(keeper->look([&](const auto& said) { return said.orders_before_untrap.at(id("d")); }),
            1 + kMany);
}

TEST_P(WorkerDirectoriesTest, WhoComeTogetherWaitForTheSameTraps) {
  options.max_traps = 10 * kMany;
  put_children("/d/e");
  start();
  ASSERT_TRUE(keeper->wait_until([&] { return keeper->said.orders == 1; }));
  web->hold();
  std::vector<fanotify::Ticket> opened;
  for (int i = 0; i < 3; ++i) opened.push_back(tell_opendir("d"));
  keeper->stop_reading();
  web->release();
  ASSERT_TRUE(eventually([&] { return waits_for_the_keeper(); }));
  keeper->read_on();
  for (const auto ticket : opened) EXPECT_EQ(orders_before_answer(ticket), 1 + kMany);
}

TEST_P(WorkerDirectoriesTest, NorDoesWhoOpensADirectoryThatHasChanged) {
  engine_options.ttl = Duration(60'000);
  options.max_traps = 10 * kMany;
  web->put("/d/a", {10});
  start();
  ASSERT_EQ(keeper->answer_to(tell_opendir("d")), 0);
  put_children("/d/new");
  clock.forward(Duration(120'000));
  keeper->stop_reading();
  (void)tell_opendir("d");  // and asks the origin
  ASSERT_TRUE(eventually([&] { return waits_for_the_keeper(); }));
  const auto opened = tell_opendir("d");
  keeper->read_on();
  EXPECT_EQ(orders_before_answer(opened), 1 + kMany);
}

TEST_P(WorkerDirectoriesTest, AStopGoesOnWhereTrapsAreStillAskedFor) {
  options.max_traps = 10 * kMany;
  put_children("/d/e");
  start();
  keeper->stop_reading();
  (void)tell_opendir("d");
  ASSERT_TRUE(eventually([&] { return waits_for_the_keeper(); }));
  (void)tell_opendir("d");
  keeper->tell_walk(id("d"));
  keeper->hang_up();
  const auto end = worker_end();
  ASSERT_TRUE(end);
  EXPECT_EQ(*end, fanotify::WorkerEnd::keeper_gone);
}

TEST_P(WorkerDirectoriesTest, AWalkThatFailsIsCaughtAgain) {
  web->put("/d/a", {77});
  start();
  web->fail_all(Errc::unreachable);
  keeper->tell_walk(id("d"));
  EXPECT_EQ(keeper->wait_for_untrap(id("d")), EIO);
  EXPECT_TRUE(has_trap("d"));
  web->fail_all(std::nullopt);
  keeper->tell_walk(id("d"));
  EXPECT_EQ(keeper->wait_for_untrap(id("d")), 0);
  EXPECT_TRUE(stands("d/a"));
}

TEST_P(WorkerDirectoriesTest, BeyondTheBoundOfTrapsDirectoriesAreListedAhead) {
  options.max_traps = 3;
  for (int i = 0; i < 12; ++i) web->put("/d" + std::to_string(i) + "/a", {1});
  start();
  for (int i = 0; i < 12; ++i) {
    const std::string name = "d" + std::to_string(i);
    EXPECT_TRUE(eventually([&] { return has_trap(name) || stands(name + "/a"); })) << name;
  }
  EXPECT_LE(keeper->look([](const auto& said) { return said.most_traps; }), 3u);
}

TEST_P(WorkerDirectoriesTest, ADirectoryWithoutATrapIsListedAhead) {
  web->put("/d/a", {1});
  web->put("/e/a", {1});
  options.max_traps = 0;
  start();
  EXPECT_TRUE(eventually([&] { return stands("d/a") && stands("e/a"); }));
}

TEST_P(WorkerDirectoriesTest, AnOriginThatIsGoneFailsOpendir) {
  web->put("/d/a", {1});
  start();
  web->fail_all(Errc::unreachable);
  EXPECT_EQ(::open(view("d").c_str(), O_RDONLY | O_DIRECTORY), -1);
  EXPECT_EQ(errno, EIO);
  web->fail_all(std::nullopt);
  EXPECT_EQ(names_in_view("d"), std::vector<std::string>{"a"});
}

TEST_P(WorkerDirectoriesTest, WhatChangesAtTheOriginChangesInTheTree) {
  engine_options.ttl = Duration(60'000);
  web->put("/d/a", {10});
  web->put("/d/gone/x", {10});
  start();
  ASSERT_EQ(names_in_view("d"), (std::vector<std::string>{"a", "gone"}));
  ASSERT_TRUE(eventually([&] { return stands("d/gone/x"); }));
  web->remove("/d/gone/x");
  web->remove("/d/gone/");
  web->put("/d/new/y", {10});
  web->put("/d/a", {20, 2});
  clock.forward(Duration(120'000));
  // The ignore mark is the kernel's until its timer rings, in real time.
  keeper->tell(open_quietly("d", O_RDONLY | O_DIRECTORY).get(), 0, 0, fanotify::Event::Kind::open);
  EXPECT_TRUE(eventually([&] { return stands("d/new") && !stands("d/gone"); }));
  EXPECT_TRUE(eventually([&] { return std::filesystem::file_size(through("d/a")) == 20; }));
  EXPECT_TRUE(eventually([&] { return has_trap("d/new") || stands("d/new/y"); }));
  EXPECT_EQ(names_in_view("d"), (std::vector<std::string>{"a", "new"}));
  EXPECT_TRUE(file_is(view("d/a"), "/d/a", 2, 20));
}

TEST_P(WorkerDirectoriesTest, TheTrapOfADirectoryThatIsGoneIsReleased) {
  web->put("/d/x", {10});
  web->put("/a", {10});
  start();
  ASSERT_TRUE(keeper->wait_until([&] { return keeper->said.traps.size() == 1; }));
  const EntryId directory = id("d");
  web->remove("/d/x");
  web->remove("/d/");
  ASSERT_TRUE(engine->check_root(options.timeout));
  EXPECT_EQ(keeper->wait_for_untrap(directory), ESTALE);
  EXPECT_TRUE(eventually([&] { return !stands("d"); }));
}

TEST_P(WorkerDirectoriesTest, AnExpiredListingIsAskedForAtTheNextOpendir) {
  engine_options.ttl = Duration(1'500);
  web->put("/d/a", {1});
  start();
  ASSERT_EQ(names_in_view("d"), std::vector<std::string>{"a"});
  web->put("/d/b", {1});
  EXPECT_TRUE(eventually([&] { return names_in_view("d").size() == 2; }))
      << "the ignore mark goes when the listing expires";
}

TEST_P(WorkerDirectoriesTest, AnotherWorkerKnowsWhatIsPlaced) {
  web->put("/d/a", {1});
  web->put("/e/a", {1});
  start();
  ASSERT_EQ(names_in_view("d"), std::vector<std::string>{"a"});
  keeper->hang_up();
  ASSERT_TRUE(worker_end());
  web->fail_all(Errc::unreachable);
  start_worker();
  ASSERT_TRUE(keeper->wait_until_ready()) << "it needs no origin";
  EXPECT_EQ(names_in_view("d"), std::vector<std::string>{"a"});
}

TEST_P(WorkerDirectoriesTest, AnotherWorkerAsksForWhatTheFirstHadIgnored) {
  web->put("/d/a", {1});
  start();
  ASSERT_TRUE(eventually([&] {
    const auto before = events();
    return names_in_view("d").size() == 1 && events() == before;
  }));
  ASSERT_EQ(keeper->wait_for_untrap(id("d")), 0);
  keeper->hang_up();
  ASSERT_TRUE(worker_end());
  options.first = false;
  start_worker();
  ASSERT_TRUE(keeper->wait_until_ready());
  keeper->tell_walk(id("d"));
  ASSERT_EQ(keeper->wait_for_untrap(id("d")), 0);
  const auto before = events();
  EXPECT_EQ(names_in_view("d"), std::vector<std::string>{"a"});
  EXPECT_GT(events(), before);
}

TEST_P(WorkerDirectoriesTest, WithoutAnyListingOfTheRootItDoesNotStart) {
  web->fail_all(Errc::unreachable);
  prepare();
  start_worker();
  const auto end = worker_end();
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, Errc::unreachable);
}

INSTANTIATE_TEST_SUITE_P(On, WorkerDirectoriesTest,
                         ::testing::Values(SmallFs::Kind::ext4, SmallFs::Kind::xfs,
                                           SmallFs::Kind::btrfs),
                         [](const auto& on) {
                           return on.param == SmallFs::Kind::ext4  ? "Ext4"
                                  : on.param == SmallFs::Kind::xfs ? "Xfs"
                                                                   : "Btrfs";
                         });

// --- parts ---

class TrapPlanTest : public ::testing::Test {
 protected:
  TrapPlanTest() : ends_(std::move(*Channel::make_pair())), outbox_(ends_.second) {}

  // What the keeper was told since the last call: "+5 a/b", "-5", "-5 error 5".
  std::vector<std::string> told() {
    std::vector<std::string> all;
    for (;;) {
      const auto message = ends_.first.receive_from_worker();
      if (!message || !*message) return all;
      const auto& m = **message;
      if (m.kind == fanotify::ToKeeper::Kind::set_trap) {
        all.push_back('+' + std::to_string(m.entry) + ' ' + m.text);
      } else {
        all.push_back('-' + std::to_string(m.entry) +
                      (m.error == 0 ? "" : " error " + std::to_string(m.error)));
      }
    }
  }
  using Told = std::vector<std::string>;

  std::pair<Channel, Channel> ends_;
  Outbox outbox_;
};

TEST_F(TrapPlanTest, ASlotThatIsFreeGoesToTheNewestThatWaits) {
  TrapPlan plan(2, outbox_);
  EXPECT_TRUE(plan.want(1, "a"));
  EXPECT_TRUE(plan.want(2, "b"));
  EXPECT_FALSE(plan.want(3, "c"));
  EXPECT_FALSE(plan.want(4, "d"));
  EXPECT_FALSE(plan.want(5, "e"));
  EXPECT_TRUE(plan.want(1, "a")) << "asked for already";
  EXPECT_EQ(told(), (Told{"+1 a", "+2 b"}));
  plan.release(5, 0);
  EXPECT_EQ(told(), Told{}) << "it had none";
  plan.release(1, 0);
  EXPECT_EQ(told(), (Told{"-1", "+4 d"}));
  EXPECT_EQ(plan.count(), 2u);
}

TEST_F(TrapPlanTest, ATrapThatIsSetTooLateIsReleased) {
  TrapPlan plan(2, outbox_);
  EXPECT_TRUE(plan.want(1, "a"));
  plan.release(1, 0);
  EXPECT_TRUE(plan.on_trap_set(1, 0));
  EXPECT_EQ(told(), (Told{"+1 a", "-1", "-1"}));
}

TEST_F(TrapPlanTest, ATrapThatCannotBeSetGivesItsSlotBack) {
  TrapPlan plan(1, outbox_);
  EXPECT_TRUE(plan.want(1, "a"));
  EXPECT_FALSE(plan.want(2, "b"));
  EXPECT_FALSE(plan.on_trap_set(1, ENOENT));
  EXPECT_EQ(told(), (Told{"+1 a", "+2 b"}));
  EXPECT_TRUE(plan.on_trap_set(2, EBUSY)) << "an earlier worker's";
  EXPECT_EQ(plan.count(), 1u);
}

TEST_F(TrapPlanTest, WhatIsBelowADirectoryThatIsGoneGoesWithIt) {
  TrapPlan plan(3, outbox_);
  EXPECT_TRUE(plan.want(1, "a/b"));
  EXPECT_TRUE(plan.want(2, "ab"));
  EXPECT_TRUE(plan.want(3, "a/c/d"));
  (void)told();
  plan.release_below("a", EIO);
  auto gone = told();
  std::sort(gone.begin(), gone.end());
  EXPECT_EQ(gone, (Told{"-1 error 5", "-3 error 5"}));
}

TEST_F(TrapPlanTest, WhoWasCaughtIsReleasedEvenIfNobodyKnowsTheTrap) {
  TrapPlan plan(1, outbox_);
  plan.release_caught(7);
  EXPECT_EQ(told(), Told{"-7"});
}

}  // namespace
}  // namespace lazymirror::testing
