// SPDX-License-Identifier: Apache-2.0
//
// Names, attributes and listings.
#include <thread>

#include "engine_fixture.h"

namespace lazymirror::testing {
namespace {

using namespace std::chrono_literals;
using Names = std::vector<std::string>;

class TreeTest : public EngineTest {
 protected:
  void expire() { clock.forward(options.ttl * 2); }
};

TEST_F(TreeTest, AHundredLookupsInAnUnlistedDirectoryAreOneRequest) {
  web->put("/a", {10});
  start();
  web->hold();
  std::atomic<int> found{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 25; ++i) {
        engine->lookup(kRootId, "a", soon(), [&](Result<Attributes> r) { found += r ? 1 : 1000; });
      }
    });
  }
  for (auto& thread : threads) thread.join();
  web->release();
  EXPECT_TRUE(eventually([&] { return found == 100; })) << found;
  EXPECT_EQ(web->count("LIST"), 1u);
}

TEST_F(TreeTest, WhatIsKnownIsAnsweredBeforeTheCallReturns) {
  web->put("/d/a", {10});
  start();
  const auto d = lookup(kRootId, "d");
  ASSERT_TRUE(d);
  ASSERT_TRUE(list(d->id));
  web->hold();
  int answers = 0;
  engine->lookup(d->id, "a", soon(), [&](Result<Attributes> r) { answers += r ? 1 : 0; });
  engine->lookup(d->id, "absent", soon(),
                 [&](Result<Attributes> r) { answers += !r && r.error().code == Errc::not_found; });
  engine->list(d->id, soon(), [&](Result<std::shared_ptr<const DirectoryView>> r) {
    answers += r && (*r)->items.size() == 1;
  });
  engine->attributes(d->id, soon(), [&](Result<Attributes> r) { answers += r ? 1 : 0; });
  EXPECT_EQ(answers, 4);
}

TEST_F(TreeTest, APathIsFoundByWhatIsKnown) {
  web->put("/d/e/a", {10});
  start();
  EXPECT_EQ(engine->find("").value(), kRootId);
  const auto a = walk("d/e/a");
  ASSERT_TRUE(a) << a.error().message;
  web->hold();
  EXPECT_EQ(engine->find("d/e/a").value(), a->id);
  EXPECT_EQ(engine->find("d/e/b").error().code, Errc::not_found);
  EXPECT_EQ(engine->find("d/e/a/b").error().code, Errc::not_found);
}

TEST_F(TreeTest, AttributesAreThoseOfTheListing) {
  web->put("/d/a b", {12345});
  start();
  const auto d = walk("d");
  ASSERT_TRUE(d);
  EXPECT_EQ(d->kind, EntryKind::directory);
  const auto view = list(d->id);
  ASSERT_TRUE(view);
  EXPECT_EQ((*view)->parent, kRootId);
  ASSERT_EQ((*view)->items.size(), 1u);
  ASSERT_TRUE((*view)->items[0].attributes);
  EXPECT_EQ((*view)->items[0].attributes->size, 12345u);
  const auto a = lookup(d->id, (*view)->items[0].name);
  ASSERT_TRUE(a);
  EXPECT_EQ(a->size, 12345u);
  EXPECT_FALSE(a->complete);
  EXPECT_EQ(web->count("HEAD"), 0u) << "the listing was exact";
}

TEST_F(TreeTest, AnExpiredListingIsServedAtOnceAndRefreshedOnce) {
  web->put("/a", {10});
  start();
  EXPECT_EQ(names(kRootId), (Names{"a"}));
  web->put("/b", {10});
  expire();
  web->hold();
  for (int i = 0; i < 10; ++i) EXPECT_EQ(names(kRootId), (Names{"a"})) << "stale, but at once";
  EXPECT_TRUE(lookup(kRootId, "a"));
  web->release();
  EXPECT_TRUE(heard.wait_for("directory 1"));
  EXPECT_EQ(names(kRootId), (Names{"a", "b"}));
  EXPECT_EQ(web->count("LIST"), 2u);
}

TEST_F(TreeTest, ARefreshTellsWhatChanged) {
  web->put("/stays", {10});
  web->put("/goes", {10});
  web->put("/grows", {10});
  start();
  const auto before = walk("grows");
  ASSERT_TRUE(before);
  web->remove("/goes");
  web->put("/grows", {20, 2});
  expire();
  EXPECT_TRUE(lookup(kRootId, "stays"));
  EXPECT_TRUE(heard.wait_for("entry goes"));
  EXPECT_TRUE(heard.wait_for("entry grows"));
  EXPECT_TRUE(heard.wait_for("directory 1"));
  EXPECT_EQ(heard.count("entry stays"), 0);
  const auto after = walk("grows");
  ASSERT_TRUE(after);
  EXPECT_EQ(after->id, before->id);
  EXPECT_GT(after->generation, before->generation);
  EXPECT_EQ(after->size, 20u);
  EXPECT_EQ(lookup(kRootId, "goes").error().code, Errc::not_found);
}

