// SPDX-License-Identifier: Apache-2.0
//
// Populating in place: what is asked of the origin, when names are placed, and
// who is told of changes. The cache's own part is played by a PlacingCache.
#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>

#include "cache_around.h"
#include "engine_fixture.h"

namespace lazymirror::testing {
namespace {

using namespace std::chrono_literals;

// Places nothing on a disk, but keeps the book: what stood in the catalog when
// a directory was placed. The test can hold place() back.
class PlacingCache final : public CacheAround {
 public:
  using CacheAround::CacheAround;

  struct Book {
    std::mutex mutex;
    std::condition_variable moved;
    std::map<EntryId, std::set<std::string>> placed;
    std::map<EntryId, int> calls;
    std::vector<EntryId> evicted;
    bool held = false, fails = false;
  };
  PlacingCache(std::unique_ptr<Cache> real, std::shared_ptr<Book> book)
      : CacheAround(std::move(real)), book_(std::move(book)) {}

  Result<Placement> place(EntryId directory, ObserverPtr observer) override {
    Placement placement;
    placement.id = directory;
    const auto names = names_of(directory, placement);
    if (!names) return fail(names.error());
    if (auto guarded = observer->before_directory(directory_fd(directory)); !guarded) {
      return fail(guarded.error());
    }
    std::unique_lock lock(book_->mutex);
    ++book_->calls[directory];
    book_->moved.notify_all();
    book_->moved.wait(lock, [&] { return !book_->held; });
    if (book_->fails) return fail(Errc::no_space, "no room for names");
    book_->placed[directory] = *names;
    return placement;
  }
  Result<bool> is_placed(EntryId directory) override {
    Placement placement;
    const auto names = names_of(directory, placement);
    if (!names) return fail(names.error());
    const std::lock_guard lock(book_->mutex);
    const auto known = book_->placed.find(directory);
    return known != book_->placed.end() && known->second == *names && placement.unsized.empty();
  }
  Result<std::string> path_in_place(EntryId) override { return std::string(); }
  Result<> evict(EntryId id, ObserverPtr) override {
    const std::lock_guard lock(book_->mutex);
    book_->evicted.push_back(id);
    return {};
  }

 private:
  static int directory_fd(EntryId id) { return static_cast<int>(id); }
  // "name generation" of each that can be placed
  Result<std::set<std::string>> names_of(EntryId directory, Placement& placement) {
    const auto children = catalog().children(directory);
    if (!children) return fail(children.error());
    std::set<std::string> names;
    for (const Entry& child : *children) {
      if (child.kind == EntryKind::directory) {
        placement.directories.push_back({child.id, child.name, false});
      } else if (child.kind == EntryKind::unknown || !child.size) {
        placement.unsized.push_back(child.id);
        continue;
      }
      names.insert(child.name + ' ' + std::to_string(child.generation));
    }
    return names;
  }

  const std::shared_ptr<Book> book_;
};

class CountingObserver final : public PlacementObserver {
 public:
  Result<> before_file(int) override { return {}; }
  Result<> before_directory(int id) override {
    const std::lock_guard lock(mutex_);
    seen_.insert(static_cast<EntryId>(id));
    return {};
  }
  bool has_seen(EntryId id) {
    const std::lock_guard lock(mutex_);
    return seen_.contains(id);
  }

 private:
  std::mutex mutex_;
  std::set<EntryId> seen_;
};

class InPlaceTest : public EngineTest {
 protected:
  using PlacementPtr = InPlace::PlacementPtr;

  ~InPlaceTest() override { hold_placing(false); }

