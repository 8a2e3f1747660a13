// SPDX-License-Identifier: Apache-2.0
#include "fetch/read_ahead.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>
#include <vector>

namespace lazymirror {
namespace {

constexpr std::uint64_t kKiB = 1u << 10, kMiB = 1u << 20, kGiB = 1u << 30;

struct Trace {
  explicit Trace(std::uint64_t size) : ahead(size) {}
  void read(std::uint64_t offset, std::uint64_t length) {
    if (auto next = ahead.on_read({offset, offset + length})) {
      asked.push_back(next->range);
      grew.push_back(next->grows);
    }
  }
  [[nodiscard]] std::uint64_t bytes() const {
    std::uint64_t sum = 0;
    for (const auto& r : asked) sum += r.size();
    return sum;
  }
  ReadAhead ahead;
  std::vector<ByteRange> asked;
  std::vector<bool> grew;
};

TEST(ReadAhead, OneReadIsNoPattern) {
  Trace t(kGiB);
  t.read(0, 128 * kKiB);
  EXPECT_TRUE(t.asked.empty());
}

TEST(ReadAhead, TheSecondReadInARowOpensTheFirstWindow) {
  Trace t(kGiB);
  t.read(0, 128 * kKiB);
  t.read(128 * kKiB, 128 * kKiB);
  ASSERT_EQ(t.asked.size(), 1u);
  EXPECT_EQ(t.asked[0], (ByteRange{256 * kKiB, 256 * kKiB + ReadAhead::kFirst}));
}

TEST(ReadAhead, ReadingOnAsksForAdjoiningPiecesThatGrowToTheLargestWindow) {
  Trace t(4 * kGiB);
  for (std::uint64_t at = 0; at < kGiB; at += 128 * kKiB) t.read(at, 128 * kKiB);
  ASSERT_GT(t.asked.size(), 5u);
  for (std::size_t i = 1; i < t.asked.size(); ++i) {
    EXPECT_EQ(t.asked[i].begin, t.asked[i - 1].end) << "a gap or an overlap at step " << i;
  }
  EXPECT_EQ(t.ahead.window(), ReadAhead::kLargest);
  EXPECT_EQ(t.asked[t.asked.size() - 2].size(), ReadAhead::kStep) << "large steps";
  EXPECT_LT(t.asked.size(), 150u);
}

// What is in flight beyond the reader must cover all transfers that were found
// useful: the window is at most one step short of its size.
TEST(ReadAhead, AWindowMadeLargerIsKeptFull) {
  constexpr std::uint64_t kWindow = 96 * kMiB;
  ReadAhead ahead(4 * kGiB);
  std::uint64_t end = 0;
  for (std::uint64_t at = 0; at < kGiB; at += 128 * kKiB) {
    if (const auto next = ahead.on_read({at, at + 128 * kKiB}, kWindow)) end = next->range.end;
    EXPECT_LE(end, at + 128 * kKiB + kWindow);
    if (at <= 256 * kMiB) continue;
    ASSERT_GE(end, at + kWindow - ReadAhead::kStep);
  }
}

TEST(ReadAhead, SaysWhetherTheWindowHasGrownOrMovedOn) {
  Trace t(4 * kGiB);
  for (std::uint64_t at = 0; at < kGiB; at += 128 * kKiB) t.read(at, 128 * kKiB);
  EXPECT_TRUE(std::is_partitioned(t.grew.begin(), t.grew.end(), std::identity{}));
  EXPECT_EQ(std::count(t.grew.begin(), t.grew.end(), true), 5) << "0.5, 2, 8, 16, 32 MiB";
}

// Who stops, or goes elsewhere, has not fetched many times what he read.
TEST(ReadAhead, IsNeverFarAheadOfAReaderWhoHasReadLittle) {
  for (const std::uint64_t largest : {32 * kMiB, 96 * kMiB, 384 * kMiB}) {
    ReadAhead ahead(4 * kGiB);
    for (std::uint64_t read = 128 * kKiB; read < 200 * kMiB; read += 128 * kKiB) {
      const auto next = ahead.on_read({read - 128 * kKiB, read}, largest);
      ASSERT_LE(next ? next->range.end : 0, 9 * read) << read;
    }
  }
}

TEST(ReadAhead, AlwaysStaysAheadOfTheReader) {
  Trace t(kGiB);
  t.read(0, 128 * kKiB);
  for (std::uint64_t at = 128 * kKiB; at < 256 * kMiB; at += 128 * kKiB) {
    t.read(at, 128 * kKiB);
    EXPECT_GT(t.asked.back().end, at + 128 * kKiB);
  }
}

TEST(ReadAhead, ReadsOutOfOrderWithinTheSlackAreOneStream) {
  Trace t(kGiB);
  t.read(0, 128 * kKiB);
  for (std::uint64_t at = 128 * kKiB; at < 64 * kMiB; at += 512 * kKiB) {
    for (const std::uint64_t k : {1u, 0u, 3u, 2u}) t.read(at + k * 128 * kKiB, 128 * kKiB);
  }
  EXPECT_EQ(t.ahead.window(), ReadAhead::kLargest);
  for (std::size_t i = 1; i < t.asked.size(); ++i) {
    EXPECT_EQ(t.asked[i].begin, t.asked[i - 1].end);
  }
}

TEST(ReadAhead, RandomSmallReadsNeverTrigger) {
  std::mt19937_64 random(7);
  Trace t(kGiB);
  for (int i = 0; i < 2'000; ++i) t.read(random() % (kGiB / 4096) * 4096, 4096);
  EXPECT_LE(t.bytes(), ReadAhead::kFirst) << "a stray neighbour may open one first window";
}

TEST(ReadAhead, TheSameReadNotedTwiceIsNoPattern) {
  Trace t(kGiB);
  for (int i = 0; i < 4; ++i) t.read(64 * kMiB, 128 * kKiB);
  EXPECT_TRUE(t.asked.empty());
}

TEST(ReadAhead, ReadingBackwardsIsNoPattern) {
  Trace t(kGiB);
  for (std::uint64_t at = 512 * kMiB; at > 500 * kMiB; at -= 128 * kKiB) t.read(at, 128 * kKiB);
  EXPECT_TRUE(t.asked.empty());
}

TEST(ReadAhead, TwoInterleavedStreamsBothGrow) {
  Trace t(2 * kGiB);
  std::uint64_t low = 0, high = 0;
  for (std::uint64_t at = 0; at < 128 * kMiB; at += 128 * kKiB) {
    t.read(at, 128 * kKiB);
    t.read(kGiB + at, 128 * kKiB);
  }
  for (const auto& r : t.asked) (r.begin < kGiB ? low : high) += r.size();
  EXPECT_GT(low, 128 * kMiB);
  EXPECT_GT(high, 128 * kMiB);
  EXPECT_LT(t.asked.size(), 60u) << "large steps in both";
}

TEST(ReadAhead, AStreamSurvivesARandomReadBetween) {
  Trace t(2 * kGiB);
  for (std::uint64_t at = 0; at < 64 * kMiB; at += 128 * kKiB) {
    t.read(at, 128 * kKiB);
    if (at == 32 * kMiB) t.read(kGiB, 4096);
  }
  EXPECT_EQ(t.ahead.window(), ReadAhead::kLargest);
}

TEST(ReadAhead, NeverAsksBeyondTheEnd) {
  Trace t(5 * kMiB + 17);
  for (std::uint64_t at = 0; at < 5 * kMiB + 17; at += 128 * kKiB) t.read(at, 128 * kKiB);
  ASSERT_FALSE(t.asked.empty());
  EXPECT_EQ(t.asked.back().end, 5 * kMiB + 17);
  t.read(5 * kMiB, 1 * kMiB);
  t.read(10 * kMiB, kMiB);
  EXPECT_EQ(t.asked.back().end, 5 * kMiB + 17);
}

TEST(ReadAhead, EmptyFilesAndEmptyReadsAskForNothing) {
  Trace t(0);
  t.read(0, 4096);
  t.read(0, 0);
  EXPECT_TRUE(t.asked.empty());
}

}  // namespace
}  // namespace lazymirror
