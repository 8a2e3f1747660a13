// SPDX-License-Identifier: Apache-2.0
//
// Opening, filling and reading files.
#include <random>
#include <thread>

#include "engine_fixture.h"
#include "full_cache.h"
#include "support/truth.h"

namespace lazymirror::testing {
namespace {

using namespace std::chrono_literals;

class FileTest : public EngineTest {
 protected:
  // Opens `path` until all of it can be had; that is `version`, every byte.
  ::testing::AssertionResult reads_anew(const std::string& path, std::uint64_t version,
                                        std::uint64_t size) {
    Result<> filled = fail(Errc::busy, "never filled");
    const bool done = eventually([&] {
      filled = fill(open(path), {0, size});
      return filled.has_value();
    });
    if (!done) return ::testing::AssertionFailure() << path << ": " << filled.error().message;
    return reads(open(path), path, version, {0, size});
  }
};

TEST_F(FileTest, ReadsWhatTheOriginHas) {
  web->put("/d/a", {3 * kMiB + 17});
  start();
  const auto file = open("d/a");
  EXPECT_TRUE(reads(file, "d/a", 1, {kMiB, kMiB + 5}));
  EXPECT_EQ(web->count("GET"), 1u);
  EXPECT_EQ(web->requests().back(), "GET /d/a 1048576-1114112") << "whole chunks, no more";
  EXPECT_TRUE(reads(file, "d/a", 1, {3 * kMiB, 3 * kMiB + 17}));
  EXPECT_FALSE(file->is_complete());
}

TEST_F(FileTest, WhatIsPresentIsReadWithoutTheOrigin) {
  web->put("/a", {kMiB});
  start();
  const auto file = open("a");
  EXPECT_TRUE(reads(file, "a", 1, {0, 100}));
  web->hold();
  EXPECT_TRUE(reads(file, "a", 1, {50, 90}));
  EXPECT_EQ(web->count("GET"), 1u);
}

TEST_F(FileTest, ASmallFileIsOneRequest) {
  web->put("/a", {200'000});
  start();
  const auto file = open("a");
  for (std::uint64_t at = 0; at < 200'000; at += 50'000) {
    EXPECT_TRUE(reads(file, "a", 1, {at, at + 50'000}));
  }
  EXPECT_EQ(web->count("GET"), 1u);
  EXPECT_TRUE(file->is_complete());
}

TEST_F(FileTest, SequentialReadingFetchesAheadInLongRequests) {
  web->put("/a", {64 * kMiB});
  start();
  const auto file = open("a");
  for (std::uint64_t at = 0; at < 64 * kMiB; at += 128u << 10) {
    ASSERT_TRUE(reads(file, "a", 1, {at, at + (128u << 10)}));
  }
  EXPECT_LT(web->count("GET"), 40u) << "512 reads";
  EXPECT_TRUE(file->is_complete());
  EXPECT_TRUE(heard.wait_for("complete a"));
}

TEST_F(FileTest, AFileThatIsClosedIsNotFetchedAhead) {
  web->put("/a", {512 * kMiB});
  web->put("/b", {4096});
  start();
  const auto file = open("a");
  constexpr std::uint64_t kStep = 128u << 10;
  std::uint64_t at = 0;
  for (; at < 8 * kMiB; at += kStep) ASSERT_TRUE(reads(file, "a", 1, {at, at + kStep}));
  web->hold();
  ASSERT_TRUE(web->wait_until_held());
  const auto asked = web->count("GET /a");
  for (; web->count("GET /a") < asked + 2 && at < 512 * kMiB; at += kStep) {
    engine->fill(file, {at, at + kStep}, soon(), [](const Result<>&) {});
  }
  const auto begun = web->count("GET /a");
  ASSERT_GE(begun, asked + 2);
  engine->abandon(file);
  web->release();
  EXPECT_TRUE(reads(open("b"), "b", 1, {0, 4096}));
  stop();
  EXPECT_EQ(web->count("GET /a"), begun) << "what was queued is withdrawn";
}

TEST_F(FileTest, RandomReadsFetchOnlyTheirChunks) {
  web->put("/a", {512 * kMiB});
  start();
  const auto file = open("a");
  std::mt19937_64 random(3);
  for (int i = 0; i < 50; ++i) {
    const std::uint64_t at = random() % (512 * kMiB - 4096);
    ASSERT_TRUE(reads(file, "a", 1, {at, at + 4096}));
  }
  const auto found = walk("a");
  EXPECT_LT(engine->status(found->id)->cached_bytes, 120 * kChunk);
}

TEST_F(FileTest, ManyThreadsReadTheTruth) {
  for (int f = 0; f < 4; ++f) web->put("/f" + std::to_string(f), {8 * kMiB + 3});
  start();
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937_64 random(t);
      for (int i = 0; i < 60; ++i) {
        const std::string name = "f" + std::to_string(random() % 4);
        const auto file = open(name);
        const std::uint64_t begin = random() % (8 * kMiB);
        const std::uint64_t end = std::min<std::uint64_t>(begin + random() % kMiB, 8 * kMiB + 3);
        EXPECT_TRUE(reads(file, name, 1, {begin, end}));
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

TEST_F(FileTest, TheOpenFileIsOneObjectForAll) {
  web->put("/a", {kMiB});
  start();
  EXPECT_EQ(open("a"), open("a"));
}

TEST_F(FileTest, CompletionIsToldOnceAndShown) {
  web->put("/a", {kMiB});
  start();
  const auto id = walk("a")->id;
  EXPECT_FALSE((*list(kRootId))->items[0].attributes->complete);
  {
    const auto file = open("a");
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(reads(file, "a", 1, {0, kMiB}));
    EXPECT_TRUE(file->backing_fd());
  }
  EXPECT_TRUE(heard.wait_for("complete a"));
  EXPECT_EQ(heard.count("complete a"), 1);
  EXPECT_TRUE(walk("a")->complete);
  EXPECT_TRUE((*list(kRootId))->items[0].attributes->complete);
  const auto status = engine->status(id);
  EXPECT_EQ(status->state, "cached");
  EXPECT_EQ(status->cached_bytes, kMiB);
  EXPECT_EQ(status->url, "http://origin.test/a");
  EXPECT_EQ(status->etag, "\"v1\"");
}

TEST_F(FileTest, CompleteFilesAreKnownAfterARestartAndReadOffline) {
  web->put("/a", {kMiB});
  web->put("/b", {kMiB});
  start();
  EXPECT_TRUE(reads(open("a"), "a", 1, {0, kMiB}));
  stop();
  web->fail_all(Errc::unreachable);
  start();
  const auto view = list(kRootId);
  ASSERT_TRUE(view);
  EXPECT_TRUE((*view)->items[0].attributes->complete);
  EXPECT_FALSE((*view)->items[1].attributes->complete);
  EXPECT_TRUE(reads(open("a"), "a", 1, {0, kMiB}));
  EXPECT_EQ(fill(open("b"), {0, 1}).error().code, Errc::unreachable);
}

TEST_F(FileTest, AVersionThatChangesMidFileIsAnErrorAndNeverAMix) {
  web->put("/a", {4 * kMiB});
  start();
  const auto old = open("a");
  EXPECT_TRUE(reads(old, "a", 1, {0, kChunk}));
  web->touch("/a");
  EXPECT_EQ(fill(old, {kMiB, kMiB + 1}).error().code, Errc::changed);
  EXPECT_TRUE(heard.wait_for("entry a"));
  EXPECT_EQ(fill(old, {2 * kMiB, 2 * kMiB + 1}).error().code, Errc::changed);
  EXPECT_TRUE(reads(old, "a", 1, {0, kChunk})) << "what was there stays";
  const auto fresh = open("a");
  EXPECT_NE(fresh->generation(), old->generation());
  EXPECT_TRUE(reads(fresh, "a", 2, {0, 2 * kMiB}));
}

TEST_F(FileTest, AnotherSizeIsAnotherVersion) {
  web->put("/a", {4 * kMiB});
  start();
  const auto old = open("a");
  web->put("/a", {5 * kMiB, 2});
  EXPECT_EQ(fill(old, {0, 1}).error().code, Errc::changed);
  EXPECT_TRUE(heard.wait_for("entry a"));
  const auto fresh = open("a");
  EXPECT_EQ(fresh->size(), 5 * kMiB);
  EXPECT_TRUE(reads(fresh, "a", 2, {4 * kMiB, 5 * kMiB}));
}

TEST_F(FileTest, WithoutRangesOneStreamServesEverybody) {
  web->put("/a", {8 * kMiB});
  web->set_ranges(false);
  start();
  const auto file = open("a");
  std::atomic<int> done{0};
  web->hold();
  for (std::uint64_t at = 0; at < 8 * kMiB; at += kMiB) {
    engine->fill(file, {at, at + 10}, soon(), [&](Result<> r) { done += r ? 1 : 1000; });
  }
  web->release();
  EXPECT_TRUE(eventually([&] { return done == 8; })) << done;
  EXPECT_TRUE(reads(file, "a", 1, {0, 8 * kMiB}));
  EXPECT_EQ(heard.wait_for("complete a"), true);
  const auto more = open("a");
  EXPECT_TRUE(reads(more, "a", 1, {kMiB, 2 * kMiB}));
}

TEST_F(FileTest, AfterTheFirstWholeAnswerRangesAreNotAskedForAgain) {
  web->put("/a", {8 * kMiB});
  web->set_ranges(false);
  web->break_off("/a", 2 * kMiB);
  start();
  const auto file = open("a");
  EXPECT_TRUE(reads(file, "a", 1, {0, kMiB}));
  EXPECT_EQ(web->count("GET"), 1u);
  EXPECT_TRUE(reads(file, "a", 1, {7 * kMiB, 8 * kMiB}) ||
              reads(file, "a", 1, {7 * kMiB, 8 * kMiB}));
  EXPECT_EQ(web->requests().back(), "GET /a whole");
  EXPECT_EQ(web->count("GET"), 2u);
}

TEST_F(FileTest, AFileWithoutAValidatorIsFetchedInOneResponse) {
  web->put("/a", {4 * kMiB, 1, false, false});
  start();
  const auto file = open("a");
  EXPECT_TRUE(reads(file, "a", 1, {kMiB, 2 * kMiB}));
  EXPECT_TRUE(reads(file, "a", 1, {0, 4 * kMiB}));
  EXPECT_EQ(web->count("GET /a whole"), 1u);
  EXPECT_LE(web->count("GET /a"), 2u);
}

TEST_F(FileTest, ABrokenStreamWithoutAValidatorGoesOnWhenItIsTheSame) {
  web->put("/a", {4 * kMiB, 1, false, false});
  web->break_off("/a", kMiB);
  start();
  const auto file = open("a");
  EXPECT_TRUE(reads(file, "a", 1, {0, kChunk}));
  EXPECT_TRUE(eventually([&] { return static_cast<bool>(fill(file, {3 * kMiB, 4 * kMiB})); }));
  EXPECT_TRUE(reads(file, "a", 1, {0, 4 * kMiB}));
}

TEST_F(FileTest, ABrokenStreamWithoutAValidatorIsNeverMixedWithAnother) {
  web->put("/a", {4 * kMiB, 1, false, false});
  web->break_off("/a", kMiB);
  start();
  const auto file = open("a");
  EXPECT_TRUE(reads(file, "a", 1, {0, kChunk}));
  // The stream that is broken off ends the first of these, if it comes in time.
  web->touch("/a");
  EXPECT_TRUE(eventually([&] {
    const auto filled = fill(file, {3 * kMiB, 4 * kMiB});
    return !filled && filled.error().code == Errc::changed;
  }));
  std::vector<std::byte> bytes(10);
  EXPECT_EQ(file->read(bytes, 0, false).error().code, Errc::changed) << "of a version that is gone";
  EXPECT_FALSE(file->is_present({0, 1}));
  EXPECT_EQ(fill(file, {0, 1}).error().code, Errc::changed);
  EXPECT_TRUE(heard.wait_for("entry a"));
  const auto fresh = open("a");
  EXPECT_NE(fresh, file);
  EXPECT_TRUE(reads(fresh, "a", 2, {0, 4 * kMiB}));
}

TEST_F(FileTest, ABrokenStreamWithoutAValidatorIsNeverMixedWithAVersionThatHasOne) {
  web->put("/a", {4 * kMiB, 1, false, false});
  web->break_off("/a", kMiB, 1'000);
  start();
  const auto file = open("a");
  EXPECT_TRUE(reads(file, "a", 1, {0, kChunk}));
  web->put("/a", {4 * kMiB, 2});
  web->break_off("/a", 0, 0);
  EXPECT_TRUE(eventually([&] {
    const auto filled = fill(file, {3 * kMiB, 4 * kMiB});
    return !filled && filled.error().code == Errc::changed;
  }));
  EXPECT_TRUE(heard.wait_for("entry a"));
  EXPECT_TRUE(reads_anew("a", 2, 4 * kMiB));
  EXPECT_NE(open("a")->generation(), file->generation()) << "nor with what the kernel keeps";
}

TEST_F(FileTest, ABrokenStreamWithoutAValidatorIsNotMixedAfterARestartEither) {
  web->put("/a", {4 * kMiB, 1, false, false});
  web->break_off("/a", kMiB, 1'000);
  start();
  EXPECT_TRUE(reads(open("a"), "a", 1, {0, kChunk}));
  stop();
  web->put("/a", {4 * kMiB, 2});
  web->break_off("/a", 0, 0);
  start();
  EXPECT_TRUE(reads_anew("a", 2, 4 * kMiB));
}

TEST_F(FileTest, ABrokenStreamWithoutAValidatorGoesOnAlsoWhenThereIsOneByNow) {
  web->put("/a", {4 * kMiB, 1, false, false});
  web->break_off("/a", kMiB, 1'000);
  start();
  const auto file = open("a");
  EXPECT_TRUE(reads(file, "a", 1, {0, kChunk}));
  web->put("/a", {4 * kMiB, 1});
  web->break_off("/a", 0, 0);
  EXPECT_TRUE(eventually([&] { return fill(file, {0, 4 * kMiB}).has_value(); }));
  EXPECT_TRUE(reads(file, "a", 1, {0, 4 * kMiB}));
}

TEST_F(FileTest, WhatWasGivenUpWithoutAValidatorIsFetchedAsANewGeneration) {
  web->put("/a", {4 * kMiB, 1, false, false});
  web->break_off("/a", kMiB, 1'000);
  start();
  const auto file = open("a");
  EXPECT_TRUE(reads(file, "a", 1, {0, kChunk}));
  web->touch("/a");
  web->break_off("/a", 0, 0);
  EXPECT_TRUE(eventually([&] {
    const auto filled = fill(file, {3 * kMiB, 4 * kMiB});
    return !filled && filled.error().code == Errc::changed;
  }));
  EXPECT_TRUE(reads_anew("a", 2, 4 * kMiB));
  EXPECT_EQ(open("a")->generation(), file->generation() + 1) << "once, not at each read";
  EXPECT_TRUE(heard.wait_for("entry a"));
}

TEST_F(FileTest, AFileWhoseValidatorDisappearsIsReadAgain) {
  web->put("/a", {4 * kMiB});
  start();
  EXPECT_TRUE(reads(open("a"), "a", 1, {0, kChunk}));
  web->put("/a", {4 * kMiB, 1, false, true});  // as by "etag off"
  EXPECT_TRUE(reads_anew("a", 1, 4 * kMiB));
}

TEST_F(FileTest, AFileWhoseValidatorsAllDisappearIsReadAgain) {
  web->put("/a", {4 * kMiB});
  start();
  EXPECT_TRUE(reads(open("a"), "a", 1, {0, kChunk}));
  web->put("/a", {4 * kMiB, 2, false, false});
  EXPECT_TRUE(reads_anew("a", 2, 4 * kMiB));
}

TEST_F(FileTest, AFileWhoseValidatorIsOfAnotherKindIsReadAgain) {
  web->put("/a", {4 * kMiB, 1, false, true});
  start();
  EXPECT_TRUE(reads(open("a"), "a", 1, {0, kChunk}));
  web->put("/a", {4 * kMiB, 2, true, false});
  EXPECT_TRUE(reads_anew("a", 2, 4 * kMiB));
}

TEST_F(FileTest, ABrokenTransferIsAnErrorForThoseItFailedAndCanBeTriedAgain) {
  web->put("/a", {4 * kMiB});
  web->break_off("/a", kMiB);
  start();
  const auto file = open("a");
  std::optional<Errc> far;
  const auto near = wait<void>([&](Completion<> done) {
    engine->fill(file, {0, 4 * kMiB}, soon(), std::move(done));
  });
  EXPECT_EQ(near.error().code, Errc::unreachable);
  EXPECT_TRUE(file->is_present({0, kMiB}));
  EXPECT_TRUE(reads(file, "a", 1, {0, 4 * kMiB}));
}

TEST_F(FileTest, DeadlineAndInterruptEndTheWaitOfAFill) {
  web->put("/a", {4 * kMiB});
  start();
  const auto file = open("a");
  web->hold();
  const auto late = wait<void>([&](Completion<> done) {
    engine->fill(file, {0, 1}, soon(30ms), std::move(done));
  });
  EXPECT_EQ(late.error().code, Errc::timeout);
  std::promise<Result<>> answer;
  const WaiterId id =
      engine->fill(file, {0, 1}, soon(), [&](Result<> r) { answer.set_value(std::move(r)); });
  ASSERT_NE(id, 0u);
  engine->cancel(id);
  EXPECT_EQ(answer.get_future().get().error().code, Errc::cancelled);
  web->release();
  EXPECT_TRUE(reads(file, "a", 1, {0, 1}));
}

TEST_F(FileTest, OpenSaysWhatCannotBeOpened) {
  web->put("/d/a", {10});
  web->set_style(FakeWeb::Style::names_only);
  start();
  const auto d = walk("d");
  EXPECT_EQ(engine->open(d->id).error().code, Errc::is_a_directory);
  const auto view = list(d->id);
  EXPECT_EQ(engine->open((*view)->items[0].id).error().code, Errc::busy);
  EXPECT_EQ(engine->open(987654).error().code, Errc::not_found);
}

TEST_F(FileTest, AnEmptyFileNeedsNoOrigin) {
  web->put("/a", {0});
  start();
  const auto file = open("a");
  EXPECT_TRUE(fill(file, {0, 100}));
  std::vector<std::byte> bytes(10);
  EXPECT_EQ(file->read(bytes, 0, false).value(), 0u);
  EXPECT_EQ(web->count("GET"), 0u);
}

TEST_F(FileTest, AHitIsWhatWasHereAndAnEarlyFailureIsNone) {
  web->put("/a", {kMiB});
  start();
  const auto file = open("a");
  engine->set_offline(true);
  EXPECT_FALSE(fill(file, {0, 100}));
  EXPECT_EQ(engine->report().hits, 0u);
  EXPECT_EQ(engine->report().misses, 1u);
  engine->set_offline(false);
  EXPECT_TRUE(fill(file, {0, 100}));
  EXPECT_EQ(engine->report().misses, 2u);
  EXPECT_TRUE(fill(file, {50, 60}));
  EXPECT_EQ(engine->report().hits, 1u);
  EXPECT_EQ(engine->report().misses, 2u);
}

// --- a full cache ---

class FullCacheTest : public FileTest {
 protected:
  void start_full() {
    start([](std::unique_ptr<Cache> real) { return std::make_unique<FullCache>(std::move(real)); });
  }
  // Two fills, of which the first asks and finds the cache full. That is believed for two
  // seconds: false if the second came too late for that, or the first too soon.
  bool stays_full(const std::shared_ptr<File>& file) {
    const auto begun = std::chrono::steady_clock::now();
    const auto before = web->count("GET");
    EXPECT_EQ(fill(file, {0, 1}).error().code, Errc::no_space);
    const auto asked = web->count("GET");
    EXPECT_EQ(fill(file, {kMiB, kMiB + 1}).error().code, Errc::no_space);
    const auto after = web->count("GET");
    if (asked == before || std::chrono::steady_clock::now() - begun > 1s) return false;
    EXPECT_EQ(after, asked) << "a moment later it is still full";
    return true;
  }
  Result<std::vector<std::byte>> past_the_cache(const std::shared_ptr<File>& file,
                                                ByteRange range) {
    return wait<std::vector<std::byte>>([&](Completion<std::vector<std::byte>> done) {
      engine->read_uncached(file, range, soon(), std::move(done));
    });
  }
};

TEST_F(FullCacheTest, AFullCacheSaysSoAndReadsGoPastIt) {
  web->put("/a", {4 * kMiB});
  start_full();
  const auto file = open("a");
  EXPECT_TRUE(eventually([&] { return stays_full(file); }));
  const auto bytes = past_the_cache(file, {kMiB + 3, kMiB + 5000});
  ASSERT_TRUE(bytes) << bytes.error().message;
  ASSERT_EQ(bytes->size(), 4997u);
  EXPECT_TRUE(bytes_are("/a", 1, kMiB + 3, *bytes));
}

TEST_F(FullCacheTest, ReadingPastTheCacheChecksTheVersion) {
  web->put("/a", {4 * kMiB});
  start_full();
  const auto file = open("a");
  ASSERT_TRUE(past_the_cache(file, {0, 10}));
  web->touch("/a");
  EXPECT_EQ(past_the_cache(file, {10, 20}).error().code, Errc::changed);
  EXPECT_TRUE(heard.wait_for("entry a"));
}

TEST_F(FullCacheTest, ReadingPastTheCacheTakesItsPartOfAWholeAnswer) {
  web->put("/a", {4 * kMiB});
  web->set_ranges(false);
  start_full();
  const auto bytes = past_the_cache(open("a"), {kMiB, kMiB + 10});
  ASSERT_TRUE(bytes) << bytes.error().message;
  EXPECT_TRUE(bytes_are("/a", 1, kMiB, *bytes));
}

TEST_F(FullCacheTest, PartsWithoutAVersionAreNotPutTogether) {
  web->put("/a", {4 * kMiB, 1, false, false});
  start_full();
  EXPECT_FALSE(past_the_cache(open("a"), {kMiB, kMiB + 10}));
}

TEST_F(FullCacheTest, ReadingPastTheCacheEndsAtItsDeadline) {
  web->put("/a", {4 * kMiB});
  start_full();
  const auto file = open("a");
  web->hold();
  const auto late = wait<std::vector<std::byte>>([&](Completion<std::vector<std::byte>> done) {
    engine->read_uncached(file, {0, 10}, soon(30ms), std::move(done));
  });
  EXPECT_EQ(late.error().code, Errc::timeout);
}

}  // namespace
}  // namespace lazymirror::testing
