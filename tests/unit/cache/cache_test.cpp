// SPDX-License-Identifier: Apache-2.0
#include "cache/cache.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "base/file_io.h"
#include "cache_fixture.h"
#include "support/skip.h"

namespace lazymirror {
namespace {

namespace fs = std::filesystem;
using test::expect_bytes;
using test::expect_ok;
using test::fill;
using test::listed_directory;
using test::listed_file;
using test::value;
using ::testing::HasSubstr;

constexpr std::uint64_t kChunk = 64u << 10;

class CacheTest : public ::testing::Test {
 protected:
  CacheOptions options() {
    CacheOptions o;
    o.directory = directory_.path() + "/cache";
    o.url = "http://example.org/pub/";
    o.commit_interval = Duration(3'600'000);
    return o;
  }
  void start() {
    cache_.reset();
    cache_ = value(Cache::open(options(), clock_));
  }
  ListingDiff list(std::vector<ListedEntry> entries, EntryId directory = kRootId) {
    clock_.ns += 1'000'000'000;
    return value(cache_->store_listing(directory, entries, 0));
  }
  EntryId id_of(const std::string& name, EntryId directory = kRootId) {
    return value(cache_->catalog().find(directory, name))->id;
  }
  std::shared_ptr<CachedFile> file(const std::string& name, EntryId directory = kRootId) {
    return value(cache_->file(id_of(name, directory)));
  }
  [[nodiscard]] std::string data(const std::string& name) const {
    return directory_.path() + "/cache/data/" + name;
  }
  void damage_catalog() {
    cache_.reset();
    std::ofstream(directory_.path() + "/cache/meta/catalog.db", std::ios::binary)
        << std::string(50'000, 'x');
  }

  test::TemporaryDirectory directory_;
  test::HandClock clock_;
  std::unique_ptr<Cache> cache_;
};

TEST_F(CacheTest, BelongsToOneUrl) {
  start();
  cache_.reset();
  CacheOptions other = options();
  other.url = "http://example.org/other/";
  const auto opened = Cache::open(other, clock_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::invalid);
  EXPECT_THAT(opened.error().message, HasSubstr("http://example.org/pub/"));
  EXPECT_THAT(opened.error().message, HasSubstr("http://example.org/other/"));
  EXPECT_THAT(opened.error().message, HasSubstr("--cache-location"));
  start();
}

TEST_F(CacheTest, SecondOneIsRefusedAndTheFirstGoesOn) {
  start();
  EXPECT_EQ(Cache::open(options(), clock_).error().code, Errc::busy);
  EXPECT_TRUE(list({listed_file("a", 1)}).first);
}

TEST_F(CacheTest, OneOfTwoThatRaceWins) {
  int winners = 0;
  std::vector<pid_t> children;
  int go[2];
  ASSERT_EQ(::pipe(go), 0);
  for (int i = 0; i < 4; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      char c = 0;
      ::close(go[1]);
      (void)!::read(go[0], &c, 1);  // ends when the parent closes its end
      auto cache = Cache::open(options(), clock_);
      // Held until all have tried: the parent has not collected anybody yet.
      if (cache) ::kill(::getpid(), SIGSTOP);
      ::_exit(cache ? 0 : cache.error().code == Errc::busy ? 1 : 2);
    }
    children.push_back(child);
  }
  ::close(go[0]);
  ::close(go[1]);
  std::vector<pid_t> stopped;
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, WUNTRACED), child);
    if (WIFSTOPPED(status)) {
      ++winners;
      stopped.push_back(child);
    } else {
      EXPECT_EQ(WEXITSTATUS(status), 1);
    }
  }
  for (const pid_t child : stopped) {
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
  }
  EXPECT_EQ(winners, 1);
}

