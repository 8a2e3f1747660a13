// SPDX-License-Identifier: Apache-2.0
//
// What a cache counts as stored, and how files give their bytes back where users
// see other inodes than those of the cache.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_io.h"
#include "cache/committer.h"
#include "cache_fixture.h"

namespace lazymirror {
namespace {

using test::expect_bytes;
using test::expect_ok;
using test::fill;
using test::listed_file;
using test::value;

constexpr std::uint64_t kChunk = 64u << 10;
constexpr std::uint64_t kSize = 4 * kChunk + 100;
constexpr std::uint64_t kHeld = 4 * kChunk + 4096;  // in whole blocks

class CacheStorageTest : public testing::Test {
 protected:
  CacheStorageTest() {
    start();
    value(cache_->store_listing(kRootId,
                                std::vector{listed_file("a", kSize), listed_file("b", kSize)}, 0));
  }
  void start() {
    cache_.reset();
    CacheOptions o;
    o.directory = directory_.path() + "/cache";
    o.url = "http://example.org/pub/";
    o.commit_interval = Duration(3'600'000);
    cache_ = value(Cache::open(std::move(o), clock_));
  }
  EntryId id_of(const std::string& name) {
    return value(cache_->catalog().find(kRootId, name)).value().id;
  }
  std::shared_ptr<CachedFile> file(const std::string& name) {
    return value(cache_->file(id_of(name)));
  }
  std::uint64_t blocks(const std::string& name) {
    struct stat st {};
    const std::string path = directory_.path() + "/cache/data/" + name;
    return ::stat(path.c_str(), &st) == 0 ? static_cast<std::uint64_t>(st.st_blocks) * 512 : 0;
  }

