// SPDX-License-Identifier: Apache-2.0
//
// Verifying what is cached: what CachedFile::check() finds and forget() leaves.
#include <fcntl.h>
#include <sys/mman.h>

#include <algorithm>

#include "base/file_io.h"
#include "cache_fixture.h"

namespace lazymirror {
namespace {

using test::bytes_of;
using test::expect_bytes;
using test::expect_ok;
using test::fill;
using test::listed_file;
using test::value;

constexpr std::uint64_t kChunk = 64u << 10;
constexpr std::uint64_t kSize = 5 * kChunk + 99;

class CheckTest : public testing::Test {
 protected:
  void SetUp() override {
    start();
    std::vector<ListedEntry> entries{listed_file("file", kSize)};
    value(cache_->store_listing(kRootId, entries, 0));
  }
  void start() {
    CacheOptions options;
    options.directory = directory_.path();
    options.url = "http://example.org/";
    options.commit_interval = Duration(3'600'000);
    options.boot_id = "boot";
    cache_.reset();
    cache_ = value(Cache::open(options, clock_));
  }
  std::shared_ptr<CachedFile> file() {
    return value(cache_->file(value(cache_->catalog().find(kRootId, "file"))->id));
  }
  void flip(std::uint64_t offset) const {
    const auto fd = value(open_fd(AT_FDCWD, directory_.path() + "/data/file", O_RDWR));
    std::vector<std::byte> one(1);
    ASSERT_EQ(value(pread_full(fd.get(), one, offset)), 1u);
    one[0] ^= std::byte{1};
    expect_ok(pwrite_full(fd.get(), one, offset));
  }

  test::TemporaryDirectory directory_;
  test::HandClock clock_;
  std::unique_ptr<Cache> cache_;
};

TEST_F(CheckTest, FindsAFlippedBitAndNothingElse) {
  const auto f = file();
  fill(*f, {0, kSize});
  EXPECT_TRUE(f->check({0, kSize}, {}).damaged.empty());
  flip(2 * kChunk + 77);
  flip(kSize - 1);
  const auto found = f->check({0, kSize}, {});
  EXPECT_EQ(found.bytes, kSize);
  EXPECT_EQ(found.damaged, (std::vector<ByteRange>{{2 * kChunk, 3 * kChunk}, {5 * kChunk, kSize}}));
  EXPECT_TRUE(f->is_complete()) << "looking changes nothing";
}

TEST_F(CheckTest, ReadsTheDiskAndNotWhatIsInMemory) {
  const auto f = file();
  fill(*f, {0, kSize});
  expect_ok(cache_->flush());
  expect_bytes(*f, {0, kSize});
  const auto fd = value(open_fd(AT_FDCWD, directory_.path() + "/data/file", O_RDONLY));
  void* const seen = ::mmap(nullptr, kSize, PROT_READ, MAP_SHARED, fd.get(), 0);
  ASSERT_NE(seen, MAP_FAILED);
  const auto in_memory = [&] {
    std::vector<unsigned char> pages((kSize + 4095) / 4096);
    EXPECT_EQ(::mincore(seen, kSize, pages.data()), 0);
    return std::count_if(pages.begin(), pages.end(), [](auto page) { return (page & 1) != 0; });
  };
  EXPECT_GT(in_memory(), 0);
  EXPECT_TRUE(f->check({0, kSize}, {}).damaged.empty());
  EXPECT_EQ(in_memory(), 0);
  ::munmap(seen, kSize);
}

TEST_F(CheckTest, LooksAtPresentChunksOnly) {
  const auto f = file();
  fill(*f, {kChunk, 2 * kChunk});
  const auto found = f->check({0, kSize}, {});
  EXPECT_EQ(found.bytes, kChunk);
  EXPECT_TRUE(found.damaged.empty());
}

TEST_F(CheckTest, ShowsTheBytesInOrder) {
  const auto f = file();
  fill(*f, {0, kSize});
  std::vector<std::byte> seen;
  const auto sink = [&](std::span<const std::byte> bytes) {
    seen.insert(seen.end(), bytes.begin(), bytes.end());
  };
  (void)f->check({0, 2 * kChunk}, sink);
  (void)f->check({2 * kChunk, kSize}, sink);
  EXPECT_EQ(seen, bytes_of({0, kSize}));
}

TEST_F(CheckTest, WhatIsForgottenIsMissingAlsoAfterARestart) {
  const auto f = file();
  fill(*f, {0, kSize});
  expect_ok(cache_->flush());
  const std::vector<ByteRange> damaged{{kChunk, 2 * kChunk}, {5 * kChunk, kSize}};
  expect_ok(f->forget(damaged));
  EXPECT_FALSE(f->is_complete());
  EXPECT_EQ(f->first_missing({0, kSize}), (ByteRange{kChunk, 2 * kChunk}));
  EXPECT_FALSE(f->is_present({5 * kChunk, kSize}));
  expect_bytes(*f, {2 * kChunk, 5 * kChunk});
  start();
  EXPECT_EQ(file()->first_missing({0, kSize}), (ByteRange{kChunk, 2 * kChunk}));
  fill(*file(), {kChunk, 2 * kChunk});
  expect_bytes(*file(), {kChunk, 5 * kChunk});
}

}  // namespace
}  // namespace lazymirror