TEST_F(CacheTest, RestartServesTheSameIds) {
  start();
  list({listed_directory("d"), listed_file("a", kChunk)});
  const EntryId d = id_of("d");
  list({listed_file("b", 1)}, d);
  const EntryId b = id_of("b", d);
  fill(*file("a"), {0, kChunk});
  start();
  EXPECT_EQ(id_of("d"), d);
  EXPECT_EQ(id_of("b", d), b);
  expect_bytes(*file("a"), {0, kChunk});
  EXPECT_TRUE(cache_->notices().empty());
}

TEST_F(CacheTest, SameGenerationIsTheSameObject) {
  start();
  list({listed_file("a", 5)});
  EXPECT_EQ(file("a"), file("a"));
}

TEST_F(CacheTest, FileWithoutSizeIsNotThereYet) {
  start();
  list({listed_file("a"), listed_directory("d")});
  EXPECT_EQ(cache_->file(id_of("a")).error().code, Errc::busy);
  EXPECT_EQ(cache_->file(id_of("d")).error().code, Errc::is_a_directory);
  EXPECT_EQ(cache_->file(999).error().code, Errc::not_found);
  value(cache_->record_file(id_of("a"), {7, "", 1}));
  EXPECT_EQ(file("a")->size(), 7u);
}

TEST_F(CacheTest, FileBeyondAllSensibleSizesIsRefused) {
  start();
  list({listed_file("a", std::uint64_t{1} << 60)});
  EXPECT_EQ(cache_->file(id_of("a")).error().code, Errc::unsupported);
}

TEST_F(CacheTest, NewGenerationIsANewFileAndHoldersKeepTheOld) {
  start();
  list({listed_file("a", 2 * kChunk, test::utc(1))});
  const auto old = file("a");
  fill(*old, {0, 2 * kChunk}, 1);
  expect_ok(cache_->flush());
  EXPECT_TRUE(fs::exists(data("a")));
  list({listed_file("a", 2 * kChunk, test::utc(2))});
  EXPECT_FALSE(fs::exists(data("a")));
  const auto now = file("a");
  EXPECT_EQ(now->generation(), 2u);
  EXPECT_FALSE(now->is_present({0, 1}));
  fill(*now, {0, kChunk}, 2);
  expect_bytes(*old, {0, 2 * kChunk}, 1);
  expect_bytes(*now, {0, kChunk}, 2);
  start();
  expect_bytes(*file("a"), {0, kChunk}, 2);
  EXPECT_FALSE(file("a")->is_present({kChunk, 2 * kChunk}));
}

TEST_F(CacheTest, OldGenerationStillFillsForItsHoldersOutOfSight) {
  start();
  list({listed_file("a", kChunk, test::utc(1))});
  const auto old = file("a");
  list({listed_file("a", kChunk, test::utc(2))});
  fill(*old, {0, kChunk}, 1);
  expect_bytes(*old, {0, kChunk}, 1);
  EXPECT_FALSE(fs::exists(data("a")));
  EXPECT_TRUE(fs::is_empty(directory_.path() + "/cache/meta/tmp"));
}

TEST_F(CacheTest, ContradictingRecordBeginsAGeneration) {
  start();
  list({listed_file("a", kChunk)});
  const auto old = file("a");
  expect_ok(old->bind({kChunk, "\"1\"", 1}));
  fill(*old, {0, kChunk}, 1);
  EXPECT_EQ(value(cache_->record_file(old->id(), {kChunk, "\"1\"", 1})).generation, 1u);
  EXPECT_EQ(file("a"), old);
  EXPECT_EQ(value(cache_->record_file(old->id(), {kChunk, "\"2\"", 2})).generation, 2u);
  EXPECT_NE(file("a"), old);
  EXPECT_EQ(file("a")->version().etag, "\"2\"");
  EXPECT_FALSE(file("a")->is_present({0, 1}));
}

