// SPDX-License-Identifier: Apache-2.0
//
// The arithmetic of the quota, and who is admitted by it.
#include "engine/space_policy.h"

#include <fcntl.h>

#include <future>
#include <map>

#include "cache_around.h"
#include "engine/admissions.h"
#include "engine/storage_keeper.h"
#include "engine_fixture.h"
#include "model/random_steps.h"
#include "support/manual_clock.h"

namespace lazymirror::testing {
namespace {

constexpr std::uint64_t kMost = UINT64_MAX;

TEST(SpacePolicyTest, TheLimitCountsWhatIsStoredPromisedAndWanted) {
  const Space space{.limit = 100, .stored = 50, .promised = 30, .available = kMost};
  EXPECT_EQ(lacking(space, 20), 0u);
  EXPECT_EQ(lacking(space, 21), 1u);
  EXPECT_EQ(lacking({.limit = 100, .stored = 150, .available = kMost}, 0), 50u);
}

TEST(SpacePolicyTest, TheDiskKeepsItsReserve) {
  const Space space{.limit = kMost, .promised = 10, .available = 100, .min_free = 60};
  EXPECT_EQ(lacking(space, 30), 0u);
  EXPECT_EQ(lacking(space, 35), 5u);
  EXPECT_EQ(lacking({.limit = kMost, .available = 5, .min_free = 60}, 0), 55u);
}

TEST(SpacePolicyTest, TheLargerLackCounts) {
  EXPECT_EQ(lacking({.limit = 10, .stored = 10, .available = 50, .min_free = 60}, 4), 14u);
  EXPECT_EQ(lacking({.limit = 10, .stored = 30, .available = 50, .min_free = 60}, 4), 24u);
}

TEST(SpacePolicyTest, NothingOverflows) {
  EXPECT_EQ(
      lacking({.limit = kMost, .stored = kMost, .promised = kMost, .available = kMost}, kMost), 0u);
  EXPECT_EQ(lacking({.limit = 0, .available = kMost}, kMost), kMost);
}

TEST(SpacePolicyTest, BesideWhatStaysAllElseMayGo) {
  EXPECT_EQ(room_beside({.limit = 100, .stored = 90, .available = kMost}, 30), 70u);
  EXPECT_EQ(room_beside({.limit = 100, .stored = 90, .available = kMost}, 130), 0u);
  EXPECT_EQ(room_beside({.limit = 100, .stored = 50, .available = 20, .min_free = 15}, 30), 25u);
  EXPECT_EQ(room_beside({.limit = 100, .stored = 50, .available = 20, .min_free = 90}, 30), 0u);
}

TEST(SpacePolicyTest, TheFirstSizeIsFourFifthsOfWhatThereIs) {
  EXPECT_EQ(first_cache_size(1'000, 0), 800u);
  EXPECT_EQ(first_cache_size(500, 500), 800u) << "what is stored already could be given back";
}

TEST(SpacePolicyTest, AFileThatIsNotCompleteRestsLater) {
  constexpr std::int64_t kMinute = 60'000'000'000;
  EXPECT_TRUE(is_at_rest({1, 10, 0, true}, 1));
  EXPECT_FALSE(is_at_rest({1, 10, 0, false}, 9 * kMinute));
  EXPECT_TRUE(is_at_rest({1, 10, 0, false}, 11 * kMinute));
}

TEST(SpacePolicyTest, OfALargeFileGoesWhatIsNeeded) {
  EXPECT_EQ(part_to_give(kMiB, 1), std::nullopt);
  EXPECT_EQ(part_to_give(100 * kMiB, 1), 16 * kMiB);
  EXPECT_EQ(part_to_give(100 * kMiB, 40 * kMiB), 40 * kMiB);
  EXPECT_EQ(part_to_give(100 * kMiB, 60 * kMiB), std::nullopt) << "then all of it";
}

TEST(SpacePolicyTest, SlackIsSmallAndBounded) {
  EXPECT_EQ(slack(64u << 20), 1u << 20);
  EXPECT_EQ(slack(kMost), 16u << 20);
}

// --- admissions ---

// Stores what it is told to.
class CountingCache : public CacheAround {
 public:
  CountingCache() : CacheAround(nullptr) {}
  std::uint64_t stored_bytes() const override { return stored; }
  int data_fd() const override { return -1; }  // of no file system: it is never full
  std::uint64_t stored = 0;
};

class AdmissionsTest : public ::testing::Test {
 protected:
  // The answer, once there is one.
  struct Asked {
    bool answered = false;
    Result<RoomPtr> room = nullptr;
  };
  std::shared_ptr<Asked> ask(std::uint64_t bytes) {
    auto asked = std::make_shared<Asked>();
    admissions.admit(bytes, [asked](Result<RoomPtr> room) {
      asked->answered = true;
      asked->room = std::move(room);
    });
    return asked;
  }

  CountingCache cache;
  ManualClock clock;
  FreeSpace free{cache, clock};
  Admissions admissions{cache, free, {.cache_size = 100, .min_free = 0}, clock};
};

TEST_F(AdmissionsTest, RoomIsPromisedUntilItIsStoredOrGivenBack) {
  const auto first = ask(60);
  ASSERT_TRUE(first->answered && first->room);
  EXPECT_EQ(admissions.promised(), 60u);
  cache.stored += 20;
  (*first->room)->stored(20);
  EXPECT_EQ(admissions.promised(), 40u);
  EXPECT_EQ(admissions.try_admit(41), nullptr);
  EXPECT_NE(admissions.try_admit(40), nullptr);
  first->room->reset();
  EXPECT_EQ(admissions.promised(), 0u);
  EXPECT_NE(admissions.try_admit(80), nullptr);
}

// On the disk that the tests are on.
class CacheOnDisk final : public CountingCache {
 public:
  int data_fd() const override { return directory_.get(); }
  std::uint64_t reserved_bytes() override { return reserved; }
  std::uint64_t reserved = 0;

 private:
  const UniqueFd directory_{::open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
};

TEST(AdmissionsOnDiskTest, ReservedBlocksMayEatIntoWhatStaysFreeButAreNotThereForOthers) {
  CacheOnDisk cache;
  ManualClock clock;
  FreeSpace free{cache, clock};
  const std::uint64_t left = free.available(kMost);
  ASSERT_LT(left, kMost / 100);
  Admissions admissions{cache, free, {.cache_size = kMost, .min_free = 2 * left}, clock};
  EXPECT_EQ(admissions.try_admit(1), nullptr);
  cache.reserved = kMost / 4;
  EXPECT_NE(admissions.try_admit(1), nullptr);
  EXPECT_EQ(admissions.try_admit(4 * left), nullptr);
}

TEST_F(AdmissionsTest, MoreThanWasPromisedIsNotGivenBack) {
  const auto room = admissions.try_admit(10);
  room->stored(25);
  EXPECT_EQ(admissions.promised(), 0u);
}

TEST_F(AdmissionsTest, WhoFindsNoRoomWaitsAndIsServedInOrder) {
  cache.stored = 90;
  const auto first = ask(30);
  const auto second = ask(5);
  EXPECT_FALSE(first->answered);
  EXPECT_FALSE(second->answered) << "it would fit, but others came before";
  EXPECT_EQ(admissions.lacking(), 25u);
  cache.stored = 70;
  admissions.serve();
  EXPECT_TRUE(first->answered && first->room);
  EXPECT_FALSE(second->answered);
  cache.stored = 60;
  admissions.serve();
  EXPECT_TRUE(second->answered && second->room);
  EXPECT_FALSE(admissions.has_waiters());
}

TEST_F(AdmissionsTest, WhenNothingCanGoWhoFitsIsAdmittedAndOthersAreRefused) {
  cache.stored = 90;
  const auto large = ask(30);
  const auto small = ask(5);
  admissions.refuse(admissions.last_waiter(), Duration(1'000));
  ASSERT_TRUE(large->answered && small->answered);
  EXPECT_EQ(large->room.error().code, Errc::no_space);
  EXPECT_TRUE(small->room);
  EXPECT_TRUE(admissions.is_full());
  EXPECT_TRUE(ask(30)->answered) << "refused at once";
  EXPECT_TRUE(ask(5)->room) << "what fits is admitted all the same";
  clock.advance(Duration(1'001));
  EXPECT_FALSE(admissions.is_full());
  EXPECT_FALSE(ask(30)->answered) << "it waits again";
  admissions.stop();
}

TEST_F(AdmissionsTest, WhoCameAfterTheSearchBeganIsNotRefused) {
  cache.stored = 100;
  const auto first = ask(30);
  const auto searched_for = admissions.last_waiter();
  const auto second = ask(30);
  admissions.refuse(searched_for, Duration(1'000));
  EXPECT_TRUE(first->answered);
  EXPECT_FALSE(second->answered);
  EXPECT_EQ(admissions.lacking(), 30u);
  cache.stored = 0;
  admissions.serve();
  EXPECT_TRUE(second->room);
}

TEST_F(AdmissionsTest, WhatHasGoneOpensIt) {
  cache.stored = 100;
  const auto refused = ask(1);
  admissions.refuse(admissions.last_waiter(), Duration(1'000'000));
  cache.stored = 0;
  EXPECT_TRUE(admissions.is_full());
  admissions.close(Duration(1'000'000));
  EXPECT_EQ(ask(1)->room.error().code, Errc::no_space);
  admissions.reopen();
  EXPECT_TRUE(ask(1)->room);
}

TEST_F(AdmissionsTest, StoppingEndsWhoWaitsAndWhoComes) {
  cache.stored = 100;
  const auto waiting = ask(1);
  admissions.stop();
  EXPECT_EQ(waiting->room.error().code, Errc::cancelled);
  EXPECT_EQ(ask(0)->room.error().code, Errc::cancelled);
  EXPECT_FALSE(admissions.wait(SteadyTime::max()));
}

// Against a list of promises: whatever happens, all that is stored and promised
// stays within the limit, and all who ask are answered once.
TEST_F(AdmissionsTest, ModelOfTheBound) {
  test::RandomSteps random;
  SCOPED_TRACE(random.seed_text());
  std::vector<std::shared_ptr<Asked>> asked;
  std::vector<RoomPtr> rooms;
  for (int step = 0; step < 20'000; ++step) {
    switch (random.below(5)) {
      case 0: asked.push_back(ask(random.below(60))); break;
      case 1: {  // a chunk arrives
        if (rooms.empty()) break;
        Room& room = *rooms[random.below(rooms.size())];
        const std::uint64_t part = room.left() == 0 ? 0 : random.below(room.left() + 1);
        cache.stored += part;
        room.stored(part);
        break;
      }
      case 2:  // a transfer ends
        if (!rooms.empty())
          rooms.erase(rooms.begin() + static_cast<long>(random.below(rooms.size())));
        break;
      case 3:  // a file goes
        cache.stored -= random.below(cache.stored + 1);
        admissions.serve();
        break;
      case 4:
        if (random.one_in(4)) admissions.refuse(admissions.last_waiter(), Duration(0));
        break;
    }
    std::erase_if(asked, [&](const auto& each) {
      if (each->answered && each->room) rooms.push_back(std::move(*each->room));
      return each->answered;
    });
    std::uint64_t promised = 0;
    for (const RoomPtr& room : rooms) promised += room->left();
    ASSERT_EQ(admissions.promised(), promised);
    ASSERT_LE(cache.stored + promised, 100u);
    ASSERT_EQ(admissions.has_waiters(), !asked.empty());
  }
  admissions.stop();
  for (const auto& each : asked) EXPECT_TRUE(each->answered);
}

// --- the keeper ---

// Something is always being filled, and each question takes a while.
class BusyCache final : public CacheAround {
 public:
  BusyCache(std::unique_ptr<Cache> real, ManualClock& clock)
      : CacheAround(std::move(real)), clock_(clock) {}
  bool is_written_to() const override {
    clock_.advance(Duration(600));
    ++asked;
    return true;
  }
  mutable std::atomic<int> asked{0};

 private:
  ManualClock& clock_;
};

class NoFiles final : public FileEvictor {
 public:
  Result<> evict(EntryId) override { return fail(Errc::busy, "it is in use"); }
  Result<std::uint64_t> evict_tail(EntryId, std::uint64_t) override {
    return fail(Errc::busy, "it is in use");
  }
};

TEST(StorageKeeperTest, RestsForWhatASearchTookAndNotForItsPatience) {
  const TempDir directory;
  ManualClock clock;
  auto opened = Cache::open({directory / "cache", "http://x.test/", Duration(100), 100, ""}, clock);
  ASSERT_TRUE(opened) << opened.error().message;
  BusyCache cache(std::move(*opened), clock);
  NoFiles files;
  StorageKeeper keeper({.cache_size = 4096, .look_interval = std::chrono::hours(10'000)}, cache,
                       clock);
  keeper.start(files);
  std::promise<Result<RoomPtr>> answer;
  keeper.admissions().admit(8192, [&](Result<RoomPtr> room) { answer.set_value(std::move(room)); });
  const auto room = answer.get_future().get();
  ASSERT_FALSE(room);
  EXPECT_EQ(room.error().code, Errc::no_space);
  EXPECT_EQ(cache.asked, 2) << "it is tried again for a second, while something is being filled";
  EXPECT_TRUE(keeper.admissions().is_full());
  clock.advance(Duration(201));
  EXPECT_FALSE(keeper.admissions().is_full()) << "the next one is looked at anew";
  keeper.stop();
}

}  // namespace
}  // namespace lazymirror::testing
