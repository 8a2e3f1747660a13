// SPDX-License-Identifier: Apache-2.0
//
// kill -9 while chunks are written, discarded and committed: what the next
// process finds present must be right, byte for byte.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "model/random_steps.h"
#include "unit/cache/cache_fixture.h"

namespace lazymirror {
namespace {

using test::value;

constexpr std::uint64_t kChunk = 64u << 10;
constexpr std::uint64_t kSize = 40 * kChunk + 77;
constexpr int kKills = 12;
constexpr int kFiles = 3;

CacheOptions options_in(const std::string& directory) {
  CacheOptions options;
  options.directory = directory;
  options.url = "http://example.org/";
  options.commit_interval = Duration(1);
  options.boot_id = "boot";
  return options;
}

std::string name_of(int number) { return "file" + std::to_string(number); }

// Writes until it is killed; a byte in the pipe for each chunk written.
[[noreturn]] void write_forever(const std::string& directory, int pipe, unsigned seed) {
  std::mt19937 random(seed);
  test::HandClock clock;
  auto cache = value(Cache::open(options_in(directory), clock));
  for (;;) {
    const auto n = static_cast<int>(random() % kFiles);
    const auto entry = value(cache->catalog().find(kRootId, name_of(n)));
    const auto file = value(cache->file(entry->id));
    if (random() % 40 == 0) (void)file->discard();
    const std::uint64_t chunk = random() % 41;
    const ByteRange range = clipped(chunk * kChunk, 3 * kChunk, kSize);
    auto writer = value(file->write_from(range.begin));
    value(writer->append(test::bytes_of(range, static_cast<unsigned>(n))));
    if (::write(pipe, "x", 1) != 1) ::_exit(0);
  }
}

// The number of chunks found.
std::uint64_t check_all(Cache& cache) {
  std::uint64_t found = 0;
  for (int n = 0; n < kFiles; ++n) {
    const auto file = value(cache.file(value(cache.catalog().find(kRootId, name_of(n)))->id));
    for (std::uint64_t at = 0; at < kSize; at += kChunk) {
      const ByteRange range = clipped(at, kChunk, kSize);
      if (!file->is_present(range)) continue;
      ++found;
      test::expect_bytes(*file, range, static_cast<unsigned>(n));
    }
  }
  return found;
}

TEST(KilledDaemonTest, WhatIsPresentAfterwardsIsRight) {
  test::RandomSteps random;
  SCOPED_TRACE(random.seed_text());
  const test::TemporaryDirectory directory;
  test::HandClock clock;
  {
    auto cache = value(Cache::open(options_in(directory.path()), clock));
    std::vector<ListedEntry> entries;
    for (int n = 0; n < kFiles; ++n) entries.push_back(test::listed_file(name_of(n), kSize));
    value(cache->store_listing(kRootId, entries, 0));
  }
  std::uint64_t found = 0;
  for (int kill = 0; kill < kKills && !testing::Test::HasFailure(); ++kill) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const auto seed = static_cast<unsigned>(random.below(1u << 30));
    const pid_t child = ::fork();
    ASSERT_NE(child, -1);
    if (child == 0) {
      ::close(ends[0]);
      write_forever(directory.path(), ends[1], seed);
    }
    ::close(ends[1]);
    char c = 0;
    for (auto wait = 1 + random.below(60); wait > 0 && ::read(ends[0], &c, 1) == 1; --wait) {
    }
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    ::close(ends[0]);
    auto cache = value(Cache::open(options_in(directory.path()), clock));
    EXPECT_TRUE(cache->notices().empty());
    found += check_all(*cache);
  }
  EXPECT_GT(found, 0u) << "nothing was ever committed: this test has proved nothing";
}

}  // namespace
}  // namespace lazymirror