TEST_F(CacheTest, RemovedEntriesTakeTheirDataAlong) {
  start();
  list({listed_directory("d"), listed_file("a", kChunk)});
  const EntryId d = id_of("d");
  list({listed_file("b", kChunk)}, d);
  const auto b = file("b", d);
  fill(*b, {0, kChunk});
  fill(*file("a"), {0, kChunk});
  list({});
  EXPECT_FALSE(fs::exists(data("a")));
  EXPECT_FALSE(fs::exists(data("d")));
  expect_bytes(*b, {0, kChunk});
  expect_ok(cache_->flush());
}

TEST_F(CacheTest, FileAndDirectoryMayChangePlaces) {
  start();
  list({listed_file("x", kChunk), listed_directory("y")});
  fill(*file("x"), {0, kChunk}, 1);
  list({listed_file("in", kChunk)}, id_of("y"));
  fill(*file("in", id_of("y")), {0, kChunk}, 1);
  list({listed_directory("x"), listed_file("y", kChunk)});
  list({listed_file("in", kChunk)}, id_of("x"));
  fill(*file("in", id_of("x")), {0, kChunk}, 2);
  fill(*file("y"), {0, kChunk}, 2);
  start();
  expect_bytes(*file("in", id_of("x")), {0, kChunk}, 2);
  expect_bytes(*file("y"), {0, kChunk}, 2);
}

TEST_F(CacheTest, DamagedCatalogIsMovedAsideAndNoOldByteIsShown) {
  start();
  list({listed_file("a", kChunk)});
  fill(*file("a"), {0, kChunk}, 1);
  damage_catalog();
  start();
  ASSERT_EQ(cache_->notices().size(), 1u);
  EXPECT_THAT(cache_->notices()[0], HasSubstr("catalog.db.damaged-1"));
  list({listed_file("a", kChunk)});
  EXPECT_FALSE(file("a")->is_present({0, 1}));
  fill(*file("a"), {0, kChunk}, 2);
  expect_bytes(*file("a"), {0, kChunk}, 2);
}

// Nothing would count them, so the cache would grow past its limit by as much.
TEST_F(CacheTest, WhatADamagedCatalogKnewIsGoneFromTheDisk) {
  start();
  list({listed_file("a", kChunk), listed_directory("d"), listed_directory("e")});
  list({listed_file("b", kChunk)}, id_of("d"));
  list({listed_file("c", kChunk)}, id_of("e"));
  fill(*file("a"), {0, kChunk});
  fill(*file("b", id_of("d")), {0, kChunk});
  fill(*file("c", id_of("e")), {0, kChunk});
  std::ofstream(data("d/own")) << "somebody's";
  fs::create_symlink("d/own", data("link"));
  damage_catalog();
  start();
  EXPECT_FALSE(fs::exists(data("a")));
  EXPECT_FALSE(fs::exists(data("d/b")));
  EXPECT_FALSE(fs::exists(data("e")));
  EXPECT_EQ(fs::file_size(data("d/own")), 10u) << "it is none of ours";
  EXPECT_TRUE(fs::is_symlink(data("link")));
  EXPECT_EQ(cache_->stored_bytes(), 0u);
}

TEST_F(CacheTest, AStartKilledWhileItRemovedThemIsFollowedByOneThatGoesOn) {
  start();
  list({listed_file("a", kChunk)});
  fill(*file("a"), {0, kChunk});
  cache_.reset();
  const std::string catalog = directory_.path() + "/cache/meta/catalog.db";
  fs::rename(catalog, catalog + ".damaged-1");
  for (const char* part : {"-wal", "-shm"}) fs::remove(catalog + part);
  start();
  EXPECT_FALSE(fs::exists(data("a")));
}

TEST_F(CacheTest, WhatADamagedCatalogKnewIsGoneAlsoFromADeepTree) {
  start();
  const std::string name(200, 'n');
  EntryId directory = kRootId;
  for (int depth = 0; depth < 30; ++depth) {
    list({listed_directory(name)}, directory);
    directory = id_of(name, directory);
  }
  list({listed_file("a", kChunk)}, directory);
  fill(*file("a", directory), {0, kChunk});
  EXPECT_TRUE(fs::exists(data(name)));
  damage_catalog();
  start();
  EXPECT_FALSE(fs::exists(data(name)));
}

