// SPDX-License-Identifier: Apache-2.0
//
// CachedFile as its users see it, through a Cache over a real directory.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "base/file_io.h"
#include "cache_fixture.h"

namespace lazymirror {
namespace {

namespace fs = std::filesystem;
using test::expect_bytes;
using test::expect_ok;
using test::fill;
using test::listed_file;
using test::value;

constexpr std::uint64_t kChunk = 64u << 10;
constexpr std::uint64_t kSize = 10 * kChunk + 1234;

class DataFileTest : public testing::Test {
 protected:
  void SetUp() override {
    start("boot1");
    std::vector<ListedEntry> entries{listed_file("file", kSize), listed_file("empty", 0),
                                     listed_file("late")};
    value(cache_->store_listing(kRootId, entries, 0));
    id_ = value(cache_->catalog().find(kRootId, "file"))->id;
  }
  void start(const std::string& boot) {
    CacheOptions options;
    options.directory = directory_.path();
    options.url = "http://example.org/";
    options.commit_interval = Duration(3'600'000);
    options.boot_id = boot;
    cache_.reset();
    cache_ = value(Cache::open(options, clock_));
  }
  // Everything is written as by a process that dies right after. The data files
  // stay: a copy of one is another file.
  void crash_and_start(const std::string& boot) {
    expect_ok(cache_->flush());
    die_and_start(boot);
  }
  // What was not recorded is lost.
  void die_and_start(const std::string& boot) {
    const fs::path meta = directory_.path() + "/meta";
    const fs::path copy = directory_.path() + "/meta-crashed";
    fs::copy(meta, copy, fs::copy_options::recursive);
    cache_.reset();
    fs::remove_all(meta);
    fs::rename(copy, meta);
    start(boot);
  }
  std::shared_ptr<CachedFile> file() { return value(cache_->file(id_)); }
  [[nodiscard]] std::string path() const { return directory_.path() + "/data/file"; }
  void damage(std::uint64_t offset) {
    const auto fd = value(open_fd(AT_FDCWD, path(), O_RDWR));
    const std::vector<std::byte> zeros(100);
    expect_ok(pwrite_full(fd.get(), zeros, offset));
  }