TEST_F(TreeTest, AnUnchangedRefreshTellsNothing) {
  web->put("/a", {10});
  start();
  EXPECT_EQ(names(kRootId), (Names{"a"}));
  expire();
  EXPECT_EQ(names(kRootId), (Names{"a"}));
  EXPECT_TRUE(web->wait_for("LIST", 2));
  EXPECT_TRUE(eventually([&] {  // fresh again: "absent" is answered at once
    const auto now = std::make_shared<std::atomic<bool>>(false);  // the answer may come later
    engine->lookup(kRootId, "absent", soon(), [now](Result<Attributes>) { *now = true; });
    return now->load();
  }));
  EXPECT_EQ(heard.count("directory 1"), 0);
  EXPECT_EQ(heard.count("entry a"), 0);
}

TEST_F(TreeTest, AFailedRefreshKeepsTheListingAndWaitsBeforeTheNext) {
  web->put("/a", {10});
  start();
  EXPECT_EQ(names(kRootId), (Names{"a"}));
  expire();
  web->fail_all(Errc::unreachable);
  EXPECT_EQ(lookup(kRootId, "absent").error().code, Errc::not_found) << "the old listing decides";
  EXPECT_EQ(web->count("LIST"), 2u);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(names(kRootId), (Names{"a"}));
  EXPECT_EQ(lookup(kRootId, "absent").error().code, Errc::not_found);
  EXPECT_EQ(web->count("LIST"), 2u) << "not at every look";
}

TEST_F(TreeTest, APageThatIsNoListingNeverReplacesOne) {
  web->put("/a", {10});
  start();
  EXPECT_EQ(names(kRootId), (Names{"a"}));
  expire();
  web->spoil_listings(true);
  EXPECT_EQ(lookup(kRootId, "absent").error().code, Errc::not_found);
  EXPECT_EQ(names(kRootId), (Names{"a"}));
}

TEST_F(TreeTest, AnAbsentNameInAnExpiredDirectoryWaitsForTheRefresh) {
  web->put("/a", {10});
  start();
  EXPECT_EQ(names(kRootId), (Names{"a"}));
  web->put("/new", {7});
  expire();
  const auto found = lookup(kRootId, "new");
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->size, 7u);
}

TEST_F(TreeTest, TheLifetimeOfAListingIsTheServersWithinBounds) {
  web->put("/a", {10});
  web->set_max_age(Duration(0));  // "never": asked for again after a tenth of the ttl
  start();
  EXPECT_EQ(names(kRootId), (Names{"a"}));
  EXPECT_EQ(names(kRootId), (Names{"a"}));
  EXPECT_EQ(web->count("LIST"), 1u);
  clock.forward(options.ttl / 5);
  EXPECT_EQ(names(kRootId), (Names{"a"}));
  EXPECT_TRUE(web->wait_for("LIST", 2));
}

TEST_F(TreeTest, ADirectoryThatIsGoneAtTheOriginSaysSo) {
  web->make_directory("/d/");
  start();
  const auto d = walk("d");
  ASSERT_TRUE(d);
  web->remove("/d/");
  EXPECT_EQ(list(d->id).error().code, Errc::not_found);
  EXPECT_EQ(list(d->id).error().code, Errc::not_found);
  EXPECT_EQ(web->count("LIST /d"), 1u) << "remembered for a while";
}

TEST_F(TreeTest, AFileIsNoDirectory) {
  web->put("/a", {10});
  start();
  const auto a = walk("a");
  ASSERT_TRUE(a);
  EXPECT_EQ(list(a->id).error().code, Errc::not_a_directory);
  EXPECT_EQ(lookup(a->id, "x").error().code, Errc::not_a_directory);
}

TEST_F(TreeTest, UnknownSizesAreAskedForAheadAndNeverShownAsZero) {
  for (int i = 100; i < 300; ++i) web->put("/d/f" + std::to_string(i), {std::uint64_t(i) + 1});
  web->set_style(FakeWeb::Style::names_only);
  start();
  const auto d = walk("d");
  ASSERT_TRUE(d);
  const auto view = list(d->id);
  ASSERT_TRUE(view);
  ASSERT_EQ((*view)->items.size(), 200u);
  for (const auto& item : (*view)->items) EXPECT_FALSE(item.attributes);
  EXPECT_EQ(web->count("HEAD"), 0u) << "lazily";

  ASSERT_TRUE(lookup(d->id, "f100"));
  EXPECT_TRUE(web->wait_for("HEAD", 1 + options.probe_ahead));
  EXPECT_EQ(web->count("HEAD"), 1 + options.probe_ahead) << "the window, not the directory";
  for (int i = 100; i < 300; ++i) {
    const auto found = lookup(d->id, "f" + std::to_string(i));
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ(found->size, std::uint64_t(i) + 1);
  }
  EXPECT_EQ(web->count("HEAD"), 200u) << "each once";
}