  test::TemporaryDirectory directory_;
  test::HandClock clock_;
  std::unique_ptr<Cache> cache_;
};

TEST_F(CacheStorageTest, CountsWhatIsStoredBeforeAndAfterItIsRecorded) {
  EXPECT_EQ(cache_->stored_bytes(), 0u);
  fill(*file("a"), {0, kChunk});
  EXPECT_EQ(cache_->stored_bytes(), kChunk);
  expect_ok(cache_->flush());
  EXPECT_EQ(cache_->stored_bytes(), kChunk);
  fill(*file("a"), {0, kSize});
  EXPECT_EQ(cache_->stored_bytes(), kHeld) << "what is there already counts once";
  fill(*file("b"), {4 * kChunk, kSize});
  EXPECT_EQ(cache_->stored_bytes(), kHeld + 4096);
  start();
  EXPECT_EQ(cache_->stored_bytes(), kHeld + 4096);
}

TEST_F(CacheStorageTest, WhatIsGivenUpCountsNoMore) {
  fill(*file("a"), {0, kSize});
  expect_ok(file("a")->discard());
  EXPECT_EQ(cache_->stored_bytes(), 0u);
  fill(*file("a"), {0, kSize});
  expect_ok(cache_->flush());
  fill(*file("b"), {0, kSize});
  expect_ok(cache_->evict(id_of("a"), nullptr));
  EXPECT_EQ(cache_->stored_bytes(), kHeld);
  expect_ok(cache_->evict(id_of("b"), nullptr));
  EXPECT_EQ(cache_->stored_bytes(), 0u);
  EXPECT_EQ(blocks("a") + blocks("b"), 0u);
  start();
  EXPECT_EQ(cache_->stored_bytes(), 0u);
}

TEST_F(CacheStorageTest, WhatHasChangedCountsNoMoreOnceItIsLetGo) {
  fill(*file("a"), {0, kSize});
  expect_ok(cache_->flush());
  fill(*file("b"), {0, kSize});
  auto held = file("b");
  value(cache_->store_listing(kRootId, std::vector{listed_file("b", kSize + 1)}, 0));
  EXPECT_EQ(cache_->stored_bytes(), kHeld) << "somebody may still read the old b";
  held.reset();
  expect_ok(cache_->flush());  // the committer had it in mind, too
  EXPECT_EQ(cache_->stored_bytes(), 0u);
}

TEST_F(CacheStorageTest, EvictionIsRefusedWhileAFileIsFilled) {
  auto writer = value(file("a")->write_from(0));
  EXPECT_EQ(cache_->evict(id_of("a"), nullptr).error().code, Errc::busy);
  EXPECT_EQ(cache_->evict_tail(id_of("a"), 1, nullptr).error().code, Errc::busy);
  writer.reset();
  expect_ok(cache_->evict(id_of("a"), nullptr));
}

TEST_F(CacheStorageTest, WhoReadsAnEvictedFileKeepsItsBytesAndOthersFillIt) {
  fill(*file("a"), {0, kSize});
  const auto object = file("a");
  const auto backing = value(object->backing_fd());
  expect_ok(cache_->evict(id_of("a"), nullptr));
  std::vector<std::byte> bytes(kSize);
  EXPECT_EQ(value(pread_full(backing.get(), bytes, 0)), kSize);
  EXPECT_TRUE(bytes == test::bytes_of({0, kSize}));
  EXPECT_FALSE(object->is_present({0, 1}));
  fill(*object, {0, kSize});
  expect_bytes(*object, {0, kSize});
  start();
  expect_bytes(*file("a"), {0, kSize});
}

// A record without its data file, as a power loss may leave it.
TEST_F(CacheStorageTest, ARecordWithoutADataFileGoesToo) {
  fill(*file("a"), {0, kSize});
  start();
  ASSERT_EQ(::unlink((directory_.path() + "/cache/data/a").c_str()), 0);
  start();
  EXPECT_EQ(cache_->stored_bytes(), kHeld);
  expect_ok(cache_->evict(id_of("a"), nullptr));
  EXPECT_EQ(cache_->stored_bytes(), 0u);
  fill(*file("a"), {0, kSize});
  expect_bytes(*file("a"), {0, kSize});
}

TEST_F(CacheStorageTest, ThePartThatGoesIsTheTail) {
  fill(*file("a"), {0, kSize});
  EXPECT_EQ(value(cache_->evict_tail(id_of("a"), 1, nullptr)), 0u) << "not recorded yet";
  expect_ok(cache_->flush());
  EXPECT_EQ(value(cache_->evict_tail(id_of("a"), kChunk, nullptr)), kChunk + 100);
  EXPECT_EQ(cache_->stored_bytes(), 3 * kChunk);
  EXPECT_LE(blocks("a"), 3 * kChunk + 4096) << "its attributes may need a block";
  expect_bytes(*file("a"), {0, 3 * kChunk});
  EXPECT_FALSE(file("a")->is_present({3 * kChunk, 3 * kChunk + 1}));
  start();
  EXPECT_EQ(cache_->stored_bytes(), 3 * kChunk);
  expect_bytes(*file("a"), {0, 3 * kChunk});
  fill(*file("a"), {3 * kChunk, kSize});
  expect_bytes(*file("a"), {0, kSize});
  EXPECT_TRUE(file("a")->is_complete());
}

// The kernel would show the hole.
TEST_F(CacheStorageTest, NoPartGoesWhileTheKernelMayReadTheFile) {
  fill(*file("a"), {0, kSize});
  expect_ok(cache_->flush());
  {
    const auto backing = value(file("a")->backing_fd());
    EXPECT_EQ(cache_->evict_tail(id_of("a"), kChunk, nullptr).error().code, Errc::busy);
    EXPECT_TRUE(file("a")->is_complete());
  }
  EXPECT_GT(value(cache_->evict_tail(id_of("a"), kChunk, nullptr)), 0u);
  EXPECT_EQ(file("a")->backing_fd().error().code, Errc::busy);
}

TEST_F(CacheStorageTest, LastUsesAreRecordedInBatches) {
  fill(*file("a"), {0, kSize});
  fill(*file("b"), {0, kSize});
  expect_ok(cache_->flush());
  file("a")->note_use(20);
  file("b")->note_use(10);
  file("a")->note_use(15);
  expect_ok(cache_->record_uses());
  const auto files = value(cache_->catalog().stored_after(INT64_MIN, 0, 10));
  ASSERT_EQ(files.size(), 2u);
  EXPECT_EQ(files[0].used_ns, 10);
  EXPECT_EQ(files[1].used_ns, 20);
  start();
  EXPECT_EQ(value(cache_->catalog().load(id_of("a")))->used_ns, 20);
}

TEST_F(CacheStorageTest, AUseWhileTheFirstRecordIsMadeCountsAsWell) {
  const auto a = file("a");
  fill(*a, {0, kSize});
  a->note_use(30);
  auto& committed = dynamic_cast<Committable&>(*a);
  const auto snapshot = committed.take_snapshot();
  ASSERT_TRUE(snapshot.has_value());
  a->note_use(40);
  expect_ok(cache_->record_uses());  // there is nothing to write it into
  expect_ok(const_cast<Catalog&>(cache_->catalog()).commit(std::span(&snapshot->record, 1)));
  committed.committed();
  start();
  EXPECT_EQ(value(cache_->catalog().load(id_of("a")))->used_ns, 40);
}

TEST_F(CacheStorageTest, TellsWhetherAnythingIsBeingFilled) {
  EXPECT_FALSE(cache_->is_written_to());
  {
    const auto writer = value(file("a")->write_from(0));
    value(writer->append(test::bytes_of({0, kChunk})));
    EXPECT_TRUE(cache_->is_written_to());
  }
  EXPECT_FALSE(cache_->is_written_to());
}

TEST_F(CacheStorageTest, AUseBeforeTheFirstByteCountsAsWell) {
  file("a")->note_use(30);
  expect_ok(cache_->record_uses());
  fill(*file("a"), {0, kSize});
  expect_ok(cache_->flush());
  EXPECT_EQ(value(cache_->catalog().load(id_of("a")))->used_ns, 30);
}

}  // namespace
}  // namespace lazymirror