  test::TemporaryDirectory directory_;
  test::HandClock clock_;
  std::unique_ptr<Cache> cache_;
  EntryId id_ = 0;
};

TEST_F(DataFileTest, ColdFileHasNothingAndNeedsNoDataFile) {
  const auto f = file();
  EXPECT_EQ(f->size(), kSize);
  EXPECT_EQ(f->chunk_size(), kChunk);
  EXPECT_FALSE(f->is_complete());
  EXPECT_FALSE(f->is_present({0, 1}));
  EXPECT_EQ(f->present_bytes(), 0u);
  EXPECT_EQ(f->first_missing({0, kSize}), (ByteRange{0, kSize}));
  EXPECT_EQ(f->backing_fd().error().code, Errc::busy);
  std::vector<std::byte> out(10);
  EXPECT_EQ(f->read(out, 0, false).error().code, Errc::busy);
  EXPECT_FALSE(fs::exists(path()));
}

TEST_F(DataFileTest, WrittenChunksCanBeReadAndOthersNot) {
  const auto f = file();
  fill(*f, {2 * kChunk, 4 * kChunk});
  EXPECT_TRUE(f->is_present({2 * kChunk, 4 * kChunk}));
  expect_bytes(*f, {2 * kChunk + 7, 4 * kChunk - 1});
  EXPECT_FALSE(test::read_bytes(*f, {2 * kChunk - 1, 2 * kChunk + 1}));
  EXPECT_FALSE(test::read_bytes(*f, {4 * kChunk - 1, 4 * kChunk + 1}));
}

TEST_F(DataFileTest, AppendTellsWhatBecamePresent) {
  const auto f = file();
  auto writer = value(f->write_from(kChunk));
  const auto bytes = test::bytes_of({kChunk, kSize});
  const auto piece = [&](std::uint64_t from, std::uint64_t to) {
    return value(writer->append(std::span(bytes).subspan(from - kChunk, to - from)));
  };
  EXPECT_TRUE(piece(kChunk, kChunk + 1000).empty());
  EXPECT_FALSE(f->is_present({kChunk, kChunk + 1000}));
  EXPECT_EQ(piece(kChunk + 1000, 3 * kChunk + 5), (ByteRange{kChunk, 3 * kChunk}));
  EXPECT_EQ(piece(3 * kChunk + 5, kSize), (ByteRange{3 * kChunk, kSize}));
  expect_bytes(*f, {kChunk, kSize});
}

TEST_F(DataFileTest, BytesMayComeInPiecesOfAnySize) {
  const auto f = file();
  auto writer = value(f->write_from(0));
  const auto bytes = test::bytes_of({0, kSize});
  constexpr std::size_t kPieces[] = {1, 777, 3318, 4096, 5000, 8191, kChunk + 1, 3 * kChunk - 9};
  for (std::uint64_t at = 0, i = 0; at < kSize; ++i) {
    const auto rest = std::span(bytes).subspan(at);
    const std::size_t n = std::min(rest.size(), kPieces[i % std::size(kPieces)]);
    (void)value(writer->append(rest.first(n)));
    at += n;
  }
  expect_bytes(*f, {0, kSize});
}

// System calls of this thread that wrote.
unsigned long writes_so_far() {
  std::ifstream io("/proc/thread-self/io");
  std::string name;
  for (unsigned long count = 0; io >> name >> count;) {
    if (name == "syscw:") return count;
  }
  return 0;
}

TEST_F(DataFileTest, BytesThatComeInSmallPiecesAreWrittenByTheChunk) {
  if (writes_so_far() == 0) GTEST_SKIP() << "this kernel does not count system calls";
  const auto f = file();
  auto writer = value(f->write_from(0));
  const auto bytes = test::bytes_of({0, kSize});
  const auto before = writes_so_far();
  for (std::uint64_t at = 0; at < kSize; at += 777) {
    const auto rest = std::span(bytes).subspan(at);
    (void)value(writer->append(rest.first(std::min<std::size_t>(777, rest.size()))));
  }
  EXPECT_LE(writes_so_far() - before, (kSize + kChunk - 1) / kChunk);
  expect_bytes(*f, {0, kSize});
}

TEST_F(DataFileTest, BrokenOffChunkStaysAbsent) {
  const auto f = file();
  fill(*f, {0, kChunk + 1000});
  EXPECT_TRUE(f->is_present({0, kChunk}));
  EXPECT_FALSE(f->is_present({kChunk, kChunk + 1}));
}

TEST_F(DataFileTest, PresentChunksAreNotWrittenAgain) {
  const auto f = file();
  fill(*f, {kChunk, 2 * kChunk}, 0);
  fill(*f, {0, 3 * kChunk}, 1);
  expect_bytes(*f, {0, kChunk}, 1);
  expect_bytes(*f, {kChunk, 2 * kChunk}, 0);
  expect_bytes(*f, {2 * kChunk, 3 * kChunk}, 1);
}

TEST_F(DataFileTest, WritersBeginAtChunksAndEndWithTheFile) {
  const auto f = file();
  EXPECT_EQ(f->write_from(5).error().code, Errc::invalid);
  EXPECT_EQ(f->write_from(20 * kChunk).error().code, Errc::invalid);
  auto writer = value(f->write_from(10 * kChunk));
  EXPECT_EQ(writer->append(test::bytes_of({0, 1235})).error().code, Errc::bad_reply);
  EXPECT_FALSE(f->is_present({10 * kChunk, kSize}));
  auto at_end = value(f->write_from(kSize));
  EXPECT_TRUE(value(at_end->append({})).empty());
}

TEST_F(DataFileTest, EmptyFileIsCompleteAtOnce) {
  const auto empty = value(cache_->file(value(cache_->catalog().find(kRootId, "empty"))->id));
  EXPECT_TRUE(empty->is_complete());
  EXPECT_TRUE(empty->is_present({0, 100}));
  std::vector<std::byte> out(10);
  EXPECT_EQ(value(empty->read(out, 0, false)), 0u);
  struct stat st {};
  ASSERT_EQ(::fstat(value(empty->backing_fd()).get(), &st), 0);
  EXPECT_EQ(st.st_size, 0);
}

TEST_F(DataFileTest, CompleteFileGivesAReadOnlyDescriptor) {
  const auto f = file();
  fill(*f, {0, kSize});
  ASSERT_TRUE(f->is_complete());
  const auto fd = value(f->backing_fd());
  EXPECT_EQ(::fcntl(fd.get(), F_GETFL) & O_ACCMODE, O_RDONLY);
  std::vector<std::byte> all(kSize + 1);
  EXPECT_EQ(value(pread_full(fd.get(), all, 0)), kSize);
  all.resize(kSize);
  EXPECT_TRUE(all == test::bytes_of({0, kSize}));
}

TEST_F(DataFileTest, ReadsAreShortOnlyAtTheEnd) {
  const auto f = file();
  fill(*f, {0, kSize});
  std::vector<std::byte> out(1000);
  EXPECT_EQ(value(f->read(out, kSize - 10, false)), 10u);
  EXPECT_EQ(value(f->read(out, kSize, false)), 0u);
  EXPECT_EQ(value(f->read(out, UINT64_MAX, false)), 0u);
}

TEST_F(DataFileTest, ReadingWithoutCachingGivesTheSameBytes) {
  const auto f = file();
  fill(*f, {0, kSize});
  std::vector<std::byte> out(kSize);
  EXPECT_EQ(value(f->read(out, 0, true)), kSize);
  EXPECT_TRUE(out == test::bytes_of({0, kSize}));
}

TEST_F(DataFileTest, FirstValidatorsAreFixedForTheGeneration) {
  const auto f = file();
  expect_ok(f->bind({kSize, "", std::nullopt}));
  EXPECT_FALSE(f->version().has_validator());
  expect_ok(f->bind({kSize, "\"a\"", 5}));
  EXPECT_EQ(f->version(), (Version{kSize, "\"a\"", 5}));
  expect_ok(f->bind({kSize, "\"a\"", 5}));
  EXPECT_EQ(f->bind({kSize, "\"b\"", 5}).error().code, Errc::changed);
  EXPECT_EQ(f->bind({kSize + 1, "\"a\"", 5}).error().code, Errc::changed);
  EXPECT_EQ(f->bind({kSize, "", std::nullopt}).error().code, Errc::changed);
  EXPECT_EQ(value(cache_->catalog().load(id_))->version.etag, "\"a\"");
}

TEST_F(DataFileTest, ValidatorsOfAProbeBindTheOpenFile) {
  const auto f = file();
  value(cache_->record_file(id_, {kSize, "\"a\"", 5}));
  EXPECT_EQ(f->version().etag, "\"a\"");
  EXPECT_EQ(f->bind({kSize, "\"b\"", 6}).error().code, Errc::changed);
}

TEST_F(DataFileTest, BytesWithoutAValidatorAreNotGivenOneLater) {
  const auto f = file();
  fill(*f, {0, kChunk});
  expect_ok(f->bind({kSize, "\"a\"", 5}));
  EXPECT_FALSE(f->version().has_validator());
  EXPECT_FALSE(value(cache_->catalog().load(id_))->version.has_validator());
  EXPECT_EQ(f->bind({kSize + 1, "\"a\"", 5}).error().code, Errc::changed);
}

TEST_F(DataFileTest, AValidatorThatComesAfterBytesBeginsANewGeneration) {
  const auto f = file();
  fill(*f, {0, kSize});
  const auto now = value(cache_->record_file(id_, {kSize, "\"a\"", 5}));
  EXPECT_GT(now.generation, f->generation());
  EXPECT_FALSE(f->version().has_validator());
  expect_bytes(*f, {0, kSize});
  EXPECT_EQ(file()->version().etag, "\"a\"");
  EXPECT_FALSE(file()->is_present({0, 1}));
}

TEST_F(DataFileTest, AValidatorThatComesAfterARestartBeginsANewGenerationToo) {
  fill(*file(), {0, kChunk});
  const auto before = file()->generation();
  start("boot1");
  EXPECT_GT(value(cache_->record_file(id_, {kSize, "\"a\"", 5})).generation, before);
  EXPECT_EQ(file()->version().etag, "\"a\"");
  EXPECT_EQ(file()->present_bytes(), 0u);
}

TEST_F(DataFileTest, AValidatorThatComesWhileBytesAreOnTheirWayIsNotTheirs) {
  const auto f = file();
  const auto writer = value(f->write_from(0));
  expect_ok(f->bind({kSize, "\"a\"", 5}));
  EXPECT_FALSE(f->version().has_validator());
  EXPECT_GT(value(cache_->record_file(id_, {kSize, "\"a\"", 5})).generation, f->generation());
  EXPECT_FALSE(f->version().has_validator());
}

TEST_F(DataFileTest, SurvivesAStopAndAStart) {
  fill(*file(), {kChunk, 3 * kChunk});
  start("boot2");
  const auto f = file();
  expect_bytes(*f, {kChunk, 3 * kChunk});
  EXPECT_FALSE(f->is_present({0, 1}));
  EXPECT_EQ(f->present_bytes(), 2 * kChunk);
}

TEST_F(DataFileTest, GoesOnAfterTheDaemonDied) {
  fill(*file(), {0, kSize});
  crash_and_start("boot1");
  EXPECT_TRUE(file()->is_complete());
  expect_bytes(*file(), {0, kSize});
}

TEST_F(DataFileTest, AfterAPowerLossDamagedChunksAreMissing) {
  fill(*file(), {0, kSize});
  crash_and_start("boot2");
  damage(3 * kChunk + 50);
  const auto f = file();
  EXPECT_FALSE(f->is_complete()) << "not checked yet";
  EXPECT_EQ(f->first_missing({0, kSize}), (ByteRange{3 * kChunk, 4 * kChunk}));
  expect_bytes(*f, {0, 3 * kChunk});
  expect_bytes(*f, {4 * kChunk, kSize});
  fill(*f, {3 * kChunk, 4 * kChunk});
  EXPECT_TRUE(f->is_complete());
  expect_bytes(*f, {0, kSize});
}

TEST_F(DataFileTest, UncheckedChunksStayUnderSuspicionOverRestarts) {
  fill(*file(), {0, 4 * kChunk});
  crash_and_start("boot2");
  EXPECT_TRUE(file()->is_present({0, kChunk}));
  fill(*file(), {5 * kChunk, 6 * kChunk});
  start("boot2");
  damage(2 * kChunk);
  EXPECT_FALSE(file()->is_present({2 * kChunk, 3 * kChunk}));
  expect_bytes(*file(), {5 * kChunk, 6 * kChunk});
  expect_bytes(*file(), {0, 2 * kChunk});
}

TEST_F(DataFileTest, ChunkFoundDamagedIsForgottenDurably) {
  fill(*file(), {0, kSize});
  crash_and_start("boot2");
  damage(0);
  EXPECT_FALSE(file()->is_present({0, 1}));
  const auto record = *value(cache_->catalog().load(id_));
  EXPECT_EQ(std::to_integer<int>(record.map[0]) & 1, 0);
}

// The disk may have gone before it had the bytes of other chunks.
TEST_F(DataFileTest, ClearingTheLastSuspectBelievesNothingThatWasNotSynced) {
  fill(*file(), {0, kChunk});
  crash_and_start("boot2");
  damage(0);
  const auto f = file();
  fill(*f, {5 * kChunk, 7 * kChunk});
  EXPECT_FALSE(f->is_present({0, 1}));
  die_and_start("boot2");
  damage(5 * kChunk);
  EXPECT_FALSE(file()->is_present({5 * kChunk, 6 * kChunk}));
  expect_bytes(*file(), {6 * kChunk, 7 * kChunk});
}

TEST_F(DataFileTest, ForgettingAChunkBelievesNothingThatWasNotSynced) {
  const auto f = file();
  fill(*f, {0, 3 * kChunk});
  const std::vector<ByteRange> damaged{{0, kChunk}};
  expect_ok(f->forget(damaged));
  die_and_start("boot1");
  damage(kChunk);
  EXPECT_FALSE(file()->is_present({kChunk, 2 * kChunk}));
  expect_bytes(*file(), {2 * kChunk, 3 * kChunk});
}

TEST_F(DataFileTest, WhatIsSyncedAfterAChunkWasForgottenIsBelieved) {
  const auto f = file();
  fill(*f, {0, 3 * kChunk});
  const std::vector<ByteRange> damaged{{0, kChunk}};
  expect_ok(f->forget(damaged));
  expect_ok(cache_->flush());
  EXPECT_EQ(value(cache_->catalog().load(id_))->boot_epoch, cache_->catalog().epoch());
}

TEST_F(DataFileTest, WholeChunkWrittenOverASuspectOneCounts) {
  fill(*file(), {0, 2 * kChunk});
  crash_and_start("boot2");
  damage(0);
  const auto f = file();
  fill(*f, {0, kChunk});
  EXPECT_TRUE(f->is_present({0, kChunk}));
  expect_bytes(*f, {0, 2 * kChunk});
}

TEST_F(DataFileTest, DataFileThatVanishedIsFetchedAgain) {
  fill(*file(), {0, kSize});
  start("boot1");
  cache_.reset();
  fs::remove(path());
  start("boot1");
  EXPECT_FALSE(file()->is_present({0, 1}));
  fill(*file(), {0, kChunk});
  crash_and_start("boot1");
  expect_bytes(*file(), {0, kChunk});
  EXPECT_FALSE(file()->is_present({kChunk, kChunk + 1})) << "the old map must not come back";
}

TEST_F(DataFileTest, ForeignDataFileIsReplacedAndNeverWrittenTo) {
  fill(*file(), {0, kSize});
  cache_.reset();
  fs::remove(path());
  std::ofstream(path()) << std::string(kSize, 'x');
  const auto foreign = value(open_fd(AT_FDCWD, path(), O_RDONLY));
  start("boot1");
  EXPECT_FALSE(file()->is_present({0, 1}));
  fill(*file(), {0, kChunk});
  expect_bytes(*file(), {0, kChunk});
  std::vector<std::byte> first(1);
  value(pread_full(foreign.get(), first, 0));
  EXPECT_EQ(first[0], std::byte{'x'});
}

TEST_F(DataFileTest, TruncatedDataFileIsNoticedWhenOpenedAndWhenRead) {
  fill(*file(), {0, kSize});
  ASSERT_EQ(::truncate(path().c_str(), 3 * kChunk), 0);
  EXPECT_FALSE(test::read_bytes(*file(), {2 * kChunk, 5 * kChunk}));
  EXPECT_FALSE(file()->is_present({0, 1}));
  fill(*file(), {0, kSize});
  expect_bytes(*file(), {0, kSize});
  cache_.reset();
  ASSERT_EQ(::truncate(path().c_str(), kSize - 1), 0);
  start("boot1");
  EXPECT_FALSE(file()->is_present({0, 1}));
}

TEST_F(DataFileTest, DiscardGivesUpAllBytesButNotTheReaders) {
  const auto f = file();
  fill(*f, {0, kSize});
  const auto backing = value(f->backing_fd());
  expect_ok(f->discard());
  EXPECT_EQ(f->present_bytes(), 0u);
  EXPECT_FALSE(f->is_present({0, 1}));
  EXPECT_FALSE(fs::exists(path()));
  fill(*f, {0, kChunk}, 1);
  expect_bytes(*f, {0, kChunk}, 1);
  std::vector<std::byte> all(kSize);
  EXPECT_EQ(value(pread_full(backing.get(), all, 0)), kSize);
  EXPECT_TRUE(all == test::bytes_of({0, kSize}));
}

TEST_F(DataFileTest, WriterIntoADiscardedDataFileIsStopped) {
  const auto f = file();
  auto writer = value(f->write_from(0));
  value(writer->append(test::bytes_of({0, 100})));
  expect_ok(f->discard());
  EXPECT_EQ(writer->append(test::bytes_of({100, kChunk})).error().code, Errc::io);
  EXPECT_FALSE(f->is_present({0, kChunk}));
}

TEST_F(DataFileTest, CommitUnderWayDoesNotUndoADiscard) {
  const auto f = file();
  fill(*f, {0, kSize});
  expect_ok(cache_->flush());
  expect_ok(f->discard());
  expect_ok(cache_->flush());
  crash_and_start("boot1");
  EXPECT_FALSE(file()->is_present({0, 1}));
}

TEST_F(DataFileTest, ManyReadersAndWritersAtOnceSeeOnlyRightBytes) {
  const auto f = file();
  std::vector<std::thread> threads;
  std::atomic<bool> wrong{false};
  for (unsigned t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (unsigned i = 0; i < 60; ++i) {
        const std::uint64_t chunk = (i * 7 + t * 3) % 11;
        const ByteRange range = clipped(chunk * kChunk, kChunk, kSize);
        if (t % 2 == 0) {
          auto writer = f->write_from(range.begin);
          if (writer) (void)(*writer)->append(test::bytes_of(range));
          if (i % 20 == 19) (void)f->discard();
        } else if (auto got = test::read_bytes(*f, range)) {
          if (*got != test::bytes_of(range)) wrong = true;
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_FALSE(wrong);
}

}  // namespace
}  // namespace lazymirror