TEST_F(CacheTest, PowerLossIsNamedAtTheStart) {
  CacheOptions first = options();
  first.boot_id = "one";
  const pid_t child = ::fork();
  if (child == 0) {
    auto cache = Cache::open(first, clock_);
    ::_exit(cache ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_EQ(status, 0);
  first.boot_id = "two";
  const auto cache = value(Cache::open(first, clock_));
  ASSERT_EQ(cache->notices().size(), 1u);
  EXPECT_THAT(cache->notices()[0], HasSubstr("without a clean stop"));
}

class SmallDisk {
 public:
  explicit SmallDisk(const std::string& path) : path_(path) {
    fs::create_directory(path);
    mounted_ = ::mount("none", path.c_str(), "tmpfs", 0, "size=3m") == 0;
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  [[nodiscard]] bool mounted() const { return mounted_; }
  // No room but for the first `size` bytes of that file.
  void fill_up_beside(const std::string& file, std::uint64_t size) const {
    const auto fd = value(open_fd(AT_FDCWD, file, O_RDWR));
    ASSERT_EQ(::posix_fallocate(fd.get(), 0, static_cast<off_t>(size)), 0);
    std::ofstream filler(path_ + "/filler", std::ios::binary);
    while (filler << std::string(4096, 'x') << std::flush) {
    }
  }
  void empty() const { fs::remove(path_ + "/filler"); }

 private:
  std::string path_;
  bool mounted_;
};

TEST_F(CacheTest, FullDiskIsAnErrorAndStoredBytesRemain) {
  const SmallDisk disk(directory_.path() + "/cache");
  LM_REQUIRE(disk.mounted(), "needs root to mount a tmpfs");
  start();
  const std::uint64_t size = 100 * kChunk;
  list({listed_file("a", size), listed_file("b", size)});
  const auto f = file("a");
  auto writer = value(f->write_from(0));
  std::uint64_t stored = 0;
  Result<ByteRange> result;
  while (result && stored < size) {
    result = writer->append(test::bytes_of({stored, stored + kChunk}));
    if (result) stored += kChunk;
  }
  ASSERT_FALSE(result) << "a disk of 3 MiB took " << stored;
  EXPECT_EQ(result.error().code, Errc::no_space);
  EXPECT_EQ(writer->append(test::bytes_of({0, 1})).error().code, Errc::no_space);
  ASSERT_GT(stored, kChunk);
  EXPECT_FALSE(f->is_present({stored, stored + 1}));
  expect_bytes(*f, {0, stored});
  writer.reset();  // it holds the old data file
  expect_ok(f->discard());
  fill(*f, {0, kChunk});
  expect_bytes(*f, {0, kChunk});
  cache_.reset();
}

// Found by reading: the last chunk had announced it, and nobody tried again.
TEST_F(CacheTest, AFileThatCouldNotBeRecordedIsRecordedOnceThereIsRoom) {
  const SmallDisk disk(directory_.path() + "/cache");
  LM_REQUIRE(disk.mounted(), "needs root to mount a tmpfs");
  start();
  list({listed_file("a", 2 * kChunk)});
  const auto f = file("a");
  (void)value(f->write_from(0));  // the data file, and nothing in it
  disk.fill_up_beside(data("a"), 2 * kChunk);
  const Version version{2 * kChunk, "\"a\"", 5};
  expect_ok(f->bind(version));
  fill(*f, {0, 2 * kChunk});
  (void)cache_->flush();
  ASSERT_TRUE(value(cache_->catalog().load(f->id()))->map.empty()) << "there was room";
  disk.empty();
  expect_ok(cache_->flush());
  const auto record = *value(cache_->catalog().load(f->id()));
  EXPECT_EQ(record.version, version);
  EXPECT_EQ(record.bytes, 2 * kChunk);
  cache_.reset();
}

}  // namespace
}  // namespace lazymirror