TEST_F(TreeTest, SizesThatBecomeKnownAppearInTheListing) {
  for (int i = 0; i < 10; ++i) web->put("/f" + std::to_string(i), {std::uint64_t(i) + 1});
  web->set_style(FakeWeb::Style::names_only);
  start();
  ASSERT_TRUE(list(kRootId));
  ASSERT_TRUE(lookup(kRootId, "f0"));
  EXPECT_TRUE(eventually([&] {
    const auto view = list(kRootId);
    return view && std::all_of((*view)->items.begin(), (*view)->items.end(),
                               [](const auto& item) { return item.attributes.has_value(); });
  }));
  EXPECT_EQ(web->count("LIST"), 1u);
}

TEST_F(TreeTest, NamesOfUnknownKindAreResolvedByAsking) {
  web->put("/d/a", {10});
  web->put("/f", {20});
  web->set_style(FakeWeb::Style::bare);
  start();
  const auto a = walk("d/a");
  ASSERT_TRUE(a) << a.error().message;
  EXPECT_EQ(a->size, 10u);
  EXPECT_EQ(walk("d")->kind, EntryKind::directory);
  EXPECT_EQ(walk("f")->kind, EntryKind::file);
}

TEST_F(TreeTest, WhatTheOriginRefusedIsRememberedForAWhile) {
  web->put("/a", {10});
  web->set_style(FakeWeb::Style::names_only);
  web->fail("/a", Errc::denied, 100);
  start();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(lookup(kRootId, "a").error().code, Errc::denied);
  EXPECT_EQ(web->count("HEAD /a"), 1u);
}

TEST_F(TreeTest, SizesFromAProbeAreAskedForAgainBehindTheScenes) {
  web->put("/a", {10});
  web->set_style(FakeWeb::Style::names_only);
  start();
  const auto before = walk("a");
  ASSERT_TRUE(before);
  web->put("/a", {30, 2});
  expire();
  const auto stale = walk("a");
  ASSERT_TRUE(stale);
  EXPECT_EQ(stale->size, 10u) << "at once";
  EXPECT_TRUE(heard.wait_for("entry a"));
  const auto after = walk("a");
  ASSERT_TRUE(after);
  EXPECT_EQ(after->size, 30u);
  EXPECT_GT(after->generation, before->generation);
}

TEST_F(TreeTest, DeadlinesEndEveryWait) {
  web->put("/d/a", {10});
  web->set_style(FakeWeb::Style::names_only);
  start();
  ASSERT_TRUE(list(kRootId));
  const auto d = walk("d");
  web->hold();
  const auto looked = wait<Attributes>([&](Completion<Attributes> done) {
    engine->lookup(d->id, "a", soon(30ms), std::move(done));
  });
  EXPECT_EQ(looked.error().code, Errc::timeout);
  using View = std::shared_ptr<const DirectoryView>;
  const auto listed =
      wait<View>([&](Completion<View> done) { engine->list(d->id, soon(30ms), std::move(done)); });
  EXPECT_EQ(listed.error().code, Errc::timeout);
  web->release();
  EXPECT_TRUE(walk("d/a"));
}

TEST_F(TreeTest, AFilledCacheServesWithoutTheOrigin) {
  web->put("/d/a", {10});
  start();
  ASSERT_TRUE(walk("d/a"));
  stop();
  web->fail_all(Errc::unreachable);
  start();
  const auto checked = engine->check_root(60s);
  ASSERT_TRUE(checked) << checked.error().message;
  EXPECT_TRUE(checked->stale);
  EXPECT_FALSE(checked->reason.empty());
  const auto a = walk("d/a");
  ASSERT_TRUE(a);
  EXPECT_EQ(a->size, 10u);
  EXPECT_EQ(names(kRootId), (Names{"d"}));
}

TEST_F(TreeTest, TheStartSaysWhatIsWrongAndWhatToDo) {
  const std::pair<Errc, std::string> cases[] = {{Errc::not_found, "check the path"},
                                                {Errc::denied, "user name"},
                                                {Errc::unreachable, "network"},
                                                {Errc::bad_reply, "autoindex"}};
  for (const auto& [code, remedy] : cases) {
    web->fail_all(code);
    start();
    const auto checked = engine->check_root(60s);
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().code, code);
    EXPECT_NE(checked.error().message.find("http://origin.test/"), std::string::npos);
    EXPECT_NE(checked.error().message.find(remedy), std::string::npos) << checked.error().message;
    stop();
  }
}

TEST_F(TreeTest, TheStartIsFreshWhenTheOriginAnswers) {
  start();
  const auto checked = engine->check_root(60s);
  ASSERT_TRUE(checked);
  EXPECT_FALSE(checked->stale);
}

TEST_F(TreeTest, AStartThatGetsNoAnswerEndsInTime) {
  web->hold();
  start();
  EXPECT_EQ(engine->check_root(50ms).error().code, Errc::timeout);
}

TEST_F(TreeTest, UsageIsThatOfTheCachesFileSystem) {
  web->put("/a", {10});
  start();
  ASSERT_TRUE(walk("a"));
  const auto usage = engine->usage();
  ASSERT_TRUE(usage);
  EXPECT_EQ(usage->entries, 1u) << "below the root";
  EXPECT_GT(usage->bytes_total, 0u);
  EXPECT_LE(usage->bytes_available, usage->bytes_free);
}

}  // namespace
}  // namespace lazymirror::testing
