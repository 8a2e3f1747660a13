// SPDX-License-Identifier: Apache-2.0
//
// How listings and sizes are kept up to date, and what is served without the
// origin.
#include <atomic>
#include <memory>

#include "engine_fixture.h"

namespace lazymirror::testing {
namespace {

using namespace std::chrono_literals;
using Names = std::vector<std::string>;
using View = std::shared_ptr<const DirectoryView>;

class RefreshTest : public EngineTest {
 protected:
  void expire() { clock.forward(options.ttl * 2); }
  void start_strict() {
    options.strict_ttl = true;
    start();
  }
  // Looks, which has the root asked for again behind the scenes, and waits for that:
  // then it is known at once what is not there. A look that comes before the flight
  // of the one before has quite ended begins none.
  void look_and_settle() {
    const std::size_t before = web->count("LIST");
    ASSERT_TRUE(eventually([&] { return list(kRootId) && web->count("LIST") > before; }));
    EXPECT_TRUE(eventually([&] {
      const auto at_once = std::make_shared<std::atomic<bool>>(false);
      engine->lookup(kRootId, "absent", soon(), [at_once](const auto&) { *at_once = true; });
      return at_once->load();
    }));
  }
  [[nodiscard]] Result<> refresh(EntryId id) {
    return wait<void>([&](Completion<> done) { engine->refresh(id, soon(), std::move(done)); });
  }
};

// --- marks ---

TEST_F(RefreshTest, AMarkedListingIsAskedForOnlyIfItHasChanged) {
  web->put("/a", {10});
  web->mark_listings("v1");
  start();
  EXPECT_EQ(names(kRootId), (Names{"a"}));
  expire();
  look_and_settle();
  EXPECT_EQ(web->count("LIST / if not v1"), 1u);
  EXPECT_EQ(names(kRootId), (Names{"a"}));
  EXPECT_EQ(web->count("LIST"), 2u) << "it is fresh again";
  EXPECT_EQ(heard.count("directory 1"), 0);
  web->put("/b", {10});
  web->mark_listings("v2");
  expire();
  look_and_settle();
  EXPECT_TRUE(heard.wait_for("directory 1"));
  EXPECT_EQ(names(kRootId), (Names{"a", "b"}));
  expire();
  look_and_settle();
  EXPECT_EQ(web->count("LIST / if not v2"), 1u);
}

TEST_F(RefreshTest, AMarkOutlivesARestart) {
  web->put("/a", {10});
  web->mark_listings("v1");
  start();
  EXPECT_EQ(names(kRootId), (Names{"a"}));
  stop();
  start();
  ASSERT_TRUE(engine->check_root(60s));
  EXPECT_EQ(web->count("LIST / if not v1"), 1u);
  EXPECT_EQ(names(kRootId), (Names{"a"}));
}

// The date of a directory does not move when a file in it is written over.
TEST_F(RefreshTest, AListingOfATimeWhenTheClockWasAheadIsOld) {
  web->put("/d/a", {10});
  clock.forward(24h);
  start();
  EXPECT_EQ(names(walk("d")->id), (Names{"a"}));
  clock.forward(-24h);
  stop();
  web->put("/d/b", {10});
  start();
  EXPECT_TRUE(eventually([&] { return names(walk("d")->id) == Names{"a", "b"}; }));
}

TEST_F(RefreshTest, WhatHasNotChangedForLongIsFetchedInFull) {
  web->put("/a", {10});
  web->mark_listings("v1");
  start();
  EXPECT_EQ(names(kRootId), (Names{"a"}));
  web->put("/a", {20, 2});
  clock.forward(options.ttl * 6);
  look_and_settle();
  EXPECT_EQ(web->count("LIST / if not v1"), 1u);
  clock.forward(options.ttl * 6);
  look_and_settle();
  EXPECT_TRUE(heard.wait_for("entry a"));
  EXPECT_EQ(web->count("LIST / if not v1"), 1u);
  EXPECT_EQ(walk("a")->size, 20u);
}

// --- the time of what is absent ---

TEST_F(RefreshTest, ANameThatIsAbsentIsLookedForAgainSooner) {
  options.negative_ttl = 1h;
  options.ttl = 10h;
  web->put("/a", {10});
  start();
  EXPECT_EQ(lookup(kRootId, "new").error().code, Errc::not_found);
  web->put("/new", {7});
  clock.forward(options.negative_ttl - 10min);
  EXPECT_EQ(lookup(kRootId, "new").error().code, Errc::not_found);
  EXPECT_EQ(web->count("LIST"), 1u);
  clock.forward(20min);
  EXPECT_TRUE(lookup(kRootId, "a")) << "what is there is believed for longer";
  EXPECT_EQ(web->count("LIST"), 1u);
  EXPECT_TRUE(lookup(kRootId, "new"));
  EXPECT_EQ(lookup(kRootId, "other").error().code, Errc::not_found);
  EXPECT_EQ(web->count("LIST"), 2u);
}

TEST_F(RefreshTest, NobodyWaitsForAnAbsentNameWhileTheOriginIsAway) {
  web->put("/a", {10});
  start();
  EXPECT_EQ(names(kRootId), (Names{"a"}));
  expire();
  web->set_away(true);
  web->hold();
  EXPECT_EQ(lookup(kRootId, "new").error().code, Errc::not_found);
  EXPECT_TRUE(web->wait_for("LIST", 2)) << "it is tried behind the scenes";
}

// --- strictly ---

TEST_F(RefreshTest, StrictlyAnExpiredListingIsWaitedFor) {
  web->put("/a", {10});
  start_strict();
  EXPECT_EQ(names(kRootId), (Names{"a"}));
  web->put("/b", {10});
  web->put("/a", {20, 2});
  EXPECT_EQ(names(kRootId), (Names{"a"})) << "not expired";
  expire();
  EXPECT_EQ(names(kRootId), (Names{"a", "b"}));
  EXPECT_EQ(walk("a")->size, 20u);
  web->put("/a", {30, 3});
  expire();
  EXPECT_EQ(walk("a")->size, 30u) << "by a lookup, too";
}

TEST_F(RefreshTest, StrictlyTheTimeOfADirectoryIsWaitedFor) {
  web->put("/d/a", {10});
  start_strict();
  const auto d = walk("d");
  ASSERT_TRUE(d);
  ASSERT_TRUE(list(d->id));
  const auto attributes = [&] {
    return wait<Attributes>(
        [&](Completion<Attributes> done) { engine->attributes(d->id, soon(), std::move(done)); });
  };
  ASSERT_TRUE(attributes());
  EXPECT_EQ(web->count("LIST /d/"), 1u);
  expire();
  ASSERT_TRUE(attributes());
  EXPECT_EQ(web->count("LIST /d/"), 2u);
}

TEST_F(RefreshTest, StrictlyASizeThatWasAskedForIsWaitedFor) {
  web->put("/a", {10});
  web->set_style(FakeWeb::Style::names_only);
  start_strict();
  EXPECT_EQ(walk("a")->size, 10u);
  web->put("/a", {30, 2});
  expire();
  EXPECT_EQ(walk("a")->size, 30u);
  web->fail_all(Errc::unreachable);
  expire();
  EXPECT_EQ(walk("a")->size, 30u) << "nothing newer can be had";
}

TEST_F(RefreshTest, StrictlyTheOldListingIsBetterThanNone) {
  web->put("/a", {10});
  start_strict();
  EXPECT_EQ(names(kRootId), (Names{"a"}));
  expire();
  web->fail_all(Errc::unreachable);
  EXPECT_EQ(names(kRootId), (Names{"a"}));
  EXPECT_TRUE(lookup(kRootId, "a"));
}

TEST_F(RefreshTest, StrictlyASilentOriginIsWaitedForHalfOfTheTime) {
  web->put("/a", {10});
  start_strict();
  EXPECT_EQ(names(kRootId), (Names{"a"}));
  expire();
  web->hold();
  const auto view = wait<View>(
      [&](Completion<View> done) { engine->list(kRootId, soon(60ms), std::move(done)); });
  EXPECT_TRUE(view) << "the old one, before the deadline";
}

TEST_F(RefreshTest, StrictlyNobodyWaitsForAnOriginThatIsAway) {
  web->put("/a", {10});
  start_strict();
  EXPECT_EQ(names(kRootId), (Names{"a"}));
  expire();
  web->set_away(true);
  web->hold();
  int answers = 0;
  engine->list(kRootId, soon(), [&](const Result<View>& view) { answers += view ? 1 : 0; });
  engine->lookup(kRootId, "a", soon(), [&](const Result<Attributes>& a) { answers += a ? 1 : 0; });
  EXPECT_EQ(answers, 2);
}

// --- on demand ---

TEST_F(RefreshTest, OnDemandAFreshListingIsAskedForAnew) {
  web->put("/a", {10});
  web->mark_listings("v1");
  start();
  EXPECT_EQ(names(kRootId), (Names{"a"}));
  web->put("/b", {10});
  ASSERT_TRUE(refresh(kRootId));
  EXPECT_EQ(web->count("LIST / anew"), 1u) << "the mark is not believed, nor are caches";
  EXPECT_EQ(names(kRootId), (Names{"a", "b"}));
  EXPECT_EQ(heard.count("directory 1"), 1);
}

TEST_F(RefreshTest, OnDemandTheVersionOfAFileIsAskedFor) {
  web->put("/a", {10});
  start();
  const auto before = walk("a");
  ASSERT_TRUE(before);
  web->put("/a", {20, 2});
  ASSERT_TRUE(refresh(before->id));
  EXPECT_EQ(heard.count("entry a"), 1);
  EXPECT_EQ(walk("a")->size, 20u);
  web->remove("/a");
  EXPECT_EQ(refresh(before->id).error().code, Errc::not_found);
}

TEST_F(RefreshTest, OnDemandAFailureIsTold) {
  web->put("/a", {10});
  start();
  EXPECT_EQ(names(kRootId), (Names{"a"}));
  web->fail_all(Errc::unreachable);
  EXPECT_EQ(refresh(kRootId).error().code, Errc::unreachable);
  EXPECT_EQ(names(kRootId), (Names{"a"}));
  EXPECT_EQ(refresh(4711).error().code, Errc::not_found);
}

// --- offline ---

TEST_F(RefreshTest, OfflineWhatIsKnownIsServedHoweverOld) {
  web->put("/d/a", {kMiB});
  start();
  const auto file = open("d/a");
  ASSERT_TRUE(file);
  ASSERT_TRUE(reads(file, "d/a", 1, {0, kChunk}));
  const std::size_t asked = web->requests().size();
  engine->set_offline(true);
  EXPECT_TRUE(engine->offline());
  expire();
  EXPECT_EQ(names(kRootId), (Names{"d"}));
  EXPECT_EQ(lookup(kRootId, "absent").error().code, Errc::not_found);
  const auto again = open("d/a");
  ASSERT_TRUE(again);
  EXPECT_TRUE(reads(again, "d/a", 1, {0, kChunk}));
  EXPECT_EQ(web->requests().size(), asked);
}

TEST_F(RefreshTest, OfflineWhatIsMissingFailsAtOnce) {
  web->put("/d/a", {kMiB});
  web->put("/e/b", {kMiB});
  start();
  const auto file = open("d/a");
  ASSERT_TRUE(file);
  web->hold();
  Result<> read = wait<void>([&](Completion<> done) {
    engine->fill(file, {0, 10}, soon(1h), std::move(done));
    engine->set_offline(true);
  });
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Errc::unreachable);
  EXPECT_EQ(fill(file, {0, 10}).error().code, Errc::unreachable);
  EXPECT_EQ(list(walk("e")->id).error().code, Errc::unreachable);
  engine->set_offline(false);
  web->release();
  EXPECT_TRUE(reads(file, "d/a", 1, {0, 10})) << "without a restart";
  EXPECT_TRUE(walk("e/b"));
}

TEST_F(RefreshTest, OfflineStartsFromTheCacheAlone) {
  web->put("/a", {10});
  start();
  EXPECT_EQ(names(kRootId), (Names{"a"}));
  stop();
  const std::size_t asked = web->requests().size();
  options.offline = true;
  start();
  const auto checked = engine->check_root(60s);
  ASSERT_TRUE(checked) << checked.error().message;
  EXPECT_TRUE(checked->stale);
  EXPECT_EQ(names(kRootId), (Names{"a"}));
  EXPECT_EQ(web->requests().size(), asked);
}

TEST_F(RefreshTest, OfflineAnEmptyCacheCannotBeStartedFrom) {
  options.offline = true;
  start();
  const auto checked = engine->check_root(60s);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, Errc::unreachable);
}

}  // namespace
}  // namespace lazymirror::testing