  void begin() {
    start([this](std::unique_ptr<Cache> real) {
      return std::make_unique<PlacingCache>(std::move(real), book);
    });
    ASSERT_NE(engine->in_place(), nullptr);
  }
  [[nodiscard]] InPlace& tree() { return *engine->in_place(); }
  [[nodiscard]] Result<PlacementPtr> populate(EntryId id, Duration in = Duration(60'000)) {
    return wait<PlacementPtr>(
        [&](Completion<PlacementPtr> done) { tree().populate(id, soon(in), std::move(done)); });
  }
  [[nodiscard]] std::set<std::string> placed(EntryId id) {
    const std::lock_guard lock(book->mutex);
    return book->placed[id];
  }
  [[nodiscard]] int calls(EntryId id) {
    const std::lock_guard lock(book->mutex);
    return book->calls[id];
  }
  bool wait_for_calls(EntryId id, int count) {
    std::unique_lock lock(book->mutex);
    return book->moved.wait_for(lock, 30s, [&] { return book->calls[id] >= count; });
  }
  void hold_placing(bool held) {
    const std::lock_guard lock(book->mutex);
    book->held = held;
    book->moved.notify_all();
  }

  std::shared_ptr<PlacingCache::Book> book = std::make_shared<PlacingCache::Book>();
};

TEST_F(InPlaceTest, ACacheThatIsNotInPlaceOffersNone) {
  start();
  EXPECT_EQ(engine->in_place(), nullptr);
}

TEST_F(InPlaceTest, PopulatesWhatWasNeverListed) {
  web->put("/a", {kMiB});
  web->put("/d/b", {17});
  begin();
  const auto placement = populate(kRootId);
  ASSERT_TRUE(placement) << placement.error().message;
  EXPECT_EQ(placed(kRootId), (std::set<std::string>{"a 1", "d 1"}));
  ASSERT_EQ((*placement)->directories.size(), 1u);
  EXPECT_EQ((*placement)->directories[0].name, "d");
  EXPECT_TRUE(tree().is_fresh(kRootId));
  EXPECT_EQ(web->count("HEAD"), 0u) << "the listing told all sizes";
  EXPECT_EQ(*engine->find("d"), (*placement)->directories[0].id);
  EXPECT_EQ(engine->find("d/b").error().code, Errc::not_found) << "not listed yet";
}

TEST_F(InPlaceTest, AThousandCallersAreOneListingAndOnePlacing) {
  web->put("/a", {kMiB});
  begin();
  web->hold();
  std::vector<std::future<Result<PlacementPtr>>> answers;
  for (int i = 0; i < 1'000; ++i) {
    auto answer = std::make_shared<std::promise<Result<PlacementPtr>>>();
    answers.push_back(answer->get_future());
    tree().populate(kRootId, soon(), [answer](Result<PlacementPtr> r) { answer->set_value(r); });
  }
  EXPECT_FALSE(tree().is_fresh(kRootId));
  web->release();
  for (auto& answer : answers) EXPECT_TRUE(answer.get());
  EXPECT_EQ(web->count("LIST"), 1u);
  EXPECT_EQ(calls(kRootId), 1);
}

TEST_F(InPlaceTest, AsksForAllSizesAtOnceBeforeItPlaces) {
  web->set_style(FakeWeb::Style::bare);
  for (int i = 0; i < 300; ++i) web->put("/d/f" + std::to_string(i), {kMiB});
  web->put("/d/e/x", {1});
  begin();
  ASSERT_TRUE(populate(kRootId));
  const auto placement = populate(*engine->find("d"));
  ASSERT_TRUE(placement) << placement.error().message;
  EXPECT_EQ(placed(*engine->find("d")).size(), 301u);
  EXPECT_EQ(web->count("HEAD /d/f"), 300u);
  EXPECT_EQ(calls(*engine->find("d")), 1);
}

TEST_F(InPlaceTest, StrictlyAnExpiredListingAndOldSizesAreWaitedFor) {
  options.strict_ttl = true;
  web->put("/a", {kMiB});
  web->put("/old", {1});
  begin();
  ASSERT_TRUE(populate(kRootId));
  web->put("/b", {kMiB});
  web->remove("/old");
  clock.forward(options.ttl * 2);
  ASSERT_TRUE(populate(kRootId));
  EXPECT_EQ(placed(kRootId), (std::set<std::string>{"a 1", "b 1"}));
  web->put("/c", {kMiB});
  web->fail_all(Errc::unreachable);
  clock.forward(options.ttl * 2);
  EXPECT_TRUE(populate(kRootId)) << "the old listing is better than none";
}

TEST_F(InPlaceTest, OfflineWhatIsListedIsPlacedHoweverOld) {
  web->put("/a", {kMiB});
  web->put("/d/b", {kMiB});
  begin();
  ASSERT_TRUE(populate(kRootId));
  const std::size_t asked = web->requests().size();
  engine->set_offline(true);
  clock.forward(options.ttl * 2);
  EXPECT_TRUE(populate(kRootId));
  EXPECT_EQ(populate(*engine->find("d")).error().code, Errc::unreachable) << "at once";
  EXPECT_EQ(web->requests().size(), asked + 1);
  engine->set_offline(false);
  EXPECT_TRUE(populate(*engine->find("d")));
}

TEST_F(InPlaceTest, ANameThatTheOriginRefusesIsLeftOutAndNotAskedForAgain) {
  web->set_style(FakeWeb::Style::names_only);
  web->put("/good", {kMiB});
  web->put("/bad", {kMiB});
  web->fail("/bad", Errc::denied, 100);
  begin();
  ASSERT_TRUE(populate(kRootId));
  EXPECT_EQ(placed(kRootId), (std::set<std::string>{"good 1"}));
  EXPECT_TRUE(tree().is_fresh(kRootId)) << "for a while there is nothing more to be had";
  EXPECT_LE(tree().fresh_for(kRootId), options.retry_ttl);
  ASSERT_TRUE(populate(kRootId));
  EXPECT_EQ(web->count("HEAD /bad"), 1u);
}

TEST_F(InPlaceTest, AfterTheRetryTimeARefusedNameIsAskedForAgain) {
  options.retry_ttl = Duration(1);
  web->set_style(FakeWeb::Style::names_only);
  web->put("/bad", {kMiB});
  web->fail("/bad", Errc::not_found, 1);
  begin();
  ASSERT_TRUE(populate(kRootId));
  EXPECT_TRUE(eventually([&] { return !tree().is_fresh(kRootId); }));
  ASSERT_TRUE(populate(kRootId));
  EXPECT_EQ(placed(kRootId), (std::set<std::string>{"bad 1"}));
}

TEST_F(InPlaceTest, WhatIsKnownAtTheDeadlineIsKept) {
  web->set_style(FakeWeb::Style::names_only);
  web->put("/a", {kMiB});
  begin();
  ASSERT_TRUE(engine->check_root(30s));
  web->hold();
  const auto late = populate(kRootId, 50ms);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Errc::timeout);
  EXPECT_TRUE(wait_for_calls(kRootId, 1)) << "what is known is placed all the same";
  EXPECT_FALSE(tree().is_fresh(kRootId));
  web->release();
  ASSERT_TRUE(populate(kRootId));
  EXPECT_EQ(placed(kRootId), (std::set<std::string>{"a 1"}));
  EXPECT_EQ(web->count("HEAD /a"), 1u) << "the first question was still under way";
}

TEST_F(InPlaceTest, WhoJoinsAnImpatientCallerKeepsHisOwnDeadline) {
  web->put("/a", {kMiB});
  begin();
  web->hold();
  auto late = std::make_shared<std::promise<Errc>>();
  tree().populate(kRootId, soon(50ms), [late](const Result<PlacementPtr>& r) {
    late->set_value(r ? Errc::internal : r.error().code);
  });
  auto patient = std::make_shared<std::promise<bool>>();
  tree().populate(kRootId, soon(),
                  [patient](const Result<PlacementPtr>& r) { patient->set_value(r.has_value()); });
  EXPECT_EQ(late->get_future().get(), Errc::timeout);
  web->release();
  EXPECT_TRUE(patient->get_future().get());
}

TEST_F(InPlaceTest, AnExpiredListingIsPlacedAsItIsAndRefreshedBehind) {
  web->put("/a", {kMiB});
  begin();
  ASSERT_TRUE(populate(kRootId));
  web->put("/b", {kMiB});
  clock.forward(options.ttl * 2);
  EXPECT_FALSE(tree().is_fresh(kRootId));
  web->hold();
  ASSERT_TRUE(populate(kRootId)) << "nobody waits for the refresh";
  EXPECT_EQ(placed(kRootId), (std::set<std::string>{"a 1"}));
  web->release();
  ASSERT_TRUE(heard.wait_for("directory 1"));
  EXPECT_FALSE(tree().is_fresh(kRootId)) << "the listener has to populate again";
  ASSERT_TRUE(populate(kRootId));
  EXPECT_EQ(placed(kRootId), (std::set<std::string>{"a 1", "b 1"}));
  EXPECT_TRUE(tree().is_fresh(kRootId));
}

TEST_F(InPlaceTest, ANewVersionMetByAFillIsToldAndPlacedAnew) {
  web->put("/a", {4 * kMiB});
  begin();
  ASSERT_TRUE(populate(kRootId));
  const auto file = engine->open(*engine->find("a"));
  ASSERT_TRUE(file);
  ASSERT_TRUE(fill(*file, {0, 1}));
  web->touch("/a");
  EXPECT_EQ(fill(*file, {2 * kMiB, 2 * kMiB + 1}).error().code, Errc::changed);
  ASSERT_TRUE(heard.wait_for("entry a"));
  EXPECT_FALSE(tree().is_fresh(kRootId));
  ASSERT_TRUE(populate(kRootId));
  EXPECT_EQ(placed(kRootId), (std::set<std::string>{"a 2"}));
}

TEST_F(InPlaceTest, AListingThatChangesWhileItIsPlacedIsPlacedAgain) {
  web->put("/a", {kMiB});
  begin();
  ASSERT_TRUE(engine->check_root(30s));
  hold_placing(true);
  auto answer = std::make_shared<std::promise<bool>>();
  tree().populate(kRootId, soon(),
                  [answer](const Result<PlacementPtr>& r) { answer->set_value(r.has_value()); });
  ASSERT_TRUE(wait_for_calls(kRootId, 1));
  web->put("/b", {kMiB});
  ASSERT_TRUE(engine->check_root(30s));
  hold_placing(false);
  EXPECT_TRUE(answer->get_future().get());
  EXPECT_EQ(placed(kRootId), (std::set<std::string>{"a 1", "b 1"}));
}

TEST_F(InPlaceTest, WhatCannotBePlacedSaysWhy) {
  web->put("/a", {kMiB});
  begin();
  book->fails = true;
  EXPECT_EQ(populate(kRootId).error().code, Errc::no_space);
  EXPECT_FALSE(tree().is_fresh(kRootId));
}

TEST_F(InPlaceTest, AFileIsNoDirectory) {
  web->put("/a", {kMiB});
  begin();
  ASSERT_TRUE(populate(kRootId));
  EXPECT_EQ(populate(*engine->find("a")).error().code, Errc::not_a_directory);
  EXPECT_EQ(populate(4'711).error().code, Errc::not_found);
}

TEST_F(InPlaceTest, TheObserverIsAskedWhileItPlaces) {
  begin();
  const auto observer = std::make_shared<CountingObserver>();
  tree().set_observer(observer);
  ASSERT_TRUE(populate(kRootId));
  EXPECT_TRUE(observer->has_seen(kRootId));
}

TEST_F(InPlaceTest, SomebodyWhoWaitsOvertakesLookAhead) {
  web->set_style(FakeWeb::Style::names_only);
  for (int d = 0; d < 3; ++d) {
    for (int i = 0; i < 40; ++i) {
      web->put("/d" + std::to_string(d) + "/f" + std::to_string(i), {kMiB});
    }
  }
  begin();
  ASSERT_TRUE(populate(kRootId));
  const RequestContext ahead{Priority::look_ahead, clock.now() + 30s};
  web->hold();
  std::atomic<int> done_ahead{0};
  for (int d = 0; d < 3; ++d) {
    tree().populate(*engine->find("d" + std::to_string(d)), ahead,
                    [&](const Result<PlacementPtr>&) { ++done_ahead; });
  }
  web->release();
  EXPECT_TRUE(populate(*engine->find("d2")));
  EXPECT_TRUE(eventually([&] { return done_ahead == 3; }));
  EXPECT_EQ(web->count("HEAD /d2/"), 40u);
}

TEST_F(InPlaceTest, EvictRefusesAFileThatIsBeingFilled) {
  web->put("/a", {4 * kMiB});
  begin();
  ASSERT_TRUE(populate(kRootId));
  const EntryId id = *engine->find("a");
  {
    const auto file = engine->open(id);
    ASSERT_TRUE(file);
    EXPECT_EQ(engine->storage().evict(id).error().code, Errc::busy) << "somebody reads it";
  }
  web->hold();
  auto filled = std::make_shared<std::promise<bool>>();
  engine->fill(*engine->open(id), {0, 1}, soon(),
               [filled](const Result<>& r) { filled->set_value(r.has_value()); });
  EXPECT_EQ(engine->storage().evict(id).error().code, Errc::busy) << "it is being filled";
  web->release();
  EXPECT_TRUE(filled->get_future().get());
  EXPECT_TRUE(eventually([&] { return engine->storage().evict(id).has_value(); }));
  EXPECT_EQ(book->evicted, std::vector<EntryId>{id});
}

TEST_F(InPlaceTest, AFileThatIsBeingMarkedAsCompleteIsNotEvicted) {
  web->put("/a", {1'000});
  web->put("/b", {kMiB});
  begin();
  ASSERT_TRUE(populate(kRootId));
  const EntryId a = *engine->find("a");
  ASSERT_TRUE(fill(*engine->open(a), {0, 1'000}));
  ASSERT_TRUE(heard.wait_for("complete a"));
  bool marked = false;
  tree().if_complete(a, [&] {
    marked = true;
    EXPECT_EQ(engine->storage().evict(a).error().code, Errc::busy);
  });
  EXPECT_TRUE(marked);
  EXPECT_TRUE(eventually([&] { return engine->storage().evict(a).has_value(); }));
  tree().if_complete(*engine->find("b"), [&] { ADD_FAILURE() << "b is not complete"; });
}

TEST_F(InPlaceTest, StoppingEndsWhoWaits) {
  web->put("/a", {kMiB});
  begin();
  web->hold();
  auto answer = std::make_shared<std::promise<Errc>>();
  tree().populate(kRootId, soon(), [answer](const Result<PlacementPtr>& r) {
    answer->set_value(r ? Errc::internal : r.error().code);
  });
  web->release();
  stop();
  const Errc code = answer->get_future().get();
  EXPECT_TRUE(code == Errc::cancelled || code == Errc::internal) << "answered once, in any case";
}

}  // namespace
}  // namespace lazymirror::testing
